// Projections over the embedded store: going on, following, pausing, rebuilding, and being taken over.
#include <support/projections.hpp>
#include <support/recording_logger.hpp>
#include <support/run.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>

BOOST_AUTO_TEST_SUITE(projections)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using boost::test_tools::per_element;

namespace {

/// An embedded store, a checkpoint store, and what the handler was given.
struct world {
  std::shared_ptr<memory_event_store> events;
  std::shared_ptr<memory_checkpoint_store> checkpoints = std::make_shared<memory_checkpoint_store>();
  std::shared_ptr<versions> seen = std::make_shared<versions>();

  explicit world(boost::asio::any_io_executor e) : events(std::make_shared<memory_event_store>(std::move(e))) {}

  projection make(projection_options options) const {
    return projection(events, checkpoints, std::move(options), noting(seen));
  }
  awaitable<void> save(std::int64_t first, std::int64_t last, std::string actor = "order-1") {
    for (; first <= last; ++first)
      co_await events->save_event(event_of(actor, first));
  }
  /// Runs it until it has handled `count` events, and stops it.
  awaitable<void> run_to(projection p, std::size_t count) {
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return seen->size() >= count; });
    p.stop();
    co_await group.join();
  }
};

void in_world(std::function<awaitable<void>(world&)> body) {
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    world w(context.get_executor());
    co_await body(w);
  });
}

BOOST_AUTO_TEST_CASE(everything_is_handled_in_order_and_then_what_comes) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 5);
    auto p = w.make(named("totals"));
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return p.progress().caught_up; });
    BOOST_TEST(*w.seen == from_to(1, 5), per_element());
    co_await w.save(6, 700);
    co_await until([&] { return w.seen->size() == 700; });
    BOOST_TEST(*w.seen == from_to(1, 700), per_element());
    p.stop();
    co_await group.join();
    auto const found = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) == 700u);
    auto const told = p.progress();
    BOOST_TEST(told.events_handled == 700u);
    BOOST_TEST(told.events_behind == 0u);
    BOOST_TEST(told.events_per_second > 0);
    BOOST_TEST((told.position == *found->position));
    BOOST_TEST((told.state == projection_state::idle));
    BOOST_TEST(told.checkpoints >= 1u);
  });
}

BOOST_AUTO_TEST_CASE(it_goes_on_behind_its_checkpoint) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 5);
    co_await w.run_to(w.make(named("totals")), 5);
    co_await w.save(6, 8);
    co_await w.run_to(w.make(named("totals")), 8);
    BOOST_TEST(*w.seen == from_to(1, 8), per_element());
    w.seen->clear();
    co_await w.run_to(w.make(named("another")), 8);
    BOOST_TEST(*w.seen == from_to(1, 8), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_every_n_events) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 10);
    auto options = named("totals");
    options.checkpoint_events = 4;
    options.checkpoint_interval = std::chrono::hours(1);
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return w.seen->size() == 10 && p.progress().caught_up; });
    auto const found = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) == 8u);
    BOOST_TEST(p.progress().checkpoints == 2u);
    p.stop();
    co_await group.join();
    auto const last = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(last) == 10u);
  });
}

BOOST_AUTO_TEST_CASE(the_checkpoint_moves_over_what_the_filter_drops) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto options = named("totals");
    options.filter.event_types.push_back("NeverHappened");
    options.checkpoint_interval = 1ms;
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    std::optional<checkpoint> found;
    while (sequence_of(found) != 3) {
      co_await hop();
      found = co_await w.checkpoints->find("totals");
    }
    co_await w.save(4, 9);
    while (sequence_of(found) != 9) {
      co_await hop();
      found = co_await w.checkpoints->find("totals");
    }
    p.stop();
    co_await group.join();
    BOOST_TEST(w.seen->empty());
  });
}

BOOST_AUTO_TEST_CASE(a_long_way_over_what_the_filter_drops_can_be_stopped) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 20'000);
    auto options = named("totals");
    options.filter.event_types.push_back("NeverHappened");
    options.checkpoint_interval = std::chrono::nanoseconds(1);
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return p.progress().checkpoints > 0; });
    p.stop();
    co_await group.join();
    auto const found = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) > 0u);
    BOOST_TEST(sequence_of(found) < 20'000u); // others ran, and it ended, before it was through
  });
}

