// What an examination of a stream asks, and of whom.
#pragma once

#include "detail/deadline_queue.hpp"

#include <aether/nats/doctor.hpp>

#include <string>
#include <vector>

namespace aether::nats::detail {

/// Asks the stream's leader, JetStream and the servers themselves, and judges what they say. `name`: on the server;
/// `api`: the API's prefix. Throws what examine() documents.
awaitable<std::vector<finding>> examine_stream(connection on, std::string name, std::string api, doctor_options options,
                                               aether::detail::steady_time deadline);

} // namespace aether::nats::detail
