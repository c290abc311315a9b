// A circuit breaker and a save queue that several threads use at once.
#include <aether/circuit_breaker.hpp>
#include <aether/memory_event_store.hpp>
#include <aether/save_queue.hpp>
#include <aether/task_group.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(retry_threads)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

run_options four_threads() {
  run_options options;
  options.threads = 4;
  return options;
}

/// Goes on by a microsecond whenever somebody looks: it needs nobody to move it.
class ticking_clock final : public time_source {
public:
  time_point now() const override { return time_point(elapsed()); }
  std::chrono::nanoseconds elapsed() const override { return std::chrono::microseconds(++ticks_); }
  awaitable<void> sleep_for(std::chrono::nanoseconds) const override { return machine_time()->sleep_for({}); }

private:
  mutable std::atomic<std::int64_t> ticks_{0};
};

awaitable<void> hop() {
  auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

struct breaker_counts {
  std::atomic<std::uint64_t> good{0}, bad{0}, refused{0};
};

/// In stretches of failures and successes, so that it opens and closes.
awaitable<void> use_breaker(circuit_breaker breaker, int calls, std::shared_ptr<breaker_counts> counts) {
  for (int i = 0; i < calls; ++i) {
    bool const fails = i / 20 % 2 == 1;
    auto const work = [&]() -> awaitable<int> {
      co_await hop();
      if (fails)
        throw error(errc::timed_out);
      co_return i;
    };
    boost::system::error_code const thrown = co_await error_of(breaker.run(work));
    ++(!thrown ? counts->good : thrown == errc::circuit_open ? counts->refused : counts->bad);
  }
}

/// Every ticket of its actors, in order.
awaitable<void> wait_for_all(std::vector<save_ticket> tickets, std::shared_ptr<std::atomic<int>> good,
                             std::shared_ptr<std::atomic<int>> bad) {
  for (auto const& ticket : tickets) {
    boost::system::error_code const thrown = co_await error_of(ticket.outcome());
    ++*(thrown ? bad : good);
  }
}

std::shared_ptr<memory_event_store> contiguous_store(asio::io_context& context) {
  memory_config config;
  config.version_policy = version_policy::contiguous; // what comes out of order is a conflict
  return std::make_shared<memory_event_store>(context.get_executor(), config);
}

/// Own threads, as callers from outside the context.
template <class Work> std::vector<std::jthread> on_threads(int count, Work work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back(work, i);
  return threads;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_breaker_on_several_threads_counts_everything_and_tells_in_order) {
  constexpr int users = 16, calls = 400;
  auto const counts = std::make_shared<breaker_counts>();
  std::mutex mutex;
  std::vector<circuit_state> changes;
  circuit_breaker_options options;
  options.failure_threshold = 5;
  options.open_for = 50us;
  options.trials = 2;
  options.successes_to_close = 2;
  options.time = std::make_shared<ticking_clock>();
  options.on_change = [&](circuit_state s) {
    std::lock_guard lock(mutex);
    changes.push_back(s);
  };
  circuit_breaker const breaker(options);
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor());
    for (int i = 0; i < users; ++i)
      group.spawn(use_breaker(breaker, calls, counts));
    co_await group.join();
  };
  run(body, four_threads());

  auto const told = breaker.metrics();
  BOOST_TEST(told.successes == counts->good);
  BOOST_TEST(told.failures == counts->bad);
  BOOST_TEST(told.refused == counts->refused);
  BOOST_TEST(told.successes + told.failures + told.refused == std::uint64_t{users} * calls);
  BOOST_TEST(told.opened > 1u);
  auto before = circuit_state::closed;
  std::uint64_t opened = 0;
  for (auto const after : changes) {
    using enum circuit_state;
    bool const possible = before == closed      ? after == circuit_state::open
                          : before == half_open ? after != half_open
                                                : after == half_open;
    BOOST_TEST(possible);
    opened += after == circuit_state::open;
    before = after;
  }
  BOOST_TEST(opened == told.opened);
}

