// The handle of a bus across processes, and subscribing: until the server has said that it listens.
#include <aether/nats/event_bus.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "nats/bus_core.hpp"
#include "nats/read_failure.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace aether::nats {
namespace {

using aether::detail::bus_inbox;
using aether::detail::steady_time;
using detail::bus_channel;
using detail::bus_core;
using detail::no_answer;

constexpr std::chrono::milliseconds late_refusal(100);

/// A channel's user, until it is handed to an inbox.
class channel_use {
public:
  channel_use(std::shared_ptr<bus_core> bus, std::string const& pattern)
      : bus_(std::move(bus)), channel_(bus_->acquire(pattern)) {}
  channel_use(channel_use const&) = delete;
  channel_use& operator=(channel_use const&) = delete;
  ~channel_use() {
    if (channel_)
      bus_->release(std::move(channel_));
  }

  bus_channel& operator*() const noexcept { return *channel_; }
  bus_channel* operator->() const noexcept { return channel_.get(); }
  /// Its inbox releases it from now on.
  bus_subscription turn_into(bus_filter filter) {
    auto inbox = std::make_shared<bus_inbox>(std::move(filter), channel_);
    channel_->add(inbox);
    channel_ = nullptr;
    return bus_subscription(std::move(inbox));
  }

private:
  std::shared_ptr<bus_core> const bus_;
  std::shared_ptr<bus_channel> channel_;
};

/// Returns when the server takes messages for it.
awaitable<void> come_alive(std::shared_ptr<bus_core> bus, bus_channel& channel, steady_time deadline) {
  auto const link = bus->link();
  auto const what = "subscribing to " + aether::detail::quoted(channel.pattern()) + " on a bus";
  for (;;) {
    if (channel.is_refused())
      throw error(errc::permission_denied, what + ": " + link->last_error_text());
    if (bus->is_closed())
      throw error(errc::closed, what + ": it was closed");
    if (channel.is_live())
      co_return;
    auto const epoch = channel.epoch();
    auto const why = co_await detail::round_trip(link, deadline);
    // A refusal comes before the answer, but of two in the same words cnats tells the second by a thread of its own.
    if (!why && !channel.is_refused() && bus->was_refused(channel.pattern()))
      co_await detail::pause_until(std::min(deadline, std::chrono::steady_clock::now() + late_refusal));
    if (channel.is_refused())
      continue;
    if (!why)
      channel.confirm(epoch); // unless the connection was lost meanwhile
    else if (is_denied(*why))
      throw error(errc::permission_denied, what + ": the server refuses the inbox, on which it would answer; see "
                                                  "connection_options::inbox_prefix");
    else if (is_closed(*why))
      throw error(errc::closed, what + ": the connection was closed");
    if (std::chrono::steady_clock::now() >= deadline)
      throw error(errc::timed_out, what + ": no answer in time: " + link->last_error_text());
    if (why == no_answer::not_handed_over) // overloaded, or not connected
      co_await detail::pause_until(std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(1)));
    auto const connected = co_await detail::wait_connected(link, deadline);
    if (!connected && link->state() != connection_state::closed)
      throw error(errc::timed_out, what + ": not connected: " + link->last_error_text());
  }
}

} // namespace

void event_bus_options::validate() const {
  if (!prefix.empty())
    detail::check_bus_prefix(prefix);
}

struct event_bus::impl {
  std::shared_ptr<bus_core> const core;

  impl(connection on, event_bus_options options) : core(std::make_shared<bus_core>(std::move(on), std::move(options))) {
    core->start();
  }
  ~impl() { core->close(); }
};

awaitable<event_bus> event_bus::open(connection on, event_bus_options options) {
  if (!on)
    throw error(errc::not_open, "opening a bus on a connection that was default-made or moved from");
  if (on.state() == connection_state::closed)
    throw error(errc::closed, "opening a bus on a connection that was closed");
  options.validate();
  event_bus made(std::make_shared<impl>(std::move(on), std::move(options)));
  co_return made;
}

void event_bus::close() noexcept {
  if (impl_)
    impl_->core->close();
}

detail::bus_core& event_bus::core() const {
  if (!impl_)
    throw error(errc::not_open, "this bus is default-made or was moved from");
  return *impl_->core;
}

void event_bus::do_publish(std::string_view name_space, std::shared_ptr<event const> e) {
  core().publish(name_space, std::move(e));
}

awaitable<bus_subscription> event_bus::do_subscribe(bus_filter filter, call_options options) {
  core();
  return subscribe_to(impl_, std::move(filter), options);
}

awaitable<bus_subscription> event_bus::subscribe_to(std::shared_ptr<impl> self, bus_filter filter,
                                                    call_options options) {
  auto const deadline =
      aether::detail::deadline_after(options.timeout, self->core->link()->options().operation_timeout);
  channel_use channel(self->core, filter.pattern);
  co_await come_alive(self->core, *channel, deadline);
  co_return channel.turn_into(std::move(filter));
}

bus_metrics event_bus::do_metrics() const { return core().metrics(); }

} // namespace aether::nats
