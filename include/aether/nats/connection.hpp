// A NATS connection on an Asio executor: requests, publishing, subscriptions, reconnecting by itself.
#pragma once

#include <aether/event_store.hpp>
#include <aether/nats/connection_options.hpp>
#include <aether/nats/message.hpp>
#include <aether/nats/subscription.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace aether::nats {

namespace detail {
class connection_core;
}

enum class connection_state {
  connected,
  reconnecting, ///< lost; trying again until close()
  closed,       ///< close() was called, or the execution context is gone
};

std::string_view to_string(connection_state state) noexcept;

struct connection_statistics {
  std::uint64_t reconnects = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t unmatched_replies = 0; ///< answers that came after their request had ended
};

/// A copyable handle. The last copy gone lets calls begun finish and then ends the connection, as close() does; while
/// it is open it keeps its io_context's run() from returning. A subscription does not keep it open.
///
/// Threads: every function may be called from any thread and awaited on any executor. Cancelling: terminal only;
/// throws operation_aborted. Every call ends by its deadline. A call on a default-made or moved-from handle throws
/// not_open, after close() `closed`.
class connection {
public:
  connection() = default;

  /// Connects to `nats://host:port`, several separated by commas. Throws connect_failed, authentication_failed,
  /// tls_failed, timed_out.
  static awaitable<connection> connect(std::string url);
  static awaitable<connection> connect(connection_options options);
  static awaitable<connection> connect(std::initializer_list<std::string_view>) = delete; // {"a", "b"} is one string

  /// Flushes, disconnects, and ends what still waits with `closed`. Closing twice is no error.
  awaitable<void> close(call_options options = {});

  /// Sends `m` and waits for one answer. A status message is an answer too: see message::status; 503 says that
  /// nobody listens. Throws timed_out, connection_lost, permission_denied.
  awaitable<message> request(message m, call_options options = {});
  /// Sends and forgets: at most once. Throws connection_lost while there is no connection, overloaded.
  awaitable<void> publish(message m, call_options options = {});
  /// Returns when the server has handled everything published before.
  awaitable<void> flush(call_options options = {});

  /// Receives what is published to a subject, which may hold wildcards, from the moment this returns. With a queue
  /// name each message goes to one subscriber of that name.
  awaitable<subscription> subscribe(std::string subject, subscription_options options = {});

  connection_state state() const;
  /// Returns when the state is no longer `seen`, with the new one. Timeout 0: waits without limit; closed is final.
  awaitable<connection_state> wait_for_change(connection_state seen, call_options options = {});
  /// Why the connection was last lost or an attempt failed; empty when never.
  boost::system::error_code last_error() const;
  std::string last_error_text() const;

  std::string connected_server() const; ///< URL; empty while reconnecting
  std::int64_t max_payload() const;     ///< bytes the server takes in one message; 0 while unknown
  connection_statistics statistics() const;

  explicit operator bool() const noexcept { return core_ != nullptr; }
  /// For the library's own stores.
  std::shared_ptr<detail::connection_core> const& core() const noexcept { return core_; }

private:
  explicit connection(std::shared_ptr<detail::connection_core> core);
  static awaitable<subscription> subscribe_as_handle(connection self, std::string subject,
                                                     subscription_options options);

  std::shared_ptr<detail::connection_core> core_;
  std::shared_ptr<void> owner_; // ends the connection when the last handle goes
};

} // namespace aether::nats