BOOST_AUTO_TEST_CASE(now_stays_the_now_of_the_first_run) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto options = named("totals");
    options.start = start_from::now();
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return p.progress().caught_up; });
    group.cancel(); // as a crash would: nothing is stored at the end
    co_await group.join();
    co_await w.save(4, 6);
    co_await w.run_to(w.make(options), 3);
    BOOST_TEST(*w.seen == from_to(4, 6), per_element());
  });
}

BOOST_AUTO_TEST_CASE(nothing_is_handled_while_it_is_paused) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto p = w.make(named("totals"));
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return w.seen->size() == 3; });
    p.pause();
    co_await until([&] { return p.progress().state == projection_state::paused; });
    auto const found = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) == 3u);
    co_await w.save(4, 6);
    for (int i = 0; i < 200; ++i)
      co_await hop();
    BOOST_TEST(w.seen->size() == 3u);
    p.resume();
    co_await until([&] { return w.seen->size() == 6; });
    BOOST_TEST((p.progress().state == projection_state::running));
    p.pause();
    p.stop(); // also while it is paused
    co_await group.join();
    BOOST_TEST(*w.seen == from_to(1, 6), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_rebuild_clears_and_begins_anew) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 5);
    auto options = named("totals");
    int resets = 0;
    auto clear = [&]() -> awaitable<void> {
      co_await hop();
      ++resets;
      w.seen->clear();
    };
    options.on_reset = clear;
    auto p = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return w.seen->size() == 5; });
    BOOST_TEST(resets == 0);
    p.rebuild(); // while it runs
    co_await until([&] { return resets == 1 && w.seen->size() == 5; });
    BOOST_TEST(*w.seen == from_to(1, 5), per_element());
    p.pause();
    co_await until([&] { return p.progress().state == projection_state::paused; });
    p.rebuild(); // while it is paused: what is handled comes after resume()
    co_await until([&] { return resets == 2; });
    for (int i = 0; i < 100; ++i)
      co_await hop();
    BOOST_TEST(w.seen->empty());
    p.resume();
    co_await until([&] { return w.seen->size() == 5; });
    BOOST_TEST(p.progress().events_handled == 5u);
    p.stop();
    co_await group.join();
    p.rebuild(); // and before it runs
    task_group again(executor);
    again.spawn(p.run());
    co_await until([&] { return resets == 3 && w.seen->size() == 5; });
    p.stop();
    co_await again.join();
    BOOST_TEST(*w.seen == from_to(1, 5), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_rebuild_that_was_broken_off_is_done_by_the_next_run) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto options = named("totals");
    int resets = 0;
    auto clear = [&]() -> awaitable<void> {
      co_await hop();
      if (++resets == 1)
        throw std::runtime_error("the disk");
      w.seen->clear();
    };
    options.on_reset = clear;
    co_await w.run_to(w.make(options), 3);
    auto p = w.make(options);
    p.rebuild();
    bool thrown = false;
    try {
      co_await p.run();
    } catch (std::runtime_error const&) {
      thrown = true;
    }
    BOOST_TEST(thrown);
    auto const due = co_await w.checkpoints->find("totals");
    BOOST_TEST((due && due->reset_due && !due->position));
    // Another process, which knows nothing of rebuild().
    auto other = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(other.run());
    co_await until([&] { return other.progress().events_handled == 3; });
    other.stop();
    co_await group.join();
    BOOST_TEST(resets == 2);
    BOOST_TEST(*w.seen == from_to(1, 3), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_second_runner_takes_over_and_the_first_stops) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto options = named("totals");
    options.checkpoint_interval = 1ms;
    auto const log = std::make_shared<recording_logger>();
    options.log = log;
    auto first = w.make(options);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(first.run());
    for (std::optional<checkpoint> stored; sequence_of(stored) != 3;) { // so that the second begins behind them
      co_await hop();
      stored = co_await w.checkpoints->find("totals");
    }
    auto second = w.make(options);
    task_group other(executor);
    other.spawn(second.run());
    co_await until([&] { return second.progress().caught_up; });
    co_await w.save(4, 4);
    auto const ended = co_await error_of(group.join());
    BOOST_TEST(ended == make_error_code(errc::projection_taken_over));
    BOOST_TEST(log->count("a projection was taken over by another runner") == 1u);
    BOOST_TEST(log->count("a projection's checkpoint was not stored") == 0u);
    co_await w.save(5, 5);
    co_await until([&] { return second.progress().events_handled == 2; });
    second.stop();
    co_await other.join();
    auto const found = co_await w.checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) == 5u);
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_store_is_refused) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    co_await w.run_to(w.make(named("totals")), 3);
    auto const before = co_await w.checkpoints->find("totals");
    auto executor = co_await boost::asio::this_coro::executor;
    world other(executor);
    other.checkpoints = w.checkpoints;
    co_await other.save(1, 3);
    auto p = other.make(named("totals"));
    auto const ended = co_await error_of(p.run());
    BOOST_TEST(ended == make_error_code(errc::position_invalid));
    BOOST_TEST(other.seen->empty());
    auto const after = co_await w.checkpoints->find("totals");
    BOOST_TEST((before == after));
    BOOST_TEST((p.progress().state == projection_state::idle));
    p.rebuild(); // the way out
    co_await other.run_to(p, 3);
  });
}

