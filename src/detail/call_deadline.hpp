// When a call has to end.
#pragma once

#include "detail/deadline_queue.hpp"

#include <aether/error.hpp>

#include <chrono>

namespace aether::detail {

/// `now` + `timeout`, or + `standard` when that is zero; never beyond what the clock can say. Throws invalid_argument
/// for a negative timeout.
inline steady_time deadline_after(std::chrono::nanoseconds timeout, std::chrono::nanoseconds standard,
                                  steady_time now = std::chrono::steady_clock::now()) {
  if (timeout.count() < 0)
    throw error(errc::invalid_argument, "call_options::timeout is negative: use 0 for the default");
  auto const wanted = timeout.count() == 0 ? standard : timeout;
  return wanted >= steady_time::max() - now ? steady_time::max() : now + wanted;
}

} // namespace aether::detail
