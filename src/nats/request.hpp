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

/// The same with a message that carries reply_subject(token).
boost::asio::awaitable<answer> request_once(std::shared_ptr<connection_core> core, outgoing_message message,
                                            std::uint64_t token, steady_time deadline);

/// The same for a user's message, on an inbox of its own: no_responders is exact. Its reply subject is replaced.
boost::asio::awaitable<answer> request_exactly_once(std::shared_ptr<connection_core> core, message m,
                                                    steady_time deadline);

/// A message to ourselves, through the server: when it is back, the server has handled what came before; so it has when
/// it refuses the message for lack of permission. Returns why it did not come back.
boost::asio::awaitable<std::optional<no_answer>> round_trip(std::shared_ptr<connection_core> core,
                                                            steady_time deadline);

/// request_once() until it is answered or `deadline` passes: asks again after a lost connection, an unanswered
/// `attempt_timeout` and no responders. For questions only, which may be asked twice.
boost::asio::awaitable<answer> ask(std::shared_ptr<connection_core> core, std::string subject, std::string data,
                                   steady_time deadline, std::chrono::nanoseconds attempt_timeout);

/// Waits until there is a connection; false when the deadline passed or the connection was closed.
boost::asio::awaitable<bool> wait_connected(std::shared_ptr<connection_core> core, steady_time deadline);

/// Waits until the state is no longer `seen`; false when the deadline passed.
boost::asio::awaitable<bool> wait_state_change(std::shared_ptr<connection_core> core, connection_state seen,
                                               steady_time deadline);

/// Waits until then.
boost::asio::awaitable<void> pause_until(steady_time when);

} // namespace aether::nats::detail
