// Reading everything an actor has: batches of direct gets where the server has them, else a consumer for the moment.
#pragma once

#include "nats/stream_access.hpp"

#include <aether/replay.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace aether::nats::detail {

struct history_request {
  std::string actor_id;
  std::int64_t after_version = 0;
  std::uint64_t from_sequence = 1; ///< where the message after `after_version` cannot stand before
  /// Of the event that stands at `from_sequence` as a snapshot's message tells: when another one or none is there, as
  /// in a stream that was copied, everything is read. 0: `from_sequence` is certain.
  std::int64_t told_version = 0;
  bool keep_errors = false;

  history_request() = default;
};

/// Covers at least what the leader held when this began. Throws history_too_long, actor_mismatch, timed_out,
/// connection_lost, closed, permission_denied, or what the server answered.
boost::asio::awaitable<replay_result> read_history(std::shared_ptr<stream_access const> stream, history_request request,
                                                   steady_time deadline);

} // namespace aether::nats::detail
