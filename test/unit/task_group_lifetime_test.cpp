// The group of coroutines when something goes away: its handle, its execution context, its joiner's.
#include <aether/error.hpp>
#include <aether/task_group.hpp>
#include <support/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

BOOST_AUTO_TEST_SUITE(task_group_lifetime)

namespace asio = boost::asio;
using aether::task_group;
using aether::test::run;
using asio::awaitable;

namespace {

// Its use count tells who still holds it: a frame that leaks is seen without a sanitizer.
using token = std::shared_ptr<std::atomic<int>>;

token make_token() { return std::make_shared<std::atomic<int>>(0); }

awaitable<void> hop() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }

awaitable<void> wait_for_ever(token held) {
  ++*held;
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

awaitable<void> quick(token held) {
  co_await hop();
  ++*held;
}

// The usual shape: the group lives in the frame that joins it.
awaitable<void> owner(asio::any_io_executor executor, token held, std::size_t children, std::size_t at_once) {
  task_group group(executor, at_once);
  for (std::size_t i = 0; i < children; ++i)
    group.spawn(wait_for_ever(held));
  co_await group.join();
}

awaitable<void> join_and_tell(task_group& group, std::optional<boost::system::error_code>& told) {
  try {
    co_await group.join();
    told.emplace();
  } catch (boost::system::system_error const& e) {
    told = e.code();
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(destroying_the_context_frees_children_and_joiner) {
  auto const held = make_token();
  {
    asio::io_context context;
    asio::co_spawn(context, owner(context.get_executor(), held, 10, task_group::unlimited), asio::detached);
    context.poll();
    BOOST_TEST(*held == 10);
  }
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(destroying_the_context_frees_children_that_wait_their_turn) {
  auto const held = make_token();
  {
    asio::io_context context;
    asio::co_spawn(context, owner(asio::make_strand(context), held, 5000, 2), asio::detached);
    context.poll();
    BOOST_TEST(*held == 2);
  }
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_context_that_never_ran_frees_its_children) {
  auto const held = make_token();
  {
    asio::io_context context;
    task_group group(context.get_executor(), 3);
    for (int i = 0; i < 10; ++i)
      group.spawn(wait_for_ever(held));
    BOOST_TEST(held.use_count() == 11);
  }
  BOOST_TEST(*held == 0);
  BOOST_TEST(held.use_count() == 1);
}

// At every step that one thread takes, the context is destroyed.
BOOST_AUTO_TEST_CASE(the_context_may_be_destroyed_at_any_step) {
  auto const held = make_token();
  std::size_t steps = 0;
  for (bool more = true; more; ++steps) {
    asio::io_context context;
    auto const cancelling = [](token t) -> awaitable<void> {
      auto const executor = co_await asio::this_coro::executor;
      task_group group(executor, 3);
      for (int i = 0; i < 5; ++i)
        group.spawn(quick(t));
      co_await group.join();
      for (int i = 0; i < 5; ++i)
        group.spawn(wait_for_ever(t));
      co_await hop();
      group.cancel();
      co_await group.join();
    };
    asio::co_spawn(context, cancelling(held), asio::detached);
    for (std::size_t i = 0; i < steps && more; ++i)
      more = context.poll_one() != 0;
  }
  BOOST_TEST(steps > 20u);
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(the_handle_may_go_before_its_children) {
  auto const held = make_token();
  run([&](asio::io_context& context) -> awaitable<void> {
    {
      task_group group(context.get_executor());
      for (int i = 0; i < 10; ++i)
        group.spawn(wait_for_ever(held));
      while (*held < 10)
        co_await hop();
    } // run() returns only when the children have ended
  });
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(the_handle_may_outlive_its_context) {
  for (bool strand : {false, true}) {
    auto const held = make_token();
    std::optional<task_group> group;
    std::optional<boost::system::error_code> told;
    {
      asio::io_context gone;
      if (strand)
        group.emplace(asio::make_strand(gone));
      else
        group.emplace(gone.get_executor());
      group->spawn(wait_for_ever(held));
      gone.poll();
      BOOST_TEST(*held == 1);
    }
    BOOST_TEST(held.use_count() == 1);
    group->cancel();
    run([&](asio::io_context&) -> awaitable<void> {
      co_await join_and_tell(*group, told);
      BOOST_TEST((told && *told == make_error_code(aether::errc::closed)));
      group->spawn(wait_for_ever(held));
      co_await join_and_tell(*group, told);
      BOOST_TEST((told && *told == make_error_code(aether::errc::closed)));
    });
    BOOST_TEST(held.use_count() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_joiner_elsewhere_learns_that_the_childrens_context_went) {
  auto const held = make_token();
  std::optional<boost::system::error_code> told;
  asio::io_context joining;
  auto children = std::make_unique<asio::io_context>();
  task_group group(children->get_executor(), 2);
  for (int i = 0; i < 5; ++i)
    group.spawn(wait_for_ever(held));
  children->poll();
  asio::co_spawn(joining, join_and_tell(group, told), asio::detached);
  joining.poll();
  BOOST_TEST(!told.has_value());
  children.reset();
  BOOST_TEST(held.use_count() == 1);
  joining.run();
  BOOST_TEST((told && *told == make_error_code(aether::errc::closed)));
}

BOOST_AUTO_TEST_CASE(the_joiners_context_may_go_before_the_childrens) {
  auto const held = make_token();
  std::optional<boost::system::error_code> told;
  asio::io_context children;
  task_group group(children.get_executor());
  group.spawn(quick(held));
  {
    asio::io_context joining;
    asio::co_spawn(joining, join_and_tell(group, told), asio::detached);
    joining.poll();
  }
  children.run();
  BOOST_TEST(*held == 1);
  BOOST_TEST(!told.has_value());
}

BOOST_AUTO_TEST_CASE(join_from_another_context_loses_no_end) {
  asio::thread_pool pool(3);
  auto const held = make_token();
  int const rounds = 300;
  run(
      [&](asio::io_context&) -> awaitable<void> {
        task_group group(pool.get_executor());
        for (int round = 0; round < rounds; ++round) {
          for (int i = 0; i < 3; ++i)
            group.spawn(quick(held));
          co_await group.join();
        }
      },
      {.threads = 2});
  pool.join();
  BOOST_TEST(*held == 3 * rounds);
}

// Either the child is dropped or it is cancelled, at whatever point of its start the cancellation comes.
BOOST_AUTO_TEST_CASE(a_cancel_beside_a_spawn_misses_no_child) {
  auto const held = make_token();
  int const rounds = 3000;
  asio::thread_pool pool(1);
  task_group group(pool.get_executor());
  std::atomic<int> begun = 0, cancelled = 0;
  std::atomic<long> seen = 0;
  std::thread canceller([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (begun < round)
        std::this_thread::yield();
      for (int i = 0; i < round % 64; ++i) // later from round to round, so as to meet every moment of a start
        seen += begun;
      group.cancel();
      cancelled = round;
    }
  });
  bool all_joined = true;
  for (int round = 1; round <= rounds; ++round) {
    begun = round;
    for (int i = 0; i < 10; ++i)
      group.spawn(wait_for_ever(held));
    while (cancelled < round)
      std::this_thread::yield();
    auto joined = asio::co_spawn(pool, group.join(), asio::use_future);
    if (all_joined && joined.wait_for(aether::test::scaled(std::chrono::seconds(10))) != std::future_status::ready) {
      all_joined = false;
      group.cancel();
    }
    joined.get();
  }
  canceller.join();
  pool.join();
  BOOST_TEST(all_joined);
  BOOST_TEST(held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(spawn_join_and_cancel_from_many_threads) {
  auto const held = make_token();
  asio::thread_pool pool(2);
  task_group group(pool.get_executor(), 4);
  std::atomic<int> joins = 0;
  auto const join_often = [](task_group& g, std::atomic<int>& count) -> awaitable<void> {
    for (int i = 0; i < 100; ++i) {
      co_await g.join();
      ++count;
    }
  };
  for (int i = 0; i < 2; ++i)
    asio::co_spawn(pool, join_often(group, joins), asio::detached);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        group.spawn(i % 3 == 0 ? wait_for_ever(held) : quick(held));
        if (i % 5 == 0)
          group.cancel();
      }
      group.cancel();
    });
  for (auto& thread : threads)
    thread.join();
  // What was spawned before a join reset the group after the last cancel() may still wait.
  while (joins < 200) {
    group.cancel();
    std::this_thread::yield();
  }
  pool.join();
  BOOST_TEST(joins == 200);
  BOOST_TEST(held.use_count() == 1);
}

namespace {

/// Destroyed slowly, and says when that begins.
class slow_end {
public:
  explicit slow_end(std::atomic<bool>& begun) : begun_(&begun) {}
  slow_end(slow_end&& other) noexcept : begun_(std::exchange(other.begun_, nullptr)) {}
  slow_end& operator=(slow_end&&) = delete;
  ~slow_end() {
    if (!begun_)
      return;
    *begun_ = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

private:
  std::atomic<bool>* begun_;
};

asio::awaitable<void> hold(slow_end) { co_return; }

} // namespace

BOOST_AUTO_TEST_CASE(a_joiner_beside_a_spawn_on_a_context_that_is_gone_is_told) {
  auto children = std::make_unique<asio::io_context>();
  task_group group(children->get_executor());
  children.reset();
  std::atomic<bool> is_dropped{false};
  std::jthread const spawner([&] { group.spawn(hold(slow_end(is_dropped))); });
  while (!is_dropped)
    std::this_thread::yield();
  std::optional<boost::system::error_code> told;
  run([&](asio::io_context&) -> awaitable<void> { co_await join_and_tell(group, told); });
  BOOST_TEST((told && *told == make_error_code(aether::errc::closed)));
}

BOOST_AUTO_TEST_SUITE_END()
