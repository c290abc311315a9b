// Durations as people write them, for messages.
#pragma once

#include <chrono>
#include <string>

namespace aether::nats::detail {

/// In the largest unit that leaves no fraction: `365 days`, `90 s`, `250 ms`; the largest duration is `forever`.
std::string duration_text(std::chrono::nanoseconds d);

} // namespace aether::nats::detail