BOOST_AUTO_TEST_CASE(one_run_at_a_time_and_none_after_stop) {
  in_world([](world& w) -> awaitable<void> {
    auto p = w.make(named("totals"));
    p.stop();
    co_await p.run(); // at once
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(p.run());
    co_await until([&] { return p.progress().caught_up; });
    auto const twice = co_await error_of(p.run());
    BOOST_TEST(twice == make_error_code(errc::invalid_argument));
    auto copy = p;
    p = projection();
    copy.stop();
    co_await group.join();
    auto const none = co_await error_of(p.run());
    BOOST_TEST(none == make_error_code(errc::not_open));
  });
}

BOOST_AUTO_TEST_CASE(it_runs_on_when_its_handles_are_gone) {
  in_world([](world& w) -> awaitable<void> {
    co_await w.save(1, 3);
    auto executor = co_await boost::asio::this_coro::executor;
    task_group group(executor);
    group.spawn(w.make(named("totals")).run());
    co_await until([&] { return w.seen->size() == 3; });
    group.cancel();
    co_await group.join();
  });
}

BOOST_AUTO_TEST_CASE(options_that_are_nonsense_are_refused) {
  in_world([](world& w) -> awaitable<void> {
    auto const refused = [&](auto change) {
      auto options = named("totals");
      change(options);
      try {
        (void)w.make(options);
        return boost::system::error_code();
      } catch (error const& e) {
        return e.code();
      }
    };
    BOOST_TEST(refused([](auto& o) { o.name.clear(); }) == make_error_code(errc::invalid_id));
    BOOST_TEST(refused([](auto& o) { o.checkpoint_interval = -1s; }) == make_error_code(errc::invalid_argument));
    BOOST_TEST(refused([](auto& o) { o.first_pause = -1s; }) == make_error_code(errc::invalid_argument));
    BOOST_TEST(refused([](auto& o) { o.timeout = -1s; }) == make_error_code(errc::invalid_argument));
    BOOST_TEST(refused([](auto& o) {
                 o.first_pause = 2s;
                 o.longest_pause = 1s;
               }) == make_error_code(errc::invalid_argument));
    BOOST_CHECK_THROW(projection(nullptr, w.checkpoints, named("x"), noting(w.seen)), error);
    BOOST_CHECK_THROW(projection(w.events, nullptr, named("x"), noting(w.seen)), error);
    BOOST_CHECK_THROW(projection(w.events, w.checkpoints, named("x"), nullptr), error);
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(controls_come_from_any_thread) {
  boost::asio::io_context context(2);
  auto work = boost::asio::make_work_guard(context);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] { context.run(); });
  auto const events = std::make_shared<memory_event_store>(context.get_executor());
  std::atomic<std::uint64_t> handled = 0;
  auto const count = [&handled](recorded_event const&) -> awaitable<void> {
    co_await hop();
    ++handled;
  };
  auto options = named("totals");
  options.checkpoint_interval = 1ms;
  projection p(events, std::make_shared<memory_checkpoint_store>(), options, count);
  auto ended = boost::asio::co_spawn(context, p.run(), boost::asio::use_future);
  constexpr int rounds = 200;
  for (int i = 1; i <= rounds; ++i) {
    boost::asio::co_spawn(context, events->save_event(event_of("order-1", i)), boost::asio::use_future).get();
    p.pause();
    (void)p.progress();
    p.resume();
  }
  while (handled < rounds)
    std::this_thread::yield();
  p.stop();
  ended.get();
  BOOST_TEST(handled == static_cast<std::uint64_t>(rounds));
  work.reset();
  for (auto& t : threads)
    t.join();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
