// Where reading begins: what the caller chose, as a sequence of this very stream.
#pragma once

#include "nats/stream_state.hpp"

#include <aether/subscription.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aether::nats::detail {

struct stream_start {
  std::shared_ptr<stream_identity const> stream;
  std::uint64_t next = 1;        ///< the first sequence wanted
  std::string event_id;          ///< of the event right below it, for positions
  std::uint64_t target = 0; ///< caught up when what stands at it, or is left up to it, was handed out; 0: at once
  time_point not_before{};  ///< nothing from `next` on was stored earlier; the epoch: not known
  bool last_per_subject = false; ///< up to the target only the last message of each subject

  stream_start() = default;
};

/// `filters`: the subjects that are read. A position is verified: the stream's identity, that it reaches so far, and
/// the event there. Throws position_invalid, start_expired, and what a read throws.
boost::asio::awaitable<stream_start> find_start(std::shared_ptr<stream_access const> stream, start_from start,
                                                expired_start on_expired, std::vector<std::string> filters,
                                                steady_time deadline);

} // namespace aether::nats::detail
