// Moving a stream to other servers of its cluster.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_config.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace aether::nats {

/// A server that has a copy of the stream, or is getting one.
struct stream_copy {
  std::string server;
  bool leads = false;
  bool is_current = false; ///< has caught up, and was heard of lately
  bool is_online = false;
  std::uint64_t behind = 0; ///< operations, as far as its leader tells

  stream_copy() = default;
  friend bool operator==(stream_copy const&, stream_copy const&) = default;
};

/// How far a move has come.
struct stream_move {
  std::vector<stream_copy> copies; ///< the leader's first; while a stream moves both the old ones and the new ones
  bool was_asked = false; ///< this call has changed the placement; false: it was there already
  std::string missing;    ///< what the move waits for, for people; empty: it has ended

  stream_move() = default;
  friend bool operator==(stream_move const&, stream_move const&) = default;
};

/// Zero and empty mean the default.
struct move_options {
  std::string name_space; ///< as of jetstream_config, like the two below
  std::string api_prefix;
  std::string domain;
  /// How long the end of the move is waited for; 0: 1 hour. The servers go on without anybody who waits.
  std::chrono::nanoseconds timeout{};
  /// To be said of a stream with one replica, which is not moved without: see move_stream().
  bool writers_are_stopped = false;
  /// Called whenever something has changed, on the caller's executor. What it throws ends the call.
  std::function<void(stream_move const&)> progress;

  move_options() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  /// Throws aether::error(invalid_argument), naming the option and its value.
  void validate() const;
};

/// Gives a stream another placement and waits until it is there: on as many servers as it has replicas, all of them
/// online and up to date, with a leader. Everything else of its configuration stays; nobody else may change it
/// meanwhile. With several replicas programs go on reading and writing. With one, whoever writes has to be stopped
/// before, and `writers_are_stopped` says so: servers were seen to lose an acknowledged event else (docs/scaling.md).
/// Ended at any point, it can be called again: a stream that has this placement is not moved once more, and is only
/// waited for. An earlier move to somewhere else is let end first.
///
/// The servers choose by name of the cluster and by tags when a placement *changes*: one that stays is taken for
/// fulfilled, whatever its servers' tags have become. Returns how it ended. Throws stream_not_found;
/// not_enough_replicas when the server is in no cluster, or too few have these tags; stream_settings_differ when the
/// placement was changed by somebody else meanwhile; invalid_argument for an empty placement, and for one replica
/// without `writers_are_stopped`; timed_out, which says what was still missing; permission_denied,
/// jetstream_not_available, invalid_id, server_error, closed, not_open. Cancelling: terminal only, and the servers go
/// on. Any thread.
awaitable<stream_move> move_stream(connection on, std::string stream_name, stream_placement placement,
                                   move_options options = {});

} // namespace aether::nats
