// A registry and no more: who subscribes is told by whoever publishes.
#include <aether/event_bus.hpp>

#include "bus_registry.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether {

struct event_bus::impl {
  std::shared_ptr<detail::bus_registry> const registry = std::make_shared<detail::bus_registry>();

  impl() = default;
  ~impl() { registry->close(); }
};

event_bus::event_bus() : impl_(std::make_shared<impl>()) {}

detail::bus_registry& event_bus::registry() const {
  if (!impl_)
    throw error(errc::not_open, "this bus was moved from");
  return *impl_->registry;
}

void event_bus::close() noexcept {
  if (impl_)
    impl_->registry->close();
}

void event_bus::do_publish(std::string_view name_space, std::shared_ptr<event const> e) {
  registry().put(name_space, e);
}

awaitable<bus_subscription> event_bus::do_subscribe(bus_filter filter, call_options) {
  registry();
  return subscribe_to(impl_, std::move(filter));
}

awaitable<bus_subscription> event_bus::subscribe_to(std::shared_ptr<impl> self, bus_filter filter) {
  auto inbox = std::make_shared<detail::bus_inbox>(std::move(filter), self->registry);
  self->registry->add(inbox);
  bus_subscription made(std::move(inbox));
  co_return made;
}

bus_metrics event_bus::do_metrics() const { return registry().metrics(); }

} // namespace aether
