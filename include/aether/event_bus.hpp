// A bus in this process.
#pragma once

#include <aether/event_broadcaster.hpp>

#include <memory>

namespace aether {

namespace detail {
class bus_registry;
} // namespace detail

/// A copyable handle: copies are the same bus, which is closed when the last one goes. Subscribers are woken on their
/// own executors; publishing from several threads at once keeps, for each namespace, one order that all its subscribers
/// see.
class event_bus final : public event_broadcaster {
public:
  event_bus();

  /// Subscribers take what they have, and then hear that it is closed. What is published later reaches nobody.
  void close() noexcept;

private:
  void do_publish(std::string_view name_space, std::shared_ptr<event const> e) override;
  awaitable<bus_subscription> do_subscribe(bus_filter filter, call_options options) override;
  bus_metrics do_metrics() const override;
  bool do_publishes_at_once() const noexcept override { return true; }

  struct impl;
  static awaitable<bus_subscription> subscribe_to(std::shared_ptr<impl> self, bus_filter filter);
  detail::bus_registry& registry() const;

  std::shared_ptr<impl> impl_;
};

} // namespace aether
