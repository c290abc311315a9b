// A bus across processes, over core NATS.
#pragma once

#include <aether/event_broadcaster.hpp>
#include <aether/logging.hpp>
#include <aether/nats/connection.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace aether::nats {

namespace detail {
class bus_core;
} // namespace detail

/// Zero and empty mean the default.
struct event_bus_options {
  std::string prefix;            ///< first tokens of every subject; empty: `aether.bus`
  /// Namespaces published in whose count is kept. One that is forgotten (the oldest) begins anew. 0: 16,384
  std::size_t max_published_namespaces = 0;
  /// Pairs of publisher and namespace whose count is kept, for each pattern subscribed to; the same. 0: 65,536
  std::size_t max_heard_counts = 0;
  std::shared_ptr<logger> log;   ///< none: nothing is told

  event_bus_options() = default;

  /// Throws invalid_argument.
  void validate() const;
};

/// A copyable handle: copies are the same bus, which is closed when the last one goes or its connection is closed. It
/// keeps the connection open; subscriptions keep neither.
///
/// publish() hands an event to those who subscribed to this bus at once, without the server, and to the connection for
/// all others. It never waits: what the connection does not take (it is lost, or max_pending_bytes wait) is lost, and
/// counted as unsent. Before anybody gets it, it throws invalid_id for a type or actor id that is none, what to_json()
/// refuses, and event_too_large for what the server would not take. On a closed bus it does nothing.
///
/// Messages carry a number, so that subscribers hear of what did not come (missed), in the namespaces of their pattern:
/// which types and actors were concerned, numbers cannot tell. After the subscriber's own connection was lost, nobody
/// knows how many were (missed without a count, told when the server takes messages for it again). Counting begins with
/// the first message from a publisher in a namespace, and what a publisher lost is known with its next message there,
/// or at its reconnect. Events of one bus in one namespace come in the order in which they were published.
///
/// subscribe() returns when the server has confirmed it. Throws permission_denied, `closed`, and timed_out when there
/// was no connection in time. Should the server refuse it later, at a reconnect, the subscription is closed.
class event_bus final : public event_broadcaster {
public:
  event_bus() = default;

  /// Waits for nothing. Throws invalid_argument, not_open, `closed`.
  static awaitable<event_bus> open(connection on, event_bus_options options = {});

  /// Subscribers take what they have, and then hear that it is closed. What is published later reaches nobody.
  void close() noexcept;

  explicit operator bool() const noexcept { return impl_ != nullptr; }

private:
  struct impl;
  explicit event_bus(std::shared_ptr<impl> made) noexcept : impl_(std::move(made)) {}

  void do_publish(std::string_view name_space, std::shared_ptr<event const> e) override;
  awaitable<bus_subscription> do_subscribe(bus_filter filter, call_options options) override;
  bus_metrics do_metrics() const override;
  bool do_publishes_at_once() const noexcept override { return true; }

  static awaitable<bus_subscription> subscribe_to(std::shared_ptr<impl> self, bus_filter filter, call_options options);
  detail::bus_core& core() const;

  std::shared_ptr<impl> impl_;
};

} // namespace aether::nats
