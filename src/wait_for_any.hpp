// Waiting for several handles at once, each of which is waited for by itself.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace aether::detail {

/// The timeout of a call that is to end then.
call_options options_until(std::chrono::steady_clock::time_point deadline);

/// Until one of the waits is true or throws, or all have ended. `ready` is told which it was, by any thread, several at
/// once; what was thrown the handle says again. False: none. No wait is under way any more when this ends, also when
/// it is cancelled. What `ready` uses outlives the awaitable.
awaitable<bool> wait_for_any(std::vector<awaitable<bool>> waits, std::function<void(std::size_t)> ready);

} // namespace aether::detail
