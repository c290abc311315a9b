// One request and its answer, as an awaitable for coroutines on any executor.
#pragma once

#include "nats/connection_core.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace aether::nats::detail {

struct answer {
  native_message message;              ///< when there is one
  no_answer why = no_answer::closed;   ///< when there is none

  answer() = default;
  explicit operator bool() const noexcept { return static_cast<bool>(message); }
};

/// Sends `data` to `subject` and waits for one answer until `deadline`. Never throws but for cancellation
/// (operation_aborted) and for a subject that cannot be sent (invalid_argument). Nothing is retried.
boost::asio::awaitable<answer> request_once(std::shared_ptr<connection_core> core, std::string subject,
                                            std::string data, steady_time deadline);

/// The same until it is answered or `deadline` passes: asks again after a lost connection, an unanswered
/// `attempt_timeout` and no responders. For questions only, which may be asked twice.
boost::asio::awaitable<answer> ask(std::shared_ptr<connection_core> core, std::string subject, std::string data,
                                   steady_time deadline, std::chrono::nanoseconds attempt_timeout);

/// Waits until there is a connection; false when the deadline passed or the connection was closed.
boost::asio::awaitable<bool> wait_connected(std::shared_ptr<connection_core> core, steady_time deadline);

} // namespace aether::nats::detail
