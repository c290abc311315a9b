// The bus of one process: what its contract (test/contract/bus_test.cpp) does not say, and races of its ends.
#include <aether/event_bus.hpp>

#include <aether/error.hpp>
#include <aether/task_group.hpp>

#include <support/bus_items.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(event_buses)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

namespace asio = boost::asio;

/// On whatever thread calls it.
bus_subscription subscribe(event_bus& bus, std::string pattern, std::size_t buffer = 0) {
  asio::io_context context;
  bus_subscription made;
  asio::co_spawn(context, bus.subscribe(bus_filter_of(std::move(pattern), buffer)),
                 [&](std::exception_ptr, bus_subscription s) { made = std::move(s); });
  context.run();
  return made;
}

/// A thread that publishes into `a` while it lives.
class publishing_thread {
public:
  explicit publishing_thread(event_bus& bus)
      : thread_([this, &bus] {
          auto const e = std::make_shared<event const>(event_of("order-1", 1));
          while (!stop_) {
            bus.publish("a", e);
            std::this_thread::yield();
          }
        }) {}
  ~publishing_thread() {
    stop_ = true;
    thread_.join();
  }

private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// From within the strand: ThreadSanitizer does not understand how Asio counts the copies of an erased executor that
/// threads drop.
template <class Context> void spawn_on_strand(Context& context, awaitable<void> body) {
  auto const strand = asio::make_strand(context);
  asio::post(strand,
             [strand, body = std::move(body)]() mutable { asio::co_spawn(strand, std::move(body), asio::detached); });
}

void in_bus(std::function<awaitable<void>(event_bus&)> body) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    event_bus bus;
    co_await body(bus);
  });
}

BOOST_AUTO_TEST_CASE(a_bus_that_goes_closes_its_subscribers) {
  in_bus([](event_bus&) -> awaitable<void> {
    bus_subscription s;
    {
      event_bus bus;
      s = co_await bus.subscribe(bus_filter_of("*"));
      bus.publish("a", event_of("order-1", 1));
    }
    BOOST_TEST(take_all(s) == "a:1 closed");
    event_bus closed;
    s = co_await closed.subscribe(bus_filter_of("a"));
    closed.close();
    closed.publish("a", event_of("order-1", 2));
    BOOST_TEST(closed.metrics().dropped == 0u); // it is not missed: the subscription has ended
    auto late = co_await closed.subscribe(bus_filter_of("a"));
    BOOST_TEST(take_all(late) == "closed");
    auto const item = co_await s.receive();
    BOOST_TEST(text_of(item) == "closed");
    bus_subscription none;
    auto const e = co_await error_of(none.wait());
    BOOST_TEST(e == make_error_code(errc::not_open));
  });
}

// Whoever takes nothing: of what is published no more is kept than its buffer holds, and the rest is counted.
BOOST_AUTO_TEST_CASE(a_stopped_subscriber_stays_within_its_bound) {
  in_bus([](event_bus& bus) -> awaitable<void> {
    constexpr std::uint64_t flood = 200'000, bound = 100;
    bus_metrics before;
    for (auto const policy : {overflow_policy::drop_newest, overflow_policy::drop_oldest, overflow_policy::close}) {
      auto filter = bus_filter_of("a", bound);
      filter.overflow = policy;
      auto s = co_await bus.subscribe(filter);
      auto const e = std::make_shared<event const>(event_of("order-1", 1));
      for (std::uint64_t i = 0; i < flood; ++i)
        bus.publish("a", e);
      BOOST_TEST(e.use_count() == static_cast<long>(bound + 1));
      auto const now = bus.metrics();
      auto const dropped = policy == overflow_policy::close ? 1 : flood - bound;
      BOOST_TEST(now.dropped - before.dropped == dropped);
      BOOST_TEST(now.received - before.received == (policy == overflow_policy::drop_oldest ? flood : bound));
      before = now;
      std::uint64_t events = 0, told = 0;
      for (auto item = s.try_receive(); item && item->index() != 2; item = s.try_receive())
        if (auto const* m = std::get_if<missed>(&*item))
          told += m->count.value();
        else
          ++events;
      BOOST_TEST(events == bound);
      BOOST_TEST(told == dropped);
      BOOST_TEST(e.use_count() == 1);
    }
  });
}

