// The group of coroutines at work: what join waits for, what it throws, and how many children run.
#include <aether/error.hpp>
#include <aether/task_group.hpp>
#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <barrier>
#include <memory>
#include <stdexcept>
#include <string>

BOOST_AUTO_TEST_SUITE(task_group_work)

namespace asio = boost::asio;
using aether::task_group;
using aether::test::run;
using asio::awaitable;

namespace {

auto const one_and_four_threads = boost::unit_test::data::make({1, 4});

struct counters {
  std::atomic<int> started = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
};
using shared_counters = std::shared_ptr<counters>;

awaitable<void> hop() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }

awaitable<void> count(shared_counters c, int hops) {
  ++c->started;
  int const now = ++c->running;
  for (int most = c->most; most < now && !c->most.compare_exchange_weak(most, now);) {
  }
  for (int i = 0; i < hops; ++i)
    co_await hop();
  --c->running;
  ++c->ended;
}

// Until it is cancelled.
awaitable<void> wait_for_ever(shared_counters c) {
  ++c->started;
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  try {
    co_await timer.async_wait(asio::use_awaitable);
  } catch (boost::system::system_error const&) {
    ++c->ended;
    throw;
  }
}

// Goes on for a while after it is cancelled.
awaitable<void> outstay(shared_counters c) {
  ++c->started;
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await asio::this_coro::throw_if_cancelled(false);
  boost::system::error_code ec;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  for (int i = 0; i < 100; ++i)
    co_await hop();
  ++c->ended;
}

awaitable<void> fail(std::string what, int hops = 0) {
  for (int i = 0; i < hops; ++i)
    co_await hop();
  throw std::runtime_error(what);
}

awaitable<void> until(std::atomic<int> const& value, int wanted) {
  while (value < wanted)
    co_await hop();
}

std::string text_of(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (std::exception const& e) {
    return e.what();
  }
}

awaitable<std::string> joined(task_group& group) {
  std::string error;
  try {
    co_await group.join();
  } catch (boost::system::system_error const& e) {
    error = e.code().message();
  } catch (std::exception const& e) {
    error = e.what();
  }
  co_return error;
}

BOOST_DATA_TEST_CASE(join_waits_for_all_children, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  int ended_at_join = 0;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor());
        for (int i = 0; i < 1000; ++i)
          group.spawn(count(c, i % 7));
        co_await group.join();
        ended_at_join = c->ended;
      },
      {.threads = threads});
  BOOST_TEST(ended_at_join == 1000);
}

BOOST_AUTO_TEST_CASE(join_of_an_empty_group_returns_and_the_group_can_be_used_again) {
  auto const c = std::make_shared<counters>();
  run([&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor());
    co_await group.join();
    group.spawn(count(c, 0));
    co_await group.join();
    group.spawn(count(c, 3));
    co_await group.join();
    co_await group.join();
  });
  BOOST_TEST(c->ended == 2);
}

BOOST_DATA_TEST_CASE(what_a_child_owns_is_destroyed_before_join_returns, one_and_four_threads, threads) {
  std::weak_ptr<counters> owned;
  bool gone = false;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor());
        auto c = std::make_shared<counters>();
        owned = c;
        group.spawn(count(std::move(c), 5));
        co_await group.join();
        gone = owned.expired();
      },
      {.threads = threads});
  BOOST_TEST(gone);
}

BOOST_DATA_TEST_CASE(the_first_error_cancels_the_others_and_is_rethrown, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  std::string error;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor());
        for (int i = 0; i < 20; ++i)
          group.spawn(wait_for_ever(c));
        group.spawn(fail("first", 3));
        error = co_await joined(group);
      },
      {.threads = threads});
  BOOST_TEST(error == "first");
  BOOST_TEST(c->ended == c->started);
}

