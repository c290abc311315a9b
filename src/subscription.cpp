// Subscriptions: a store's feed, with what a process chooses from it by itself.
#include <aether/subscription.hpp>

#include <aether/error.hpp>
#include <aether/event_feed.hpp>

#include "detail/call_deadline.hpp"
#include "detail/give_way.hpp"
#include "store_checks.hpp"

#include <algorithm>
#include <utility>

namespace aether {

struct event_subscription::state {
  std::shared_ptr<event_feed> feed;
  std::vector<std::string> event_types;
  bool skip_malformed;
  std::uint64_t skipped = 0;
  unsigned at_a_stretch = 0;
  std::optional<subscription_item> waiting; // found by wait(), for try_next()
  aether::position before_waiting;

  state(std::shared_ptr<event_feed> f, subscribe_options const& options)
      : feed(std::move(f)), event_types(options.filter.event_types),
        skip_malformed(options.malformed == malformed_messages::skip) {}

  bool wants(event const& e) const {
    return event_types.empty() || std::find(event_types.begin(), event_types.end(), e.event_type) != event_types.end();
  }

  /// What is there; at most `at_most` events are passed over, as whoever looks for one should not look for long.
  std::optional<subscription_item> look(unsigned at_most) {
    std::optional<subscription_item> out;
    out.emplace(std::in_place_type<recorded_event>);
    auto& into = std::get<recorded_event>(*out);
    replay_error bad;
    for (; at_most > 0; --at_most) {
      switch (feed->take(into, bad)) {
      case feed_step::nothing:
        return std::nullopt;
      case feed_step::caught_up:
        out.emplace(caught_up());
        return out;
      case feed_step::malformed:
        if (skip_malformed) {
          ++skipped;
          break;
        }
        out.emplace(std::move(bad));
        return out;
      case feed_step::event:
        if (wants(into.event))
          return out;
        break;
      }
    }
    looked_enough = true;
    return std::nullopt;
  }
  bool looked_enough = false;
};

namespace {

constexpr unsigned everything = ~0u;

/// Waits until there is something; none: the timeout passed.
template <class State>
awaitable<std::optional<subscription_item>> find_next(std::shared_ptr<State> self, call_options options) {
  if (!self)
    throw error(errc::not_open, "a subscription that was default-made or moved from");
  std::optional<subscription_item> found;
  if (self->waiting) {
    found = std::exchange(self->waiting, std::nullopt);
    co_return found;
  }
  auto const limited = options.timeout != std::chrono::nanoseconds::zero();
  auto const deadline = detail::deadline_after(options.timeout, std::chrono::nanoseconds::max());
  if (++self->at_a_stretch >= detail::items_at_a_stretch) {
    co_await detail::give_way();
    self->at_a_stretch = 0;
  }
  for (;;) {
    self->looked_enough = false;
    found = self->look(detail::items_at_a_stretch);
    if (found)
      co_return found;
    self->at_a_stretch = 0;
    if (self->looked_enough) {
      co_await detail::give_way();
      continue;
    }
    if (limited && std::chrono::steady_clock::now() >= deadline)
      co_return found;
    co_await self->feed->wait(deadline);
  }
}

} // namespace

start_from start_from::position(aether::position p) {
  start_from start;
  start.what_ = p.is_beginning() ? kind::beginning : kind::position;
  start.where_ = std::move(p);
  return start;
}

start_from start_from::time(time_point t) {
  start_from start;
  start.what_ = kind::time;
  start.when_ = t;
  return start;
}

start_from start_from::now() {
  start_from start;
  start.what_ = kind::now;
  return start;
}

start_from start_from::latest_of_each_actor() {
  start_from start;
  start.what_ = kind::latest_of_each_actor;
  return start;
}

void event_filter::validate() const {
  if (!actor_id.empty() && !actor_types.empty())
    throw error(errc::invalid_argument, "event_filter: actor_id and actor_types exclude each other");
  if (!actor_id.empty())
    detail::check_id(actor_id, "event_filter: actor_id");
  for (auto const& type : actor_types)
    detail::check_id(type, "event_filter: actor_types");
  for (auto const& type : event_types)
    detail::check_id(type, "event_filter: event_types");
}

void subscribe_options::validate() const {
  filter.validate();
  detail::check_timeout(timeout);
}

event_subscription::event_subscription(std::shared_ptr<event_feed> feed, subscribe_options const& options) {
  if (feed)
    state_ = std::make_shared<state>(std::move(feed), options);
}

event_subscription::~event_subscription() = default;

awaitable<std::optional<subscription_item>> event_subscription::next(call_options options) {
  return next_item(state_, options);
}

awaitable<bool> event_subscription::wait(call_options options) { return wait_for_item(state_, options); }

awaitable<std::optional<subscription_item>> event_subscription::next_item(std::shared_ptr<state> self,
                                                                          call_options options) {
  return find_next(std::move(self), options);
}

awaitable<bool> event_subscription::wait_for_item(std::shared_ptr<state> self, call_options options) {
  if (self && !self->waiting)
    self->before_waiting = self->feed->where();
  auto found = co_await find_next(self, options);
  if (!found)
    co_return false;
  self->waiting = std::move(found);
  co_return true;
}

std::optional<subscription_item> event_subscription::try_next() {
  if (!state_)
    throw error(errc::not_open, "a subscription that was default-made or moved from");
  if (state_->waiting)
    return std::exchange(state_->waiting, std::nullopt);
  return state_->look(everything);
}

position event_subscription::position() const {
  if (!state_)
    return {};
  return state_->waiting ? state_->before_waiting : state_->feed->where();
}

std::uint64_t event_subscription::events_behind() const {
  if (!state_)
    return 0;
  auto const waits = state_->waiting && std::holds_alternative<recorded_event>(*state_->waiting);
  return state_->feed->behind() + (waits ? 1 : 0);
}

std::uint64_t event_subscription::skipped() const noexcept { return state_ ? state_->skipped : 0; }

} // namespace aether
