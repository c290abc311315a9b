// Virtual time: when sleepers go on, and how a run ends that cannot go on.
#include <aether/error.hpp>
#include <aether/task_group.hpp>
#include <aether/testing/virtual_clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(virtual_clock_runs)

using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::awaitable;

namespace {

using order = std::vector<std::string>;

awaitable<void> sleeper(virtual_clock clock, std::chrono::nanoseconds duration, std::string name, order& out) {
  co_await clock.sleep_for(duration);
  out.push_back(std::move(name));
}

awaitable<void> never(virtual_clock clock) { co_await clock.sleep_until(aether::time_point::max()); }

awaitable<void> sleep_again_and_again(virtual_clock clock, std::chrono::nanoseconds pause) {
  for (;;)
    co_await clock.sleep_for(pause);
}

// How a sleep ended that was cancelled: it is an error of the coroutine that slept.
awaitable<void> note_cancellation(virtual_clock clock, std::string& out) {
  try {
    co_await clock.sleep_for(1h);
    out = "slept";
  } catch (boost::system::system_error const& e) {
    out = e.code() == asio::error::operation_aborted ? "cancelled" : e.what();
  }
}

// Something that owns what it is given and tells when it is destroyed.
struct guard {
  bool& destroyed;
  explicit guard(bool& d) : destroyed(d) {}
  ~guard() { destroyed = true; }
};

awaitable<void> hold_for_ever(virtual_clock clock, bool& destroyed) {
  guard const held(destroyed);
  co_await clock.sleep_for(1h);
  co_await never(clock);
}

} // namespace

BOOST_AUTO_TEST_CASE(time_stands_still_and_then_jumps) {
  asio::io_context context(1);
  virtual_clock const clock;
  auto const before = std::chrono::steady_clock::now();
  auto const body = [&]() -> awaitable<void> {
    BOOST_TEST((clock.now() == virtual_clock::default_start));
    for (int i = 0; i < 100; ++i)
      co_await asio::post(context, asio::use_awaitable);
    BOOST_TEST((clock.elapsed() == 0ns));
    co_await clock.sleep_for(10h);
    BOOST_TEST((clock.elapsed() == 10h));
    co_await clock.sleep_until(virtual_clock::default_start + 12h);
    BOOST_TEST((clock.now() == virtual_clock::default_start + 12h));
  };
  run(clock, context, body());
  BOOST_TEST((std::chrono::steady_clock::now() - before < 1h));
}

