// Ending a coroutine after so many steps, as a crash or a cancelled caller would.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace aether::test {

enum class interruption {
  destroy, ///< its io_context goes, and every frame with it
  cancel,  ///< terminal cancellation; it runs on to its end
};

/// Runs `call()` on an io_context of its own for that many handlers, then ends it. False: it had come to rest, or to
/// its end, before that many. Throws what the call threw but for operation_aborted, and fails when a cancelled call
/// hangs.
bool interrupt_after(int steps, interruption how, std::function<boost::asio::awaitable<void>()> call);

} // namespace aether::test
