// The interface every store implements: save events, read them back, keep snapshots.
#pragma once

#include <aether/actor_list.hpp>
#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/dead_letter.hpp>
#include <aether/error.hpp>
#include <aether/event.hpp>
#include <aether/event_group.hpp>
#include <aether/event_reader.hpp>
#include <aether/metrics.hpp>
#include <aether/replay.hpp>
#include <aether/snapshot.hpp>
#include <aether/subscription.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace aether {

/// The event is in the store: this call or an earlier attempt of the same event put it there.
struct saved {
  std::int64_t version = 0;
  std::uint64_t sequence = 0;  ///< the store's number of the event, unique in its stream
  /// The event was there before this call. With replicas, while two servers take themselves for the leader, one may
  /// refuse what the other stores: then it is said of an event that this call put there.
  bool already_saved = false;
};

/// How a save ended. A default-made outcome is a conflict, never a success.
using save_outcome = std::variant<version_conflict, saved>;

struct save_options {
  std::chrono::nanoseconds timeout{}; ///< 0: the store's operation_timeout
  /// The save succeeds only when the actor's current version is exactly this (0: no event yet).
  std::optional<std::int64_t> expected_version{};
};

/// Which versions a store takes when the call names no expectation.
enum class version_policy {
  increasing, ///< any version greater than the current one
  contiguous, ///< only the current one + 1, inside a batch too
};

/// A save that close() could not bring to an end: save the event again, or ask find_event.
struct unknown_save {
  std::string actor_id;
  std::string event_id;
  std::int64_t version = 0;

  unknown_save() = default;
};

struct close_report {
  std::vector<unknown_save> unknown;

  close_report() = default;
};

class sharded_event_store;
namespace detail {
class store_watch;
} // namespace detail

/// Where events live. Stores are copyable handles: copies share one implementation, and every
/// operation begun keeps it alive. What stands on a store takes std::shared_ptr<event_store>.
///
/// Threads: every function may be called from any thread and awaited on any executor; the caller's
/// coroutine resumes on its own. Cancelling: only cancellation_type::terminal acts; the call then throws
/// operation_aborted. A cancelled save whose write was handed over goes on being resolved by the store, so
/// treat it as unknown. Every call ends by its deadline. Errors are thrown as aether::error when awaited.
class event_store {
public:
  virtual ~event_store() = default;

  /// Appends one event. Throws version_conflict_error when its version is taken or passed or an expectation
  /// is not met; outcome_unknown when an attempt went unanswered (save the same event again); any other
  /// error says that nothing was stored. Saving the same event twice stores it once.
  awaitable<saved> save_event(event e, save_options options = {});

  /// The same, with the conflict as a value.
  awaitable<save_outcome> try_save_event(event e, save_options options = {});

  /// Appends several events of one actor, versions increasing, all or none: at most 1,000. More than one
  /// event needs supports_batches(), else batch_not_supported. Returns `saved` of the last one.
  awaitable<saved> save_events(std::vector<event> batch, save_options options = {});
  awaitable<save_outcome> try_save_events(std::vector<event> batch, save_options options = {});

  /// All well-formed events of an actor with a version greater than `after_version`, in version order;
  /// malformed ones are skipped. An unknown actor has none. Throws history_too_long beyond the store's limit.
  awaitable<std::vector<event>> get_events(std::string actor_id, std::int64_t after_version = 0,
                                           call_options options = {});

  /// The same, with every malformed stored message reported: sequence, bytes and cause.
  awaitable<replay_result> get_events_with_errors(std::string actor_id, std::int64_t after_version = 0,
                                                  call_options options = {});

  /// Reads an actor's history event by event, whatever its length, forwards or backwards. Nothing happens before the
  /// reader's first next().
  event_reader read_events(std::string actor_id, read_options options = {});

  /// Follows the store: what is there from the start chosen on, then what is saved. Throws position_invalid,
  /// start_expired, and what a read throws.
  awaitable<event_subscription> subscribe(subscribe_options options = {});

  /// The actors that have events. Nothing happens before the list's first next(). On JetStream a page of a large stream
  /// holds up saves: see docs/reading.md.
  actor_list list_actors(list_options options = {});

  /// Joins a group, which is made when it is not there. Throws group_settings_differ, position_invalid, start_expired,
  /// and what a read throws.
  awaitable<event_group> join_group(group_options options);

  /// Ends a group: its members get group_not_found. Its dead letters stay; a group of this name that is made later
  /// finds them, and gets those that were being retried. False: there is none.
  awaitable<bool> delete_group(std::string name, call_options options = {});

