// The store that keeps its events in a NATS JetStream stream.
#pragma once

#include <aether/event_store.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_config.hpp>

#include <memory>
#include <string>
#include <vector>

namespace aether::nats {

namespace detail {
class store_core;
}

/// One stream as an event store. Any number of stores, connections and processes may write the same actors: each
/// version of an actor is won exactly once. Several stores may share a connection; the store keeps it open.
class jetstream_event_store final : public event_store {
public:
  jetstream_event_store() = default; ///< every call throws not_open

  /// Creates the stream, or takes the existing one when its settings are as wanted (see existing_stream). Throws
  /// stream_settings_differ naming each difference, stream_of_another, stream_not_found, not_enough_replicas,
  /// server_too_old, jetstream_not_available, permission_denied, invalid_argument, invalid_id, timed_out.
  static awaitable<jetstream_event_store> open(connection on, std::string stream_name, jetstream_config config = {});

  std::string const& name_space() const;  ///< "" when there is none
  std::string const& stream_name() const; ///< as given to open()
  std::string const& stream() const;      ///< the stream's name on the server: `{name_space}_{stream_name}`
  /// What an adopted stream lacks of the settings asked for; empty for a stream of this library.
  std::vector<weakened_setting> const& weakened() const;

  explicit operator bool() const noexcept { return core_ != nullptr; }
  /// For what the library builds beside the stream: checkpoints.
  std::shared_ptr<detail::store_core> const& core() const noexcept { return core_; }
  /// For what the library builds of several streams.
  explicit jetstream_event_store(std::shared_ptr<detail::store_core> core);

private:
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
  std::shared_ptr<aether::detail::store_watch> do_watch() const override;
  void do_add_metrics(store_metrics& m) const override;

  std::shared_ptr<detail::store_core> core_;
};

} // namespace aether::nats