BOOST_AUTO_TEST_CASE(a_queue_filled_by_threads_keeps_each_actors_order) {
  constexpr int actors = 8, events = 200;
  auto const good = std::make_shared<std::atomic<int>>(0), bad = std::make_shared<std::atomic<int>>(0);
  std::atomic<int> ended{0};
  save_queue_metrics told;
  bool in_order = true;
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    auto const store = contiguous_store(context);
    save_queue_options options;
    options.at_once = 3;
    options.on_end = [&](queued_save_end const&) { ++ended; };
    save_queue queue(context.get_executor(), store, options);
    task_group group(context.get_executor());
    {
      auto const threads = on_threads(actors, [&](int actor) {
        std::vector<save_ticket> tickets;
        for (std::int64_t version = 1; version <= events; ++version)
          tickets.push_back(queue.enqueue(event_of("a-" + std::to_string(actor), version)));
        group.spawn(wait_for_all(tickets, good, bad));
        group.spawn(wait_for_all(std::move(tickets), good, bad));
      });
    }
    co_await group.join();
    auto const report = co_await queue.close();
    in_order = report.not_saved.empty();
    told = queue.metrics();
  };
  run(body, four_threads());
  BOOST_TEST(in_order);
  BOOST_TEST(*good == 2 * actors * events);
  BOOST_TEST(*bad == 0);
  BOOST_TEST(ended == actors * events);
  BOOST_TEST(told.saved == std::uint64_t{actors} * events);
}

// The actor's lane goes with its last save and comes again with the next one: in between nobody else may work it off.
BOOST_AUTO_TEST_CASE(an_actor_that_comes_again_at_once_is_worked_off_by_one) {
  constexpr std::int64_t events = 20'000;
  std::atomic<std::int64_t> ended{0};
  std::atomic<bool> twice{false};
  save_queue_metrics told;
  std::int64_t stored = 0;
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    auto const store = contiguous_store(context);
    save_queue_options options;
    options.on_end = [&, last = std::make_shared<std::atomic<std::int64_t>>(0)](queued_save_end const& end) {
      if (last->exchange(end.what.version) >= end.what.version)
        twice = true;
      ++ended;
    };
    save_queue queue(context.get_executor(), store, options);
    {
      auto const threads = on_threads(1, [&](int) {
        for (std::int64_t version = 1; version <= events; ++version) {
          queue.enqueue(event_of("a-1", version));
          while (queue.metrics().waiting > 0 && ended <= version) // until its lane has gone
            std::this_thread::yield();
        }
      });
    }
    co_await queue.close();
    told = queue.metrics();
    stored = co_await store->latest_version("a-1");
  };
  run(body, four_threads());
  BOOST_TEST(!twice);
  BOOST_TEST(stored == events);
  BOOST_TEST(ended == events);
  BOOST_TEST(told.saved == static_cast<std::uint64_t>(events));
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_to_several_threads) {
  auto const good = std::make_shared<std::atomic<int>>(0), bad = std::make_shared<std::atomic<int>>(0);
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    save_queue queue(context.get_executor(), contiguous_store(context));
    task_group group(context.get_executor());
    for (int i = 0; i < 50; ++i) {
      std::vector<save_ticket> tickets;
      for (int j = 0; j < 4; ++j)
        tickets.push_back(queue.enqueue(event_of("a-" + std::to_string(i), -1)));
      for (int waiter = 0; waiter < 3; ++waiter)
        group.spawn(wait_for_all(tickets, good, bad));
    }
    co_await group.join();
  };
  run(body, four_threads());
  BOOST_TEST(*good == 0);
  BOOST_TEST(*bad == 50 * 4 * 3);
}

BOOST_AUTO_TEST_CASE(closing_while_others_enqueue_loses_nothing) {
  std::atomic<int> accepted{0}, ended{0};
  std::size_t reported = 0;
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    save_queue_options options;
    options.on_end = [&](queued_save_end const&) { ++ended; };
    save_queue queue(context.get_executor(), contiguous_store(context), options);
    std::atomic<bool> some{false};
    auto threads = on_threads(3, [&](int actor) {
      for (std::int64_t version = 1;; ++version)
        try {
          queue.enqueue(event_of("a-" + std::to_string(actor), version));
          ++accepted;
          some = true;
        } catch (error const& e) {
          if (e.code() == errc::closed)
            return;
          --version; // full: again
          std::this_thread::yield();
        }
    });
    while (!some)
      co_await hop();
    call_options at_once;
    at_once.timeout = 1ns;
    auto const report = co_await queue.close(at_once);
    reported = report.not_saved.size();
    threads.clear();
  };
  run(body, four_threads());
  BOOST_TEST(ended + static_cast<int>(reported) == accepted);
}

