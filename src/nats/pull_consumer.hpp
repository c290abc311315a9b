// Reads a subject by a consumer made for the moment, with more than one pull under way.
#pragma once

#include "nats/subject_reader.hpp"

namespace aether::nats::detail {

/// As read_by_direct_batches, for servers and streams without them.
boost::asio::awaitable<read_stop> read_by_consumer(std::shared_ptr<stream_access const> stream, read_range& range,
                                                   message_visitor& visitor, steady_time deadline);

} // namespace aether::nats::detail
