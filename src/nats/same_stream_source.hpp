// Messages read by questions to a stream's name: at the end of a long read it is asked whether it still is that stream.
#pragma once

#include "nats/message_source.hpp"
#include "nats/stream_access.hpp"

#include <memory>

namespace aether::nats::detail {

/// What a consumer notices by itself: that the stream was deleted (stream_not_found), or made again (position_invalid)
/// while it was read. What came in the first answer is of one stream, and costs no question more. Without permission to
/// ask for the stream's state nothing is said.
std::shared_ptr<message_source> of_same_stream(std::shared_ptr<stream_access const> stream,
                                               std::shared_ptr<message_source> source);

/// Asks whether the stream is still the one in which a message was stored at `stored`; `next`: behind it. Throws
/// position_invalid, stream_not_found, and what a read throws but permission_denied.
boost::asio::awaitable<void> verify_same_stream(std::shared_ptr<stream_access const> stream, time_point stored,
                                                std::uint64_t next, std::chrono::steady_clock::time_point deadline);

} // namespace aether::nats::detail
