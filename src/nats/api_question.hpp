// One question to JetStream's API.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/nats/connection.hpp>

#include <chrono>
#include <string>

namespace aether::nats::detail {

/// The answer's text, which may be a refusal. Throws jetstream_not_available when nobody is there to answer, and what
/// connection::request() throws; not later than after `patience`.
awaitable<std::string> ask_once(connection on, std::string subject, std::string body,
                                std::chrono::nanoseconds patience);

} // namespace aether::nats::detail
