// Letting others on an executor run, in a loop that would otherwise never suspend.
#pragma once

#include "detail/wait.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace aether::detail {

/// How much is handled at a stretch before others may run.
inline constexpr unsigned items_at_a_stretch = 256;

/// Throws operation_aborted when cancelled.
inline boost::asio::awaitable<void> give_way() {
  auto const passed = co_await wait_until<bool>(
      steady_time::max(), [](std::shared_ptr<wait_state<bool>> waiting) { waiting->complete(true); });
  throw_if_cancelled(passed);
}

} // namespace aether::detail