BOOST_AUTO_TEST_CASE(a_context_that_stops_and_goes_ends_the_tickets_of_another) {
  for (int round = 0; round < 20; ++round) {
    asio::io_context callers;
    auto guard = std::make_optional(asio::make_work_guard(callers));
    std::jthread const caller([&] { callers.run(); });
    auto const good = std::make_shared<std::atomic<int>>(0), bad = std::make_shared<std::atomic<int>>(0);
    std::optional<save_queue> queue;
    std::future<void> waited;
    {
      asio::io_context context(2);
      queue.emplace(context.get_executor(), contiguous_store(context));
      std::vector<save_ticket> tickets;
      for (int actor = 0; actor < 10; ++actor)
        for (std::int64_t version = 1; version <= 20; ++version)
          tickets.push_back(queue->enqueue(event_of("a-" + std::to_string(actor), version)));
      waited = asio::co_spawn(callers, wait_for_all(tickets, good, bad), asio::use_future);
      auto threads = on_threads(2, [&](int) { context.run_one_for(scaled(60s)); });
      threads.clear();
    }
    waited.get();
    guard.reset();
    BOOST_TEST(*good + *bad == 200);
    BOOST_TEST(*bad > 0);
  }
}

// At every step that one thread takes, the context is destroyed.
BOOST_AUTO_TEST_CASE(the_context_may_be_destroyed_at_any_step) {
  bool more = true;
  for (std::size_t steps = 0; more; ++steps) {
    std::vector<save_ticket> tickets;
    std::optional<save_queue> queue;
    {
      asio::io_context context(1);
      save_queue_options options;
      options.at_once = 1;
      queue.emplace(context.get_executor(), contiguous_store(context), options);
      for (auto const* actor : {"a-1", "a-1", "b-1", "c-1"})
        tickets.push_back(queue->enqueue(event_of(actor, tickets.size() == 1 ? 2 : 1)));
      std::size_t done = 0;
      while (done < steps && context.poll_one() != 0)
        ++done;
      more = done == steps;
    }
    for (auto const& ticket : tickets)
      BOOST_TEST(ticket.has_ended());
    auto const told = queue->metrics();
    BOOST_TEST(told.saved + told.not_saved == 4u);
    BOOST_TEST((more || told.saved == 4u));
    BOOST_TEST_REQUIRE(steps < 10'000u);
  }
}

// The same with the queue's last handle.
BOOST_AUTO_TEST_CASE(the_queue_may_be_destroyed_at_any_step) {
  bool more = true;
  for (std::size_t steps = 0; more; ++steps) {
    asio::io_context context(1);
    std::vector<save_ticket> tickets;
    auto queue = std::make_optional<save_queue>(context.get_executor(), contiguous_store(context));
    for (auto const* actor : {"a-1", "a-1", "b-1", "c-1"})
      tickets.push_back(queue->enqueue(event_of(actor, tickets.size() == 1 ? 2 : 1)));
    std::size_t done = 0;
    while (done < steps && context.poll_one() != 0)
      ++done;
    more = done == steps;
    queue.reset();
    for (auto const& ticket : tickets)
      BOOST_TEST(ticket.has_ended());
    context.restart();
    context.run(); // returns: nothing is left that waits
    BOOST_TEST_REQUIRE(steps < 10'000u);
  }
}

// Whatever is under way when it is reported.
BOOST_AUTO_TEST_CASE(what_is_reported_as_not_stored_is_not_stored_afterwards) {
  bool more = true;
  for (std::size_t steps = 0; more; ++steps) {
    asio::io_context context(1);
    auto const store = contiguous_store(context);
    auto patient = save_queue_options::patient();
    patient.time = std::make_shared<ticking_clock>();
    save_queue_options options;
    options.at_once = 1;
    options.retry = patient;
    save_queue queue(context.get_executor(), store, options);
    for (int actor = 0; actor < 40; ++actor)
      queue.enqueue(event_of("a-" + std::to_string(actor), 1));
    std::size_t done = 0;
    while (done < steps && context.poll_one() != 0)
      ++done;
    more = done == steps;
    std::vector<event> reported;
    std::size_t stored = 0;
    auto const end = [&]() -> awaitable<void> {
      call_options at_once;
      at_once.timeout = 1ns;
      auto const report = co_await queue.close(at_once);
      for (auto const& unsaved : report.not_saved)
        if (!unsaved.maybe_stored)
          reported.push_back(unsaved.what);
    };
    auto const look = [&]() -> awaitable<void> {
      for (auto const& e : reported) {
        auto const version = co_await store->latest_version(e.actor_id);
        stored += version > 0 ? 1 : 0;
      }
    };
    auto ended = asio::co_spawn(context, end(), asio::use_future);
    context.restart();
    context.run();
    ended.get();
    auto looked = asio::co_spawn(context, look(), asio::use_future);
    context.restart();
    context.run();
    looked.get();
    BOOST_TEST(stored == 0u);
    BOOST_TEST_REQUIRE(steps < 10'000u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
