// Ends of buses across processes: cancelled, destroyed or stopped at any point, in any order, and nothing is left.
#include <integration/connection_support.hpp>
#include <integration/teardown_steps.hpp>
#include <support/bus_items.hpp>
#include <support/events.hpp>

#include <aether/nats/event_bus.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(event_bus_teardown, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::event_bus;

namespace {

enum class call { subscribe, subscribe_to_known, receive, publish };
std::ostream& operator<<(std::ostream& out, call c) { return out << static_cast<int>(c); }
call const calls[] = {call::subscribe, call::subscribe_to_known, call::receive, call::publish};

asio::awaitable<void> make(call what, event_bus bus, std::shared_ptr<bus_subscription> silent) {
  if (what == call::subscribe || what == call::subscribe_to_known) {
    auto const pattern = what == call::subscribe ? "a.>" : "silent";
    auto const s = co_await bus.subscribe(bus_filter_of(pattern));
  }
  if (what == call::receive)
    co_await silent->receive();
  if (what == call::publish)
    bus.publish("a", event_of("order-1", 1));
}

/// An io_context with a bus on it, and a subscription to what nobody publishes.
struct running {
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  event_bus bus;
  std::shared_ptr<bus_subscription> silent;

  explicit running(nats_server const& server) {
    auto const set_up = [&]() -> asio::awaitable<void> {
      auto c = co_await connection::connect(options_for(server));
      bus = co_await event_bus::open(std::move(c));
      auto s = co_await bus.subscribe(bus_filter_of("silent"));
      silent = std::make_shared<bus_subscription>(std::move(s));
      context->stop();
    };
    asio::co_spawn(*context, set_up(), asio::detached);
    context->run();
    context->restart();
    BOOST_REQUIRE(silent);
  }
  asio::awaitable<void> make_call(call what) { return make(what, bus, silent); }
  void drop_handles() {
    bus = event_bus();
    silent.reset();
  }
};

bool is_known_end(std::exception_ptr e) {
  try {
    if (e)
      std::rethrow_exception(e);
    return true;
  } catch (boost::system::system_error const& error) {
    return error.code() == asio::error::operation_aborted || error.code() == errc::closed;
  }
}

BOOST_DATA_TEST_CASE(a_call_cancelled_at_any_step_ends_and_leaves_nothing, calls, what) {
  nats_server server(without_jetstream());
  cancel_at_each_step<running>(
      server, [&](running& r) { return r.make_call(what); }, is_known_end,
      [](running& r) { BOOST_TEST(r.bus.subscriber_count() == 1u); });
}

BOOST_DATA_TEST_CASE(the_context_may_be_destroyed_at_any_step, calls, what) {
  nats_server server(without_jetstream());
  destroy_the_context_at_each_step<running>(
      server, [&](running& r) { return r.make_call(what); },
      [](running& r) {
        BOOST_TEST(take_all(*r.silent) == "closed");
        r.bus.publish("silent", event_of("order-1", 1)); // to nobody
        BOOST_TEST(take_all(*r.silent) == "closed");
      });
}

// The subscriber's own context, while the bus's runs on.
BOOST_AUTO_TEST_CASE(a_subscribers_context_may_go_first) {
  nats_server server(without_jetstream());
  running r(server);
  for (int round = 0; round < 10; ++round) {
    asio::io_context own;
    auto const waits = [&]() -> asio::awaitable<void> {
      auto s = co_await r.bus.subscribe(bus_filter_of("a"));
      for (;;)
        co_await s.receive();
    };
    asio::co_spawn(own, waits(), asio::detached);
    while (r.bus.subscriber_count() < 2) {
      own.run_for(1ms);
      r.context->run_for(1ms);
    }
    own.run_for(1ms);
  }
  BOOST_TEST(r.bus.subscriber_count() == 1u);
  r.drop_handles();
  r.context->run_for(10s);
  BOOST_TEST(r.context->stopped());
}

// Threads publish and subscribe, on a bus that others close and drop, until its context is stopped and destroyed.
BOOST_AUTO_TEST_CASE(everything_may_end_in_the_middle_of_everything) {
  nats_server server(without_jetstream());
  auto const before = open_descriptors();
  for (int round = 0; round < 12; ++round) {
    running r(server);
    asio::io_context callers(4);
    auto const hammer = [](event_bus bus) -> asio::awaitable<void> {
      for (int i = 0;; ++i) {
        auto filter = bus_filter_of(i % 2 == 0 ? "a" : "*");
        auto s = co_await bus.subscribe(std::move(filter));
        bus.publish("a", event_of("order-1", 1));
        co_await s.receive(within(1ms));
      }
    };
    for (int i = 0; i < 4; ++i)
      asio::co_spawn(asio::make_strand(callers), hammer(r.bus), asio::detached);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] { r.context->run(); });
      threads.emplace_back([&] { callers.run(); });
      threads.emplace_back([&, bus = r.bus]() mutable {
        while (!stop)
          bus.publish("a", event_of("order-1", 1));
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    if (round % 3 == 0)
      r.bus.close();
    r.context->stop();
    if (round % 3 == 1)
      r.drop_handles();
    callers.stop();
    threads[0].join();
    threads[3].join();
    r.context.reset();
    stop = true;
    for (auto const i : {1u, 2u, 4u, 5u})
      threads[i].join();
  }
  BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
