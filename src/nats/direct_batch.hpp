// Reads a subject by batches of direct gets: the next one is on its way while one is being shown.
#pragma once

#include "nats/subject_reader.hpp"

namespace aether::nats::detail {

/// From range.next on, until there is nothing more or it does not go on: see read_stop. A lost connection is waited
/// for. range.next always stands behind the last message shown. `until_many`: it ends with many_more where that is so.
boost::asio::awaitable<read_stop> read_by_direct_batches(std::shared_ptr<stream_access const> stream, read_range& range,
                                                         message_visitor& visitor, bool until_many,
                                                         steady_time deadline);

} // namespace aether::nats::detail
