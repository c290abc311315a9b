// Checkpoints in a JetStream stream of their own, beside that of the events.
#pragma once

#include <aether/checkpoint_store.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_config.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <memory>
#include <string>

namespace aether::nats {

/// The stream `{stream}_checkpoints`: one subject a projection, `{stream}_checkpoints.{name}` with the name encoded as
/// ids are, and on it the last checkpoint alone, which never expires. Written with the expected sequence, so that a
/// runner whose name was taken over is refused. Not transactional: events since the last checkpoint come again after a
/// crash. The message is JSON: see docs/interoperability.md.
class checkpoint_store final : public aether::checkpoint_store {
public:
  checkpoint_store() = default; ///< every call throws not_open

  /// Beside an event store, on its connection and with its options; the store is kept open. Creates the stream, unless
  /// the store was opened with `create = false`. Throws stream_settings_differ, stream_not_found, permission_denied,
  /// not_enough_replicas, jetstream_not_available, timed_out.
  static awaitable<checkpoint_store> open(jetstream_event_store events, call_options options = {});
  /// The same by name, e.g. on a connection of its own. Of `config` only replica_count, name_space, create, api_prefix,
  /// domain and the timeouts matter.
  static awaitable<checkpoint_store> open(connection on, std::string stream_name, jetstream_config config = {});

  std::string const& stream() const; ///< the checkpoints' stream on the server

  explicit operator bool() const noexcept { return impl_ != nullptr; }

private:
  awaitable<std::optional<checkpoint>> do_find(std::string name, call_options options) const override;
  awaitable<std::unique_ptr<checkpoint_session>> do_take_over(std::string name, call_options options) override;

  struct impl;
  explicit checkpoint_store(std::shared_ptr<impl const> made) : impl_(std::move(made)) {}

  std::shared_ptr<impl const> impl_;
};

} // namespace aether::nats
