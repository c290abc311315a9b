// One suspension: whoever ends it first wins, and nothing of it is left whatever goes away first.
#include <detail/wait.hpp>

#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <thread>

BOOST_AUTO_TEST_SUITE(wait)

using namespace aether::detail;
using namespace std::chrono_literals;
using aether::test::run;
using parked_ptr = std::shared_ptr<wait_state<int>>;

namespace {

steady_time in(std::chrono::nanoseconds d) { return std::chrono::steady_clock::now() + d; }

// Runs a wait on `executor`, keeps its completing side in `parked`, and stores its end.
struct waiter {
  parked_ptr parked;
  std::optional<wait_result<int>> result;
  std::shared_ptr<int> alive = std::make_shared<int>();

  asio::awaitable<void> wait(steady_time deadline, std::shared_ptr<int>) {
    result = co_await wait_until<int>(deadline, [&](parked_ptr w) { parked = std::move(w); });
  }
  void start(asio::any_io_executor const& executor, steady_time deadline = steady_time::max()) {
    asio::co_spawn(executor, wait(deadline, alive), asio::detached);
  }
  bool frame_is_gone() const { return alive.use_count() == 1; }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_value_completes_and_what_comes_later_is_ignored) {
  asio::io_context context;
  waiter w;
  w.start(context.get_executor());
  context.poll();
  BOOST_REQUIRE(w.parked);
  BOOST_TEST(!w.result.has_value());
  w.parked->complete(7);
  w.parked->complete(8);
  w.parked->close();
  w.parked->cancel();
  BOOST_TEST(!w.result.has_value()); // never inside complete()
  context.run();                     // returns: nothing is left behind
  BOOST_REQUIRE(w.result.has_value());
  BOOST_CHECK(w.result->end == wait_end::completed);
  BOOST_TEST(*w.result->value == 7);
  BOOST_TEST(w.frame_is_gone());
}

BOOST_AUTO_TEST_CASE(completing_while_it_begins_is_not_lost) {
  run([](asio::io_context&) -> asio::awaitable<void> {
    auto const result = co_await wait_until<int>(steady_time::max(), [](parked_ptr w) { w->complete(3); });
    BOOST_CHECK(result.end == wait_end::completed);
    BOOST_TEST(*result.value == 3);
  });
}

BOOST_AUTO_TEST_CASE(the_deadline_ends_it) {
  run([](asio::io_context&) -> asio::awaitable<void> {
    auto const past = co_await wait_until<int>(in(-1s), [](parked_ptr) {});
    BOOST_CHECK(past.end == wait_end::timed_out);
    auto const soon = in(5ms);
    auto const later = co_await wait_until<int>(soon, [](parked_ptr) {});
    BOOST_CHECK(later.end == wait_end::timed_out);
    BOOST_CHECK(std::chrono::steady_clock::now() >= soon);
  });
}

BOOST_AUTO_TEST_CASE(deadlines_come_in_their_order_whatever_the_order_of_the_waits) {
  asio::io_context context;
  std::vector<int> ended;
  auto const start = std::chrono::steady_clock::now();
  auto const wait_for = [&](int number, std::chrono::milliseconds d) -> asio::awaitable<void> {
    co_await wait_until<int>(start + d, [](parked_ptr) {});
    ended.push_back(number);
  };
  asio::co_spawn(context, wait_for(3, 30ms), asio::detached);
  asio::co_spawn(context, wait_for(1, 10ms), asio::detached);
  asio::co_spawn(context, wait_for(2, 20ms), asio::detached);
  context.run();
  BOOST_TEST(ended == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_terminal_cancellation_acts) {
  asio::io_context context;
  asio::cancellation_signal signal;
  waiter w;
  asio::co_spawn(context, w.wait(steady_time::max(), w.alive),
                 asio::bind_cancellation_slot(signal.slot(), asio::detached));
  context.poll();
  signal.emit(asio::cancellation_type::total);
  signal.emit(asio::cancellation_type::partial);
  context.poll();
  BOOST_TEST(!w.result.has_value());
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(w.frame_is_gone()); // the next resumption throws, or it has its result: Asio's own choice
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_takes_the_waits_with_it) {
  waiter w;
  {
    asio::io_context context;
    w.start(context.get_executor());
    context.poll();
    BOOST_REQUIRE(w.parked);
    BOOST_TEST(!w.frame_is_gone());
  }
  BOOST_TEST(w.frame_is_gone());
  BOOST_TEST(w.parked->is_ended());
  w.parked->complete(1); // too late, and safe
  BOOST_TEST(!w.result.has_value());
}

BOOST_AUTO_TEST_CASE(those_that_ended_are_not_among_the_waits_that_go) {
  std::vector<waiter> waiters(7);
  {
    asio::io_context context;
    for (std::size_t i = 0; i < waiters.size(); ++i)
      waiters[i].start(context.get_executor(), i == 3 ? in(1h) : steady_time::max());
    context.poll();
    for (auto const i : {0u, 6u, 2u}) { // the first, the last, one between
      waiters[i].parked->complete(static_cast<int>(i));
      context.poll();
      BOOST_TEST(waiters[i].result.has_value());
      BOOST_TEST(waiters[i].frame_is_gone());
    }
    waiters[1].start(context.get_executor()); // beside what is left
    context.poll();
  }
  for (auto const& w : waiters)
    BOOST_TEST(w.frame_is_gone());
  for (auto const i : {1u, 3u, 4u, 5u})
    BOOST_TEST(!waiters[i].result.has_value());
}

// A coroutine that waits without a deadline is work like any other.
BOOST_AUTO_TEST_CASE(a_context_runs_on_while_one_waits_without_a_deadline) {
  asio::io_context context;
  waiter w;
  w.start(context.get_executor());
  BOOST_TEST(context.poll() > 0u);
  BOOST_TEST(!context.stopped());
  BOOST_TEST(context.run_one_for(20ms) == 0u); // no timer either
  BOOST_TEST(!context.stopped());
  w.parked->complete(1);
  context.run();
  BOOST_TEST(w.result.has_value());
}

// What is posted holds the handler, whoever keeps the state: see also the strands.
BOOST_AUTO_TEST_CASE(strands_are_resumed_and_go_as_well) {
  waiter resumed, dropped;
  {
    asio::io_context context;
    for (auto* w : {&resumed, &dropped})
      w->start(asio::make_strand(context));
    context.poll();
    resumed.parked->complete(1);
    context.poll();
    dropped.parked->complete(2);
  }
  BOOST_TEST(resumed.result.has_value());
  BOOST_TEST(!dropped.result.has_value());
  BOOST_TEST(resumed.frame_is_gone());
  BOOST_TEST(dropped.frame_is_gone());
}

BOOST_AUTO_TEST_CASE(a_wait_completed_and_never_run_goes_with_the_context) {
  waiter w;
  {
    asio::io_context context;
    w.start(context.get_executor());
    context.poll();
    w.parked->complete(1);
  }
  BOOST_TEST(w.frame_is_gone());
  BOOST_TEST(!w.result.has_value());
}

BOOST_AUTO_TEST_CASE(another_thread_may_complete_while_the_context_goes) {
  for (int i = 0; i < 300; ++i) {
    waiter w;
    std::thread other;
    {
      asio::io_context context;
      w.start(context.get_executor());
      context.poll();
      other = std::thread([parked = w.parked] { parked->complete(1); });
    }
    other.join();
    BOOST_TEST(w.frame_is_gone());
  }
}

// The start function reads the caller's frame; a deadline that has passed must not end it under its hands.
BOOST_AUTO_TEST_CASE(the_frame_stays_until_the_wait_has_begun) {
  std::atomic<int> wrong = 0;
  auto const wait = [&](int i) -> asio::awaitable<void> {
    std::string const text(64, static_cast<char>('a' + i % 26));
    co_await wait_until<int>(in(-1s), [&](parked_ptr) {
      for (int k = 0; k < 50; ++k)
        std::this_thread::yield();
      if (text.size() != 64 || text[0] != text[63])
        ++wrong;
    });
  };
  asio::thread_pool pool(4);
  for (int i = 0; i < 500; ++i)
    asio::co_spawn(pool, wait(i), asio::detached);
  pool.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(deadlines_and_completions_race_on_several_threads) {
  std::atomic<int> ended = 0;
  constexpr int waits = 2000;
  auto const wait = [&](int i) -> asio::awaitable<void> {
    parked_ptr parked;
    auto const deadline = in(std::chrono::microseconds(i % 50));
    auto const executor = co_await asio::this_coro::executor;
    co_await wait_until<int>(deadline, [&](parked_ptr w) {
      asio::post(executor, [w] { w->complete(1); });
      parked = w;
    });
    ++ended;
  };
  asio::thread_pool pool(4);
  for (int i = 0; i < waits; ++i) {
    auto const strand = asio::make_strand(pool); // spawned within: ThreadSanitizer, see the tests of event buses
    asio::post(strand, [&wait, strand, i] { asio::co_spawn(strand, wait(i), asio::detached); });
  }
  pool.join();
  BOOST_TEST(ended == waits);
}

BOOST_AUTO_TEST_SUITE_END()
