// Messages published to a subject, received one by one from a bounded buffer.
#pragma once

#include <aether/event_store.hpp>
#include <aether/nats/message.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aether::nats {

namespace detail {
class subscription_core;
}

struct subscription_options {
  std::string queue;            ///< empty: every subscriber gets every message
  std::size_t max_messages = 0; ///< held and not yet received; 0: 65,536. Beyond it the newest are dropped
  std::size_t max_bytes = 0;    ///< 0: 64 MB

  subscription_options() = default;
};

/// A move-only handle; destroying it unsubscribes. After a reconnect it is subscribed again; what was published
/// meanwhile is lost, as everywhere in core NATS. One coroutine at a time may receive.
class subscription {
public:
  subscription() = default;
  subscription(subscription&&) noexcept = default;
  subscription& operator=(subscription&&) noexcept;
  ~subscription();

  /// The next message; none when the timeout passed (0: waits without limit). Throws `closed` when the connection
  /// was closed and nothing is left. Cancelling (terminal) loses no message.
  awaitable<std::optional<message>> receive(call_options options = {});
  /// The next message if one is there.
  std::optional<message> try_receive();

  std::uint64_t dropped() const; ///< messages that found the buffer full

private:
  friend class connection;
  explicit subscription(std::shared_ptr<detail::subscription_core> core);

  std::shared_ptr<detail::subscription_core> core_;
};

} // namespace aether::nats
