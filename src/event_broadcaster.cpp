// What every bus checks, and receiving from a subscription.
#include <aether/event_broadcaster.hpp>

#include "bus_inbox.hpp"
#include "bus_pattern.hpp"
#include "detail/call_deadline.hpp"
#include "detail/give_way.hpp"
#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <exception>
#include <utility>

namespace aether {
namespace {

detail::steady_time deadline_of(std::shared_ptr<detail::bus_inbox> const& inbox, call_options const& options) {
  if (!inbox)
    throw error(errc::not_open, "this subscription is default-made or was moved from");
  return detail::deadline_after(options.timeout, std::chrono::nanoseconds::max());
}

/// What is wrong is thrown where it is awaited.
awaitable<bus_subscription> refuse(std::exception_ptr why) {
  std::rethrow_exception(std::move(why));
  co_return bus_subscription();
}

} // namespace

void bus_filter::validate() const {
  detail::check_pattern(pattern);
  for (auto const& type : event_types)
    if (!detail::valid_id(type))
      throw error(errc::invalid_id, "bus_filter::event_types: " + detail::quoted(type));
  if (!actor_pattern.empty() && !detail::valid_id(actor_pattern))
    throw error(errc::invalid_id, "bus_filter::actor_pattern: " + detail::quoted(actor_pattern));
}

bus_subscription::bus_subscription(std::shared_ptr<detail::bus_inbox> inbox) noexcept : inbox_(std::move(inbox)) {}

bus_subscription& bus_subscription::operator=(bus_subscription&& other) noexcept {
  if (auto const mine = std::exchange(inbox_, std::exchange(other.inbox_, nullptr)))
    mine->leave();
  return *this;
}

bus_subscription::~bus_subscription() {
  if (inbox_)
    inbox_->leave();
}

awaitable<std::optional<bus_item>> bus_subscription::receive(call_options options) {
  return receive_item(inbox_, options);
}
awaitable<bool> bus_subscription::wait(call_options options) { return wait_for_item(inbox_, options); }

std::optional<bus_item> bus_subscription::try_receive() {
  if (!inbox_)
    throw error(errc::not_open, "this subscription is default-made or was moved from");
  return inbox_->take();
}

awaitable<std::optional<bus_item>> bus_subscription::receive_item(std::shared_ptr<detail::bus_inbox> inbox,
                                                                  call_options options) {
  auto const deadline = deadline_of(inbox, options);
  if (++inbox->at_a_stretch > detail::items_at_a_stretch) {
    co_await detail::give_way();
    inbox->at_a_stretch = 0;
  }
  auto const park = [&](std::shared_ptr<detail::wait_state<bool>> waiting) { inbox->park(std::move(waiting)); };
  for (;;) {
    auto item = inbox->take();
    if (item)
      co_return item;
    inbox->at_a_stretch = 0;
    auto const ended = co_await detail::wait_until<bool>(deadline, park);
    detail::throw_if_cancelled(ended);
    if (ended.end != detail::wait_end::completed)
      co_return std::nullopt;
  }
}

awaitable<bool> bus_subscription::wait_for_item(std::shared_ptr<detail::bus_inbox> inbox, call_options options) {
  auto const deadline = deadline_of(inbox, options);
  inbox->at_a_stretch = 0;
  auto const park = [&](std::shared_ptr<detail::wait_state<bool>> waiting) { inbox->park(std::move(waiting)); };
  auto const ended = co_await detail::wait_until<bool>(deadline, park);
  detail::throw_if_cancelled(ended);
  co_return ended.end == detail::wait_end::completed;
}

void event_broadcaster::publish(std::string_view name_space, std::shared_ptr<event const> e) {
  detail::check_name_space(name_space);
  if (!e)
    throw error(errc::invalid_argument, "publish: there is no event");
  do_publish(name_space, std::move(e));
}

void event_broadcaster::publish(std::string_view name_space, event e) {
  publish(name_space, std::make_shared<event const>(std::move(e)));
}

awaitable<bus_subscription> event_broadcaster::subscribe(bus_filter filter, call_options options) {
  try {
    filter.validate();
    return do_subscribe(std::move(filter), options);
  } catch (...) {
    return refuse(std::current_exception());
  }
}

} // namespace aether
