// One store over many streams, so that it is not bound to one stream's leader.
#pragma once

#include <aether/event_store.hpp>
#include <aether/tracing.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// The stream, from 0 on, in which an actor's events are: jump consistent hashing (Lamping and Veach) of its
/// placement_hash. With one stream more, an actor stays where it is or goes to the new one. It is part of what is
/// stored, so no release changes it. `streams` is not 0.
std::size_t stream_of_actor(std::string_view actor_id, std::size_t streams) noexcept;
/// How the configuration of a stream names it.
inline constexpr std::string_view stream_hash_name = "siphash-2-4-128/jump";

struct sharding {
  /// Some actors have events in a stream that is no longer theirs, as streams were added later: those are passed over
  /// wherever more than one actor is read.
  bool has_moved_actors = false;
  // How it is called where its calls are counted and traced.
  std::string name_space;
  std::string name;
  std::shared_ptr<aether::tracer> tracer;

  sharding() = default;
};

/// Each actor in one of several stores, which keep what they promise of each actor: versions, conflicts, retries,
/// snapshots and batches are theirs. What reads more than one actor reads all of them side by side:
///
/// - A subscription begins everywhere where its start says, and its position has a place for each stream. While it
///   catches up it waits for every stream and hands out what was stored first (by the stores' clocks), so that a
///   rebuild meets events of different actors about as they happened; afterwards what comes first. Each stream stays
///   in its own order. A recorded_event's own position() names its stream only: keep the subscription's, which may
///   stand before what a filter has passed over.
/// - A group is one group in each stream, joined together: max_in_flight is that of each, prefetch is divided. A member
///   asks all of them at once, so that an event may be fetched for a worker that has just got another.
/// - Listings and dead letters are those of all streams; where a call asks several, each has the call's timeout.
///
/// Calls are counted and traced here and not in the stores, whose metrics are added. A store that is not reachable
/// fails the calls about its own actors, and holds up what catches up. Handles, threads, cancelling: as event_store.
class sharded_event_store final : public event_store {
public:
  sharded_event_store() = default; ///< every call throws not_open
  /// Always the same stores in the same order: see stream_of_actor(). Each is one stream or more, and no two share one.
  /// Throws invalid_argument for none, for more than 1,024, and for two of the same stream; not_open for one that is
  /// not open.
  explicit sharded_event_store(std::vector<std::shared_ptr<event_store>> stores, sharding how = {});

  std::size_t stream_count() const noexcept;
  /// Where this actor's events are.
  std::size_t stream_of(std::string_view actor_id) const noexcept;
  /// Throws invalid_argument for no such number.
  event_store& store(std::size_t stream) const;

private:
  event_store& do_store_of(std::string_view actor_id) override;
  awaitable<save_outcome> do_save_event(event e, save_options options) override;
  awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) override;
  awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                         call_options options) override;
  event_reader do_read_events(std::string actor_id, read_options options) override;
  awaitable<event_subscription> do_subscribe(subscribe_options options) override;
  actor_list do_list_actors(list_options options) override;
  awaitable<event_group> do_join_group(group_options options) override;
  awaitable<bool> do_delete_group(std::string name, call_options options) override;
  dead_letter_list do_dead_letters(std::string group) override;
  awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options options) override;
  awaitable<std::int64_t> do_latest_version(std::string actor_id, call_options options) override;
  awaitable<std::optional<event>> do_find_event(std::string actor_id, std::int64_t version,
                                                call_options options) override;
  awaitable<std::optional<event>> do_find_latest_event(std::string actor_id, call_options options) override;
  bool do_supports_batches() const override;
  awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) override;
  awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) override;
  awaitable<close_report> do_close(call_options options) override;
  std::vector<std::string> do_streams() const override;
  std::shared_ptr<detail::store_watch> do_watch() const override;
  void do_add_metrics(store_metrics& m) const override;

  struct impl;
  static awaitable<event_subscription> subscribe_to(std::shared_ptr<impl const> self, subscribe_options options);
  static awaitable<event_group> join(std::shared_ptr<impl const> self, group_options options);
  static awaitable<bool> delete_everywhere(std::shared_ptr<impl const> self, std::string name, call_options options);
  static awaitable<close_report> close_all(std::shared_ptr<impl const> self, call_options options);

  std::shared_ptr<impl const> impl_;
};

} // namespace aether