// Waits that are cancelled at any moment, or end at their deadline, while another thread publishes.
BOOST_AUTO_TEST_CASE(no_cancelled_wait_ever_loses_an_event) {
  constexpr std::int64_t count = 4'000;
  std::atomic<std::int64_t> taken = 0;
  std::int64_t cancelled = 0, timed_out = 0;
  bool ordered = true;
  auto const take_one = [&](bus_subscription& s, std::chrono::nanoseconds timeout) -> awaitable<void> {
    auto const item = co_await s.receive(call_options{timeout});
    timed_out += item ? 0 : 1;
    if (item)
      ordered = ordered && std::get<broadcast>(*item).event->version == ++taken;
  };
  auto const take_all_of_them = [&](event_bus bus) -> awaitable<void> {
    auto const executor = co_await asio::this_coro::executor;
    auto s = co_await bus.subscribe(bus_filter_of("a", count));
    std::thread publisher([&] {
      for (std::int64_t version = 1; version <= count; ++version) {
        while (taken < version - 2) // never so many that nobody ever waits
          std::this_thread::yield();
        bus.publish("a", event_of("order-1", version));
        std::this_thread::yield();
      }
    });
    std::mt19937 random(11);
    while (taken < count) {
      asio::cancellation_signal signal;
      bool over = false;
      auto const ended = [&](std::exception_ptr e) {
        cancelled += e ? 1 : 0;
        over = true;
      };
      std::chrono::nanoseconds const timeout(random() % 3 == 0 ? random() % 20'000 + 1 : 0);
      asio::co_spawn(executor, take_one(s, timeout), asio::bind_cancellation_slot(signal.slot(), ended));
      for (auto turns = random() % 4; turns > 0 && !over; --turns)
        co_await asio::post(executor, asio::deferred);
      signal.emit(asio::cancellation_type::terminal);
      while (!over)
        co_await asio::post(executor, asio::deferred);
    }
    publisher.join();
    BOOST_TEST(take_all(s) == "");
  };
  auto const body = [&](asio::io_context& context) -> awaitable<void> {
    spawn_on_strand(context, take_all_of_them(event_bus()));
    co_return;
  };
  run(body, {.threads = 3});
  BOOST_TEST(ordered);
  BOOST_TEST(taken == count);
  BOOST_TEST(cancelled > 0);
}

BOOST_AUTO_TEST_CASE(destroying_a_subscription_on_another_thread_ends_its_wait) {
  event_bus bus;
  std::atomic<int> ended = 0, aborted = 0;
  constexpr int waits = 400;
  auto const wait_on = [&](awaitable<std::optional<bus_item>> wait) -> awaitable<void> {
    auto const e = co_await error_of(std::move(wait));
    aborted += e == asio::error::operation_aborted;
    ++ended;
  };
  asio::thread_pool pool(2);
  {
    publishing_thread const publishes(bus);
    for (int i = 0; i < waits; ++i) {
      auto s = subscribe(bus, i % 2 == 0 ? "a" : "b");
      call_options const options{i % 4 < 2 ? 0s : 60s};
      spawn_on_strand(pool, wait_on(s.receive(options)));
      if (i % 3 == 0)
        std::this_thread::yield();
    }
    pool.join();
  }
  BOOST_TEST(ended == waits);
  BOOST_TEST(aborted >= waits / 2); // nobody publishes into b
  BOOST_TEST(bus.subscriber_count() == 0u);
}

// A subscriber's context goes while it waits, or is about to be resumed: its coroutine goes with it, on that thread.
BOOST_AUTO_TEST_CASE(a_context_goes_while_others_publish) {
  event_bus bus;
  auto const alive = std::make_shared<int>();
  auto const takes = [&](bus_subscription s, call_options options, std::shared_ptr<int>) -> awaitable<void> {
    while (co_await s.receive(options)) {
    }
  };
  bool gone = true;
  {
    publishing_thread const publishes(bus);
    for (int i = 0; i < 400; ++i) {
      auto outside = subscribe(bus, "a");
      {
        asio::io_context context;
        for (auto const* pattern : {"a", "b", "*"}) {
          call_options const options{i % 2 == 0 ? 0s : 60s};
          asio::co_spawn(context, takes(subscribe(bus, pattern), options, alive), asio::detached);
        }
        auto const keeps = [&]() -> awaitable<void> { co_await outside.receive(); };
        asio::co_spawn(context, keeps(), asio::detached);
        for (int turn = i % 5; turn >= 0; --turn)
          context.poll_one();
      }
      gone = gone && alive.use_count() == 1 && bus.subscriber_count() == 1;
      outside.try_receive();
    }
  }
  BOOST_TEST(gone);
}

BOOST_AUTO_TEST_CASE(subscribers_come_and_go_on_several_threads_until_the_bus_is_closed) {
  event_bus bus;
  constexpr std::array patterns{"a", "a.b", "*", "*.b", ">", "a.>", "b"};
  std::array<std::array<bus_subscription, 4>, 3> all;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < all.size(); ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      auto& mine = all[t];
      for (int i = 0; i < 2'000; ++i) {
        auto& s = mine[random() % mine.size()];
        s = subscribe(bus, patterns[random() % patterns.size()], 8);
        bus.publish(random() % 2 == 0 ? "a" : "a.b", event_of("order-1", i + 1));
        if (t == 0 && i == 1'500)
          bus.close();
      }
    });
  for (auto& t : threads)
    t.join();
  for (auto& mine : all)
    for (auto& s : mine) {
      BOOST_TEST(take_all(s).ends_with("closed"));
      s = bus_subscription();
    }
  BOOST_TEST(bus.subscriber_count() == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_full_buffer_drops_is_counted) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    event_bus bus;
    auto s = co_await bus.subscribe(bus_filter_of("a", 2));
    for (int version = 1; version <= 5; ++version)
      bus.publish("a", event_of("order-1", version));
    BOOST_TEST(bus.metrics().dropped == 3u);
    BOOST_TEST(bus.metrics().received == 2u);
  });
}

BOOST_AUTO_TEST_CASE(it_can_be_moved_and_moved_back) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    event_bus bus;
    auto s = co_await bus.subscribe(bus_filter_of("a"));
    auto moved = std::move(bus);
    bus = std::move(moved);
    bus.publish("a", event_of("order-1", 1));
    BOOST_TEST(take_all(s) == "a:1");
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
