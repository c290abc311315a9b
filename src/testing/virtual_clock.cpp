// The virtual clock's timers, and the loop that moves it.
#include <aether/testing/virtual_clock.hpp>

#include "testing/timers.hpp"

#include <aether/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <string>

namespace aether::testing {
namespace detail {

time_point later(time_point from, std::chrono::nanoseconds by) noexcept {
  if (by <= std::chrono::nanoseconds::zero())
    return from;
  return by > time_point::max() - std::max(from, time_point{}) ? time_point::max() : from + by;
}

time_point timers::now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

timers::handle timers::add(time_point due, sleeper s) {
  {
    std::lock_guard lock(mutex_);
    handle const h(due, ++count_);
    if (due == time_point::max())
      return h;
    if (due > now_) {
      sleepers_.emplace(h, std::move(s));
      return h;
    }
  }
  s->complete(false);
  return {};
}

void timers::remove(handle const& h) {
  std::lock_guard lock(mutex_);
  sleepers_.erase(h);
}

std::optional<time_point> timers::next() {
  std::lock_guard lock(mutex_);
  while (!sleepers_.empty() && sleepers_.begin()->second->is_ended())
    sleepers_.erase(sleepers_.begin());
  std::optional<time_point> due;
  if (!sleepers_.empty())
    due = sleepers_.begin()->first.first;
  return due;
}

std::size_t timers::count() {
  std::lock_guard lock(mutex_);
  std::erase_if(sleepers_, [](auto const& one) { return one.second->is_ended(); });
  return sleepers_.size();
}

void timers::advance_to(time_point then) {
  std::vector<sleeper> due;
  {
    std::lock_guard lock(mutex_);
    now_ = std::max(now_, then);
    for (; !sleepers_.empty() && sleepers_.begin()->first.first <= now_; sleepers_.erase(sleepers_.begin()))
      due.push_back(std::move(sleepers_.begin()->second));
  }
  for (sleeper const& s : due)
    s->complete(false);
}

std::uint64_t waker::round() const {
  std::lock_guard lock(mutex_);
  return round_;
}

void waker::add(sleeper s, std::uint64_t round) {
  {
    std::lock_guard lock(mutex_);
    if (round == round_) {
      std::erase_if(sleepers_, [](sleeper const& other) { return other->is_ended(); });
      sleepers_.push_back(std::move(s));
      return;
    }
  }
  s->complete(true);
}

void waker::wake() {
  std::vector<sleeper> all;
  {
    std::lock_guard lock(mutex_);
    ++round_;
    all.swap(sleepers_);
  }
  for (sleeper const& s : all)
    s->complete(true);
}

asio::awaitable<bool> wait(std::shared_ptr<timers> clock, time_point due, std::shared_ptr<waker> by,
                           std::uint64_t round) {
  timers::handle place;
  auto start = [&](sleeper s) {
    place = clock->add(due, s);
    if (by)
      by->add(std::move(s), round);
  };
  auto const end = co_await aether::detail::wait_until<bool>(aether::detail::steady_time::max(), start);
  if (!end.value || *end.value)
    clock->remove(place);
  if (!end.value)
    throw boost::system::system_error(asio::error::operation_aborted, "waiting for virtual time");
  co_return *end.value;
}

namespace {

std::string seconds(std::chrono::nanoseconds duration) {
  return std::to_string(std::chrono::duration<double>(duration).count()) + " s";
}

run_limits settled(run_limits limits) {
  if (limits.virtual_time < std::chrono::nanoseconds::zero())
    throw error(errc::invalid_argument, "run_limits::virtual_time is negative");
  if (limits.virtual_time == std::chrono::nanoseconds::zero())
    limits.virtual_time = std::chrono::hours(24);
  if (limits.handlers == 0)
    limits.handlers = 10'000'000;
  return limits;
}

} // namespace

void drive(virtual_clock const& clock, asio::io_context& context, bool const& ended, run_limits limits) {
  limits = settled(limits);
  time_point const from = clock.now();
  time_point const until = later(from, limits.virtual_time);
  std::size_t left = limits.handlers;
  while (!ended) {
    if (context.stopped())
      context.restart();
    if (context.poll_one() != 0) {
      if (--left == 0 && !ended)
        throw limit_error("testing::run: no end after " + std::to_string(limits.handlers) + " handlers and " +
                          seconds(clock.now() - from) + " of virtual time: see run_limits::handlers");
      continue;
    }
    auto const next = clock.next_timer();
    if (!next)
      throw deadlock_error(
          "testing::run: after " + seconds(clock.now() - from) +
          " of virtual time nothing is ready and no timer of the clock is left, but the coroutine "
          "has not ended: it waits for what nobody will do, or for a real timer, a socket or a thread");
    if (*next > until)
      throw limit_error("testing::run: no end within " + seconds(limits.virtual_time) +
                        " of virtual time: see run_limits::virtual_time");
    clock.advance_to(*next);
  }
}

} // namespace detail

namespace {

boost::asio::awaitable<void> sleep(std::shared_ptr<detail::timers> clock, time_point due) {
  co_await detail::wait(std::move(clock), due);
}

boost::asio::awaitable<void> sleep_from_now(std::shared_ptr<detail::timers> clock, std::chrono::nanoseconds duration) {
  time_point const due = detail::later(clock->now(), duration);
  co_await detail::wait(std::move(clock), due);
}

} // namespace

virtual_clock::virtual_clock(time_point start) : timers_(std::make_shared<detail::timers>(start)) {}

time_point virtual_clock::now() const { return timers_->now(); }

std::chrono::nanoseconds virtual_clock::elapsed() const { return timers_->now() - timers_->start(); }

boost::asio::awaitable<void> virtual_clock::sleep_for(std::chrono::nanoseconds duration) const {
  return sleep_from_now(timers_, duration);
}

boost::asio::awaitable<void> virtual_clock::sleep_until(time_point due) const { return sleep(timers_, due); }

std::optional<time_point> virtual_clock::next_timer() const { return timers_->next(); }

void virtual_clock::advance_to(time_point then) const { timers_->advance_to(then); }

} // namespace aether::testing