BOOST_AUTO_TEST_CASE(a_time_that_has_come_lets_others_run_first) {
  asio::io_context context(1);
  virtual_clock const clock;
  order seen;
  auto const body = [&]() -> awaitable<void> {
    asio::post(context, [&] { seen.push_back("other"); });
    co_await clock.sleep_for(-5s);
    seen.push_back("late");
    co_await clock.sleep_until(aether::time_point(0s));
    BOOST_TEST((clock.elapsed() == 0ns));
  };
  run(clock, context, body());
  BOOST_TEST(seen == (order{"other", "late"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sleepers_go_on_in_the_order_of_time_and_then_of_their_coming) {
  asio::io_context context(1);
  virtual_clock const clock;
  order seen;
  auto const body = [&]() -> awaitable<void> {
    aether::task_group group(context.get_executor());
    group.spawn(sleeper(clock, 3s, "c", seen));
    group.spawn(sleeper(clock, 1s, "a", seen));
    group.spawn(sleeper(clock, 2s, "b1", seen));
    group.spawn(sleeper(clock, 2s, "b2", seen));
    group.spawn(sleeper(clock, 2s, "b3", seen));
    co_await group.join();
  };
  run(clock, context, body());
  BOOST_TEST(seen == (order{"a", "b1", "b2", "b3", "c"}), boost::test_tools::per_element());
  BOOST_TEST((clock.elapsed() == 3s));
}

BOOST_AUTO_TEST_CASE(it_returns_and_throws_what_the_body_does) {
  asio::io_context context(1);
  virtual_clock const clock;
  auto const text = [&]() -> awaitable<std::string> {
    co_await clock.sleep_for(1s);
    co_return "done";
  };
  BOOST_TEST(run(clock, context, text()) == "done");
  auto const failing = [&]() -> awaitable<int> {
    co_await clock.sleep_for(1s);
    throw std::out_of_range("wrong");
  };
  BOOST_CHECK_THROW(run(clock, context, failing()), std::out_of_range);
  BOOST_TEST((clock.elapsed() == 2s)); // one clock, several runs
}

BOOST_AUTO_TEST_CASE(a_cancelled_sleep_ends_and_moves_no_time) {
  asio::io_context context(1);
  virtual_clock const clock;
  std::string end;
  auto const body = [&]() -> awaitable<void> {
    aether::task_group group(context.get_executor());
    group.spawn(note_cancellation(clock, end));
    co_await clock.sleep_for(1s);
    group.cancel();
    co_await group.join();
    co_await clock.sleep_for(2s);
  };
  run(clock, context, body());
  BOOST_TEST(end == "cancelled");
  BOOST_TEST((clock.elapsed() == 3s));
  BOOST_TEST(!clock.next_timer().has_value());
}

BOOST_AUTO_TEST_CASE(nothing_left_to_wait_for_is_a_deadlock) {
  asio::io_context context(1);
  virtual_clock const clock;
  BOOST_CHECK_THROW(run(clock, context, never(clock)), deadlock_error);
  auto const real = [&]() -> awaitable<void> { // which this run does not wait for
    asio::steady_timer timer(context, 1h);
    co_await timer.async_wait(asio::use_awaitable);
  };
  BOOST_CHECK_THROW(run(clock, context, real()), deadlock_error);
}

BOOST_AUTO_TEST_CASE(an_endless_loop_meets_a_limit) {
  virtual_clock const clock;
  run_limits limits;
  limits.virtual_time = 1min;
  asio::io_context one(1);
  BOOST_CHECK_THROW(run(clock, one, sleep_again_and_again(clock, 1s), limits), limit_error);
  BOOST_TEST((clock.elapsed() == 1min)); // it was used up, and not more
  limits.handlers = 1000;
  asio::io_context two(1);
  BOOST_CHECK_THROW(run(clock, two, sleep_again_and_again(clock, 0s), limits), limit_error);
  limits.virtual_time = -1s;
  asio::io_context three(1);
  BOOST_CHECK_THROW(run(clock, three, sleep_again_and_again(clock, 1s), limits), aether::error);
}

BOOST_AUTO_TEST_CASE(what_the_body_leaves_goes_on_with_the_next_run) {
  asio::io_context context(1);
  virtual_clock const clock;
  order seen;
  asio::co_spawn(context, sleeper(clock, 5s, "other", seen), [](std::exception_ptr) {});
  auto const body = [&](std::chrono::seconds duration) -> awaitable<void> { co_await clock.sleep_for(duration); };
  run(clock, context, body(3s));
  BOOST_TEST(seen.empty());
  run(clock, context, body(3s));
  BOOST_TEST(seen.size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_clock_may_outlive_the_context_and_what_slept_there) {
  virtual_clock const clock;
  bool destroyed = false;
  {
    asio::io_context context(1);
    asio::co_spawn(context, hold_for_ever(clock, destroyed), [](std::exception_ptr) {});
    context.poll();
    BOOST_TEST(clock.next_timer().has_value());
  }
  BOOST_TEST(destroyed);
  BOOST_TEST(!clock.next_timer().has_value());
  clock.advance_to(clock.now() + 10h);
  BOOST_TEST((clock.elapsed() == 10h));
  clock.advance_to(virtual_clock::default_start);
  BOOST_TEST((clock.elapsed() == 10h)); // never back
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_moved_from_is_still_one) {
  virtual_clock clock(aether::time_point(5s));
  virtual_clock const other(std::move(clock));
  other.advance_to(aether::time_point(7s));
  BOOST_TEST((clock.elapsed() == 2s)); // the same time, whatever the copy
}

BOOST_AUTO_TEST_SUITE_END()
