// Subscriptions: a store's feed, with what a process chooses from it by itself.
#include <aether/subscription.hpp>

#include <aether/error.hpp>
#include <aether/event_feed.hpp>

#include "detail/call_deadline.hpp"
#include "detail/give_way.hpp"
#include "store_checks.hpp"
#include "store_watch.hpp"

#include <algorithm>
#include <utility>

namespace aether {

namespace {

enum class look_end {
  found,
  nothing,
  enough, ///< only what is not wanted, so far
};

constexpr unsigned everything = ~0u;

} // namespace

struct event_subscription::state {
  std::shared_ptr<event_feed> const feed;
  std::vector<std::string> const event_types;
  bool const skip_malformed;
  std::uint64_t skipped = 0;
  unsigned at_a_stretch = 0;
  std::optional<subscription_item> waiting; // found by wait(), for try_next()
  aether::position before_waiting;
  recorded_event passed; // the last one that was passed over, while that is the last thing taken
  bool has_passed = false;
  bool keeps_position = false; // for wait(), which finds what is not taken
  std::shared_ptr<detail::subscription_watch> watch; // none: nobody looks
  unsigned since_told = 0;

  state(std::shared_ptr<event_feed> f, subscribe_options const& options)
      : feed(std::move(f)), event_types(options.filter.event_types),
        skip_malformed(options.malformed == malformed_messages::skip) {
    if (options.is_known)
      feed->pass_over(options.is_known);
  }

  bool wants(event const& e) const {
    return event_types.empty() || std::find(event_types.begin(), event_types.end(), e.event_type) != event_types.end();
  }

  /// What is there; at most `at_most` events are passed over, as whoever looks for one should not look for long.
  look_end look(std::optional<subscription_item>& found, unsigned at_most) {
    found.emplace(std::in_place_type<recorded_event>);
    auto const end = look_into(*found, at_most);
    if (watch)
      tell_watch(end, *found);
    if (end != look_end::found)
      found.reset();
    return end;
  }

  /// True: there was something, and others need not be let run yet.
  bool look_at_once(std::optional<subscription_item>& found) {
    if (at_a_stretch + 1 >= detail::items_at_a_stretch || look(found, detail::items_at_a_stretch) != look_end::found)
      return false;
    ++at_a_stretch;
    return true;
  }

  /// While wait() holds an item: the position before it.
  void keep_position(subscription_item const& held) {
    if (std::holds_alternative<caught_up>(held))
      before_waiting = feed->where();
    else if (has_passed)
      before_waiting = passed.position();
  }

private:
  // How far behind this is, is asked now and then: it takes a lock.
  void tell_watch(look_end end, subscription_item const& found) {
    if (end == look_end::found && std::holds_alternative<recorded_event>(found))
      add(watch->delivered);
    else if (end == look_end::found && std::holds_alternative<replay_error>(found))
      add(watch->malformed);
    if (end != look_end::found || ++since_told >= detail::items_at_a_stretch) {
      watch->behind.store(feed->behind(), std::memory_order_relaxed);
      since_told = 0;
    }
  }

  static void add(std::atomic<std::uint64_t>& to) { // nobody else writes it
    to.store(to.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // Something that is no event to be kept was taken: the position is behind it.
  void move_over() {
    if (keeps_position)
      before_waiting = feed->where();
    has_passed = false;
  }

  look_end look_into(subscription_item& found, unsigned at_most) {
    replay_error bad;
    for (; at_most > 0; --at_most) {
      auto& into = std::get<recorded_event>(found);
      switch (feed->take(into, bad)) {
      case feed_step::nothing:
        return look_end::nothing;
      case feed_step::caught_up:
        found = caught_up();
        return look_end::found;
      case feed_step::malformed:
        if (!skip_malformed) {
          found = std::move(bad);
          return look_end::found;
        }
        ++skipped;
        if (watch)
          add(watch->malformed);
        move_over();
        break;
      case feed_step::passed:
        move_over();
        break;
      case feed_step::event:
        if (wants(into.event))
          return look_end::found;
        std::swap(passed, into);
        has_passed = true;
        break;
      }
    }
    return look_end::enough;
  }
};

namespace {

template <class State> void check_open(std::shared_ptr<State> const& self, call_options const& options) {
  if (!self)
    throw error(errc::not_open, "a subscription that was default-made or moved from");
  detail::check_timeout(options.timeout);
}

/// Waits until there is something; none: the timeout passed. Nothing suspends once something was taken.
template <class State>
awaitable<void> find_next(std::shared_ptr<State> self, std::optional<subscription_item>& found, call_options options) {
  bool const limited = options.timeout != std::chrono::nanoseconds::zero();
  auto deadline = detail::steady_time::max();
  if (limited)
    deadline = detail::deadline_after(options.timeout, options.timeout, self->feed->now());
  if (++self->at_a_stretch >= detail::items_at_a_stretch) {
    co_await detail::give_way();
    self->at_a_stretch = 0;
  }
  for (;;) {
    auto const end = self->look(found, detail::items_at_a_stretch);
    if (end == look_end::found)
      co_return;
    if (limited && self->feed->now() >= deadline)
      co_return;
    self->at_a_stretch = 0;
    if (end == look_end::enough)
      co_await detail::give_way();
    else
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

void event_subscription::watched_by(std::shared_ptr<detail::subscription_watch> watch) {
  if (!state_)
    return;
  watch->behind.store(state_->feed->behind(), std::memory_order_relaxed);
  state_->watch = std::move(watch);
}

event_subscription& event_subscription::operator=(event_subscription&& other) noexcept {
  event_subscription const old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

event_subscription::~event_subscription() {
  if (state_)
    state_->feed->stop();
}

awaitable<std::optional<subscription_item>> event_subscription::next(call_options options) {
  return next_item(state_, options);
}

awaitable<bool> event_subscription::wait(call_options options) { return wait_for_item(state_, options); }

awaitable<std::optional<subscription_item>> event_subscription::next_item(std::shared_ptr<state> self,
                                                                          call_options options) {
  check_open(self, options);
  std::optional<subscription_item> found;
  if (self->waiting)
    found.swap(self->waiting);
  else if (!self->look_at_once(found)) // else no coroutine more
    co_await find_next(self, found, options);
  co_return found;
}

awaitable<bool> event_subscription::wait_for_item(std::shared_ptr<state> self, call_options options) {
  check_open(self, options);
  if (self->waiting)
    co_return true;
  self->before_waiting = self->feed->where();
  self->has_passed = false;
  self->keeps_position = true; // once: nothing is lost by keeping it on
  std::optional<subscription_item> found;
  co_await find_next(self, found, options);
  if (!found)
    co_return false;
  self->keep_position(*found);
  self->waiting.swap(found);
  co_return true;
}

std::optional<subscription_item> event_subscription::try_next() {
  check_open(state_, {});
  std::optional<subscription_item> found;
  if (state_->waiting)
    found.swap(state_->waiting);
  else
    state_->look(found, everything);
  return found;
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
