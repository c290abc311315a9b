// Implementation over the handles of the store behind; deadlines are on the virtual clock.
#include "testing/faulty_feeds.hpp"

#include "store_checks.hpp"
#include "testing/faulty_calls.hpp"

#include <aether/event_feed.hpp>
#include <aether/json.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>
#include <variant>

namespace aether::testing::detail {
namespace {

using steady_time = std::chrono::steady_clock::time_point;

// Virtual time as event_feed has it: nanoseconds since the same epoch.
steady_time as_steady(time_point t) { return steady_time(t.time_since_epoch()); }
time_point as_virtual(steady_time t) { return time_point(t.time_since_epoch()); }

/// What a call is told that has to end then; 0 would be the default.
std::chrono::nanoseconds until(fault_core const& core, steady_time deadline) {
  return std::max<std::chrono::nanoseconds>(as_virtual(deadline) - core.clock->now(), std::chrono::nanoseconds(1));
}

asio::awaitable<bool> nothing(event_store&, call_options) { co_return true; }

/// A question that has no answer of its own: what is asked for comes behind it.
asio::awaitable<void> meet_faults(core_ptr core, std::chrono::nanoseconds timeout, std::string what) {
  co_await ask_through<bool>(std::move(core), timeout, std::move(what), &nothing);
}

/// What the store behind handed out, as a feed hands it on.
feed_step hand_on(subscription_item const& item, recorded_event& into, replay_error& malformed) {
  if (std::holds_alternative<caught_up>(item))
    return feed_step::caught_up;
  if (auto const* wrong = std::get_if<replay_error>(&item)) {
    malformed = *wrong;
    return feed_step::malformed;
  }
  into = std::get<recorded_event>(item);
  return feed_step::event;
}

std::string bytes_of(subscription_item const& item) {
  if (auto const* wrong = std::get_if<replay_error>(&item))
    return wrong->raw_data;
  auto const* e = std::get_if<recorded_event>(&item);
  return e ? to_json(e->event) : std::string();
}

class faulty_reader final : public event_feed, public std::enable_shared_from_this<faulty_reader> {
public:
  faulty_reader(core_ptr core, std::string actor_id, read_options const& options)
      : core_(std::move(core)), actor_id_(std::move(actor_id)), inner_(core_->inner->read_events(actor_id_, options)) {}

  feed_step take(recorded_event& into, replay_error& malformed) override {
    check_open(core_);
    if (!fetched_)
      return feed_step::nothing;
    if (!*fetched_)
      return feed_step::caught_up;
    last_ = std::visit([](auto& item) { return subscription_item(std::move(item)); }, **fetched_);
    fetched_.reset();
    return hand_on(last_, into, malformed);
  }
  asio::awaitable<void> wait(steady_time deadline) override { return fetch(shared_from_this(), deadline); }
  std::string last_bytes() const override { return bytes_of(last_); }
  position where() const override {
    auto const* e = std::get_if<recorded_event>(&last_);
    return e ? e->position() : position();
  }
  std::uint64_t behind() const override { return fetched_ && *fetched_ ? 1 : 0; }
  steady_time now() const override { return as_steady(core_->clock->now()); }

private:
  static asio::awaitable<void> fetch(std::shared_ptr<faulty_reader> self, steady_time deadline) {
    aether::detail::check_actor(self->actor_id_, {});
    if (!self->opened_) {
      auto const timeout = until(*self->core_, deadline);
      co_await meet_faults(self->core_, timeout, "reading of " + self->actor_id_);
      self->opened_ = true;
    }
    if (!self->fetched_) {
      auto next = co_await self->inner_.next_with_errors();
      self->fetched_.emplace(std::move(next));
    }
  }

  core_ptr const core_;
  std::string const actor_id_;
  event_reader inner_;
  bool opened_ = false;
  std::optional<std::optional<read_item>> fetched_;
  subscription_item last_;
};

/// What the store behind has is waited for by a coroutine of its own, one at a time, which only stop() or an event
/// ends: a wait of the caller may end before it.
class faulty_subscription final : public event_feed, public std::enable_shared_from_this<faulty_subscription> {
public:
  faulty_subscription(core_ptr core, event_subscription inner)
      : core_(std::move(core)), inner_(std::move(inner)), where_(inner_.position()), behind_(inner_.events_behind()) {}

  feed_step take(recorded_event& into, replay_error& malformed) override {
    check_open(core_);
    if (core_->is_away() || !may_ask())
      return feed_step::nothing;
    auto item = inner_.try_next();
    if (!item)
      return feed_step::nothing;
    where_ = inner_.position();
    behind_ = inner_.events_behind();
    last_ = std::move(*item);
    auto const* const e = std::get_if<recorded_event>(&last_);
    if (e && is_known_ && is_known_(e->event.id))
      return feed_step::passed;
    return hand_on(last_, into, malformed);
  }
  void pass_over(std::function<bool(std::string_view)> is_known) override { is_known_ = std::move(is_known); }
  asio::awaitable<void> wait(steady_time deadline) override { return wait_for_more(shared_from_this(), deadline); }
  std::string last_bytes() const override { return bytes_of(last_); }
  position where() const override { return where_; }
  std::uint64_t behind() const override { return behind_; }
  steady_time now() const override { return as_steady(core_->clock->now()); }

