// What every call can be told.
#pragma once

#include <chrono>

namespace aether {

struct call_options {
  std::chrono::nanoseconds timeout{}; ///< 0: the store's operation_timeout; of what waits for events: without limit
};

} // namespace aether