  /// What a group, also one that was deleted, gave up on. Nothing happens before the list's first next().
  dead_letter_list dead_letters(std::string group);

  /// Has the letter's event handed out again to the group's members, at least once, and removes the letter. False: it
  /// is not there any more.
  awaitable<bool> retry_dead_letter(dead_letter letter, call_options options = {});

  /// Removes the letter. False: it is not there any more.
  awaitable<bool> discard_dead_letter(dead_letter letter, call_options options = {});

  /// The actor's current version, 0 when it has no event. Costs the same whatever the history's length.
  awaitable<std::int64_t> latest_version(std::string actor_id, call_options options = {});

  /// The event of exactly this version. What it finds is final; that it finds nothing is final only once
  /// the actor's current version is not smaller.
  awaitable<std::optional<event>> find_event(std::string actor_id, std::int64_t version, call_options options = {});

  /// The actor's latest well-formed event.
  awaitable<std::optional<event>> find_latest_event(std::string actor_id, call_options options = {});

  /// Whether save_events takes more than one event.
  bool supports_batches() const;

  /// Keeps a snapshot. One that is older than the stored latest leaves that as it is and is no error; one of the
  /// same version replaces it.
  awaitable<void> save_snapshot(actor_snapshot s, call_options options = {});

  /// The actor's latest snapshot; throws snapshot_not_found when there is none.
  awaitable<actor_snapshot> latest_snapshot(std::string actor_id, call_options options = {});
  awaitable<std::optional<actor_snapshot>> find_snapshot(std::string actor_id, call_options options = {});

  /// Takes no new operation (they throw `closed`), lets those begun end until the deadline, and reports
  /// the saves whose outcome stayed unknown. A second later at most, when nobody runs the connection's context.
  /// Closing twice is no error.
  awaitable<close_report> close(call_options options = {});

  /// The streams that positions of this store name; empty: it is not open, or has no positions.
  std::vector<std::string> streams() const;

  /// What this store has done so far, all copies of the handle together.
  store_metrics metrics() const;

protected:
  event_store() = default;
  event_store(event_store const&) = default;
  event_store(event_store&&) = default;
  event_store& operator=(event_store const&) = default;
  event_store& operator=(event_store&&) = default;

private:
  friend class sharded_event_store; // counts and traces the calls that it passes on
  // Overrides are no coroutines themselves: they pass a shared_ptr of their implementation to one, as the
  // store may be gone before the awaitable is awaited. All arguments arrive unchecked.
  /// The store that an actor's event is saved in, where that is another one: the event need not be moved twice.
  virtual event_store& do_store_of(std::string_view /*actor_id*/) { return *this; }
  virtual awaitable<save_outcome> do_save_event(event e, save_options options) = 0;
  virtual awaitable<save_outcome> do_save_events(std::vector<event> batch, save_options options) = 0;
  virtual awaitable<replay_result> do_get_events(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                                 call_options options) = 0;
  virtual event_reader do_read_events(std::string actor_id, read_options options) = 0;
  virtual awaitable<event_subscription> do_subscribe(subscribe_options options) = 0;
  virtual actor_list do_list_actors(list_options options) = 0;
  virtual awaitable<event_group> do_join_group(group_options options) = 0;
  virtual awaitable<bool> do_delete_group(std::string name, call_options options) = 0;
  virtual dead_letter_list do_dead_letters(std::string group) = 0;
  virtual awaitable<bool> do_remove_dead_letter(dead_letter letter, bool retry, call_options options) = 0;
  virtual awaitable<std::int64_t> do_latest_version(std::string actor_id, call_options options) = 0;
  virtual awaitable<std::optional<event>> do_find_event(std::string actor_id, std::int64_t version,
                                                        call_options options) = 0;
  virtual awaitable<std::optional<event>> do_find_latest_event(std::string actor_id, call_options options) = 0;
  virtual bool do_supports_batches() const = 0;
  virtual awaitable<void> do_save_snapshot(actor_snapshot s, call_options options) = 0;
  virtual awaitable<std::optional<actor_snapshot>> do_find_snapshot(std::string actor_id, call_options options) = 0;
  virtual awaitable<close_report> do_close(call_options options) = 0;
  virtual std::vector<std::string> do_streams() const { return {}; }
  /// Who counts and traces the calls; a store without one has no metrics.
  virtual std::shared_ptr<detail::store_watch> do_watch() const { return nullptr; }
  /// Adds what only the store knows.
  virtual void do_add_metrics(store_metrics&) const {}

  awaitable<replay_result> replay(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                  call_options options);
};

} // namespace aether