  void stop() noexcept override {
    event_subscription ended;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      if (watching_)
        ended = std::move(inner_);
    }
    core_->changed()->wake();
  }

private:
  // Whether nobody else asks the handle behind.
  bool may_ask() {
    std::lock_guard lock(mutex_);
    if (failure_)
      std::rethrow_exception(failure_);
    return !watching_;
  }

  // Waits behind; ends with the handle there.
  static asio::awaitable<void> watch(std::shared_ptr<faulty_subscription> self, asio::awaitable<bool> something) {
    std::exception_ptr failure;
    try {
      co_await std::move(something);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      std::lock_guard lock(self->mutex_);
      self->watching_ = false;
      if (!self->stopped_)
        self->failure_ = std::move(failure);
    }
    self->core_->changed()->wake();
  }

  void begin_to_watch() {
    asio::awaitable<bool> something;
    {
      std::lock_guard lock(mutex_);
      if (watching_ || stopped_ || failure_)
        return;
      watching_ = true;
      something = inner_.wait();
    }
    core_->do_now(watch(shared_from_this(), std::move(something)));
  }

  static asio::awaitable<void> wait_for_more(std::shared_ptr<faulty_subscription> self, steady_time deadline) {
    auto const round = self->core_->changed()->round();
    auto due = as_virtual(deadline);
    if (self->core_->is_away())
      due = std::min(due, self->core_->end_of_outage());
    else
      self->begin_to_watch();
    bool const something = !self->core_->is_away() && self->is_ready();
    if (!something && !self->core_->is_closed())
      co_await detail::wait(self->core_->clock, due, self->core_->changed(), round);
    if (self->is_stopped())
      throw boost::system::system_error(asio::error::operation_aborted);
  }
  bool is_ready() {
    std::lock_guard lock(mutex_);
    return failure_ || !watching_;
  }
  bool is_stopped() {
    std::lock_guard lock(mutex_);
    return stopped_;
  }

  core_ptr const core_;
  event_subscription inner_;
  position where_;
  std::uint64_t behind_ = 0;
  std::function<bool(std::string_view)> is_known_;
  subscription_item last_;

  std::mutex mutex_;
  bool watching_ = false;
  bool stopped_ = false;
  std::exception_ptr failure_;
};

class faulty_listing final : public actor_pages, public std::enable_shared_from_this<faulty_listing> {
public:
  faulty_listing(core_ptr core, list_options options)
      : core_(std::move(core)), inner_(core_->inner->list_actors(std::move(options))) {}

  asio::awaitable<std::vector<listed_actor>> next_page(call_options options) override {
    return fetch(shared_from_this(), options);
  }

private:
  static asio::awaitable<std::vector<listed_actor>> fetch(std::shared_ptr<faulty_listing> self, call_options options) {
    aether::detail::check_timeout(options.timeout);
    co_await meet_faults(self->core_, options.timeout, "listing of actors");
    while (self->page_.size() < page_size) {
      auto next = co_await self->inner_.next();
      if (!next)
        break;
      self->page_.push_back(std::move(*next));
    }
    co_return std::exchange(self->page_, {});
  }

  static constexpr std::size_t page_size = 256;
  core_ptr const core_;
  actor_list inner_;
  std::vector<listed_actor> page_; // a call that ended in between loses nothing
};

} // namespace

event_reader read_events(core_ptr core, std::string actor_id, read_options options) {
  if (!core)
    return event_reader();
  auto const timeout = core->plan.operation_timeout;
  return event_reader(std::make_shared<faulty_reader>(std::move(core), std::move(actor_id), options), options, timeout);
}

// The handle in front chooses by event type and passes over what is malformed or known, so that its position is exact.
asio::awaitable<event_subscription> subscribe(core_ptr core, subscribe_options options) {
  check_open(core);
  options.validate();
  auto behind = options;
  behind.filter.event_types.clear();
  behind.malformed = malformed_messages::report;
  behind.is_known = nullptr;
  question<event_subscription> ask = [&behind](event_store& inner, call_options left) {
    behind.timeout = left.timeout;
    return inner.subscribe(behind);
  };
  auto inner = co_await ask_through<event_subscription>(core, options.timeout, "subscribing", std::move(ask));
  auto feed = std::make_shared<faulty_subscription>(core, std::move(inner));
  co_return event_subscription(std::move(feed), options);
}

actor_list list_actors(core_ptr core, list_options options) {
  return core ? actor_list(std::make_shared<faulty_listing>(std::move(core), std::move(options))) : actor_list();
}

} // namespace aether::testing::detail
