// What every call can be told.
#pragma once

#include <aether/tracing.hpp>

#include <chrono>
#include <optional>

namespace aether {

struct call_options {
  std::chrono::nanoseconds timeout{}; ///< 0: the store's operation_timeout; of what waits for events: without limit
  std::optional<trace_context> trace{}; ///< the span that the call belongs to, for the store's tracer
};

} // namespace aether