BOOST_AUTO_TEST_CASE(join_all_returns_every_error_in_the_order_they_came) {
  std::vector<std::string> texts;
  run([&](asio::io_context& context) -> awaitable<void> {
    auto const c = std::make_shared<counters>();
    task_group group(context.get_executor());
    group.spawn(fail("one"));
    group.spawn(fail("two"));
    group.spawn(wait_for_ever(c));
    std::vector<std::exception_ptr> const errors = co_await group.join_all();
    for (auto const& error : errors)
      texts.push_back(text_of(error));
  });
  BOOST_TEST(texts == (std::vector<std::string>{"one", "two"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_error_that_came_before_join_is_not_lost) {
  std::string error, second = "unset";
  run([&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor());
    group.spawn(fail("early"));
    for (int i = 0; i < 20; ++i)
      co_await hop();
    error = co_await joined(group);
    second = co_await joined(group);
  });
  BOOST_TEST(error == "early");
  BOOST_TEST(second == "");
}

BOOST_AUTO_TEST_CASE(a_child_that_throws_operation_aborted_by_itself_has_failed) {
  std::string error;
  run([&](asio::io_context& context) -> awaitable<void> {
    auto const aborted = []() -> awaitable<void> {
      co_await hop();
      throw boost::system::system_error(asio::error::operation_aborted);
    };
    task_group group(context.get_executor());
    group.spawn(aborted());
    error = co_await joined(group);
  });
  BOOST_TEST(error == make_error_code(asio::error::operation_aborted).message());
}

BOOST_DATA_TEST_CASE(at_most_at_once_children_run, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor(), 3);
        for (int i = 0; i < 200; ++i)
          group.spawn(count(c, 5));
        co_await group.join();
      },
      {.threads = threads});
  BOOST_TEST(c->ended == 200);
  BOOST_TEST(c->most <= 3);
  BOOST_TEST(c->most >= 2);
}

BOOST_AUTO_TEST_CASE(children_that_end_at_once_do_not_nest) {
  auto const c = std::make_shared<counters>();
  run([&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor(), 1);
    for (int i = 0; i < 50'000; ++i)
      group.spawn(count(c, 0));
    co_await group.join();
  });
  BOOST_TEST(c->ended == 50'000);
  BOOST_TEST(c->most == 1);
}

BOOST_AUTO_TEST_CASE(children_wait_in_order_and_are_dropped_unstarted_by_an_error) {
  auto const before = std::make_shared<counters>();
  auto const after = std::make_shared<counters>();
  std::string error;
  run([&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor(), 1);
    group.spawn(count(before, 2));
    group.spawn(fail("stop"));
    for (int i = 0; i < 10; ++i)
      group.spawn(count(after, 0));
    error = co_await joined(group);
  });
  BOOST_TEST(error == "stop");
  BOOST_TEST(before->ended == 1);
  BOOST_TEST(after->started == 0);
  BOOST_TEST(after.use_count() == 1);
}

BOOST_DATA_TEST_CASE(cancel_ends_children_without_an_error, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  auto const late = std::make_shared<counters>();
  std::string error = "unset", again = "unset";
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        task_group group(context.get_executor());
        for (int i = 0; i < 10; ++i)
          group.spawn(wait_for_ever(c));
        co_await until(c->started, 10);
        group.cancel();
        group.spawn(count(late, 0));
        error = co_await joined(group);
        group.spawn(count(c, 0));
        again = co_await joined(group);
      },
      {.threads = threads});
  BOOST_TEST(error == "");
  BOOST_TEST(again == "");
  BOOST_TEST(c->ended == 11);
  BOOST_TEST(late->started == 0);
}

BOOST_DATA_TEST_CASE(cancel_reaches_children_that_have_not_started, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        for (int round = 0; round < 50; ++round) {
          task_group group(context.get_executor(), 4);
          for (int i = 0; i < 8; ++i)
            group.spawn(wait_for_ever(c));
          group.cancel();
          co_await group.join();
        }
      },
      {.threads = threads});
  BOOST_TEST(c->ended == c->started);
}

BOOST_AUTO_TEST_CASE(children_run_side_by_side) {
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const meeting = std::make_shared<std::barrier<>>(2);
        auto const meet = [](std::shared_ptr<std::barrier<>> m) -> awaitable<void> {
          m->arrive_and_wait(); // returns only when both children are here at the same time
          co_return;
        };
        task_group group(context.get_executor());
        group.spawn(meet(meeting));
        group.spawn(meet(meeting));
        co_await group.join();
      },
      {.threads = 4});
}

BOOST_AUTO_TEST_CASE(children_on_a_strand_are_serialised_by_it) {
  int unguarded = 0;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const add = [](int* value) -> awaitable<void> {
          for (int i = 0; i < 100; ++i) {
            ++*value;
            co_await hop();
          }
        };
        task_group group(asio::make_strand(context));
        for (int i = 0; i < 20; ++i)
          group.spawn(add(&unguarded));
        co_await group.join();
      },
      {.threads = 4});
  BOOST_TEST(unguarded == 2000);
}

BOOST_DATA_TEST_CASE(a_child_may_spawn_and_cancel, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const parent = [](task_group& g, shared_counters counted) -> awaitable<void> {
          for (int i = 0; i < 10; ++i)
            g.spawn(count(counted, 2));
          g.spawn(wait_for_ever(counted));
          co_await until(counted->ended, 10);
          g.cancel();
        };
        task_group group(context.get_executor());
        group.spawn(parent(group, c));
        co_await group.join();
      },
      {.threads = threads});
  BOOST_TEST(c->started >= 10);
  BOOST_TEST(c->ended == c->started);
}

BOOST_DATA_TEST_CASE(several_coroutines_may_join, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  std::atomic<int> seen = 0;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const join_and_look = [](task_group& g, shared_counters counted,
                                      std::atomic<int>& all) -> awaitable<void> {
          co_await g.join();
          if (counted->ended == 100)
            ++all;
        };
        task_group children(context.get_executor());
        for (int i = 0; i < 100; ++i)
          children.spawn(count(c, 20));
        task_group joiners(context.get_executor());
        for (int i = 0; i < 10; ++i)
          joiners.spawn(join_and_look(children, c, seen));
        co_await joiners.join();
      },
      {.threads = threads});
  BOOST_TEST(seen == 10);
}

BOOST_DATA_TEST_CASE(a_cancelled_join_cancels_the_children_and_still_waits, one_and_four_threads, threads) {
  auto const c = std::make_shared<counters>();
  boost::system::error_code thrown;
  int ended = -1;
  bool throws = false;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const waiter = [&](task_group& g) -> awaitable<void> {
          try {
            co_await g.join();
          } catch (boost::system::system_error const& e) {
            thrown = e.code();
          }
          ended = c->ended;
          throws = co_await asio::this_coro::throw_if_cancelled();
        };
        task_group inner(context.get_executor());
        for (int i = 0; i < 10; ++i)
          inner.spawn(outstay(c));
        co_await until(c->started, 10);
        task_group outer(context.get_executor());
        outer.spawn(waiter(inner));
        for (int i = 0; i < 10; ++i)
          co_await hop();
        outer.cancel();
        co_await outer.join();
      },
      {.threads = threads});
  BOOST_TEST(thrown == asio::error::operation_aborted);
  BOOST_TEST(ended == 10);
  BOOST_TEST(throws);
}

BOOST_AUTO_TEST_CASE(only_terminal_cancellation_acts_on_join) {
  auto const c = std::make_shared<counters>();
  bool returned = false, total_ignored = false;
  run([&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor());
    group.spawn(wait_for_ever(c));
    auto const waiter = [&](task_group& g) -> awaitable<void> {
      co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
      co_await g.join();
      returned = true;
    };
    asio::cancellation_signal signal;
    asio::co_spawn(context, waiter(group), asio::bind_cancellation_slot(signal.slot(), asio::detached));
    co_await until(c->started, 1);
    signal.emit(asio::cancellation_type::total);
    for (int i = 0; i < 20; ++i)
      co_await hop();
    total_ignored = !returned && c->ended == 0;
    group.cancel();
    while (!returned)
      co_await hop();
  });
  BOOST_TEST(total_ignored);
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  asio::io_context context;
  BOOST_CHECK_THROW(task_group{asio::any_io_executor()}, aether::error);
  task_group group(context.get_executor());
  BOOST_CHECK_THROW(group.spawn(awaitable<void>()), aether::error);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
