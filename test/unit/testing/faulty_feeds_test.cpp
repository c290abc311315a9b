// Readers, subscriptions and listings on a faulty store: opening meets the plan's faults, and live events outages.
#include <unit/testing/faulty_world.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(faulty_feeds)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

call_options for_at_most(std::chrono::nanoseconds timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}

bool is_event(std::optional<subscription_item> const& item) {
  return item && std::holds_alternative<recorded_event>(*item);
}

BOOST_AUTO_TEST_CASE(opening_fails_and_may_be_tried_again) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    co_await w.inner->save_event(event_of("order-1", 1));
    w.store.script(operation::read, {fault::fail, fault::none, fault::fail, fault::none, fault::fail});
    event_reader reader = w.store.read_events("order-1");
    boost::system::error_code thrown = co_await error_of(reader.next());
    BOOST_TEST(thrown == make_error_code(errc::connection_lost));
    std::optional<recorded_event> const e = co_await reader.next();
    BOOST_TEST(e.has_value());
    actor_list actors = w.store.list_actors();
    thrown = co_await error_of(actors.next());
    BOOST_TEST(thrown == make_error_code(errc::connection_lost));
    std::optional<listed_actor> const actor = co_await actors.next();
    BOOST_TEST(actor.has_value());
    thrown = co_await error_of(w.store.subscribe());
    BOOST_TEST(thrown == make_error_code(errc::connection_lost));
    BOOST_TEST(w.store.counts().failures == 3u);
    BOOST_TEST(w.store.counts().reads == 5u);
  });
}

BOOST_AUTO_TEST_CASE(opening_waits_for_the_end_of_an_outage) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    co_await w.inner->save_event(event_of("order-1", 1));
    w.store.begin_outage();
    event_reader reader = w.store.read_events("order-1");
    boost::system::error_code thrown = co_await error_of(reader.next(for_at_most(3s)));
    BOOST_TEST(thrown == make_error_code(errc::timed_out));
    BOOST_TEST((w.clock.elapsed() == 3s));
    subscribe_options options;
    options.timeout = 4s;
    thrown = co_await error_of(w.store.subscribe(options));
    BOOST_TEST(thrown == make_error_code(errc::timed_out));
    BOOST_TEST((w.clock.elapsed() == 7s));
    w.store.end_outage();
    std::optional<recorded_event> const e = co_await reader.next();
    BOOST_TEST(e.has_value());
  });
}

BOOST_AUTO_TEST_CASE(delays_are_those_of_a_read) {
  fault_plan plan;
  plan.min_delay = 50ms;
  faulty_world w(plan);
  w.run([&]() -> awaitable<void> {
    co_await w.inner->save_events(events_of("order-1", 1, 3));
    event_reader reader = w.store.read_events("order-1");
    for (int i = 0; i < 3; ++i)
      (void)co_await reader.next();
    BOOST_TEST((w.clock.elapsed() == 100ms)); // there and back, once
    event_subscription s = co_await w.store.subscribe();
    BOOST_TEST((w.clock.elapsed() == 200ms));
    for (int i = 0; i < 3; ++i)
      (void)co_await s.next();
    BOOST_TEST((w.clock.elapsed() == 200ms));
  });
}

BOOST_AUTO_TEST_CASE(while_there_is_an_outage_nothing_comes) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    event_subscription s = co_await w.store.subscribe();
    (void)co_await s.next(); // caught_up
    w.store.begin_outage();
    co_await w.inner->save_event(event_of("order-1", 1)); // another process's
    std::optional<subscription_item> item = co_await s.next(for_at_most(5s));
    BOOST_TEST(!item.has_value());
    BOOST_TEST((w.clock.elapsed() == 5s));
    BOOST_TEST(!s.try_next().has_value());
    w.store.end_outage();
    item = co_await s.next(for_at_most(5s));
    BOOST_TEST(is_event(item));
    BOOST_TEST((w.clock.elapsed() == 5s));
  });
}

BOOST_AUTO_TEST_CASE(waits_end_by_the_virtual_clock_and_by_close) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    event_subscription s = co_await w.store.subscribe();
    (void)co_await s.next(); // caught_up
    bool const there = co_await s.wait(for_at_most(1h));
    BOOST_TEST(!there);
    BOOST_TEST((w.clock.elapsed() == 1h));
    auto const close_later = [](virtual_clock clock, fault_injecting_store store) -> awaitable<void> {
      co_await clock.sleep_for(1min);
      co_await store.close();
    };
    asio::co_spawn(w.context, close_later(w.clock, w.store), asio::detached);
    boost::system::error_code const thrown = co_await error_of(s.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
    BOOST_TEST((w.clock.elapsed() == 1h + 1min));
    // The store behind is open, and another in front of it may follow it.
    event_subscription other = co_await w.inner->subscribe();
    std::optional<subscription_item> const item = co_await other.next();
    BOOST_TEST(item.has_value());
  });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_store_behind_is_told) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    event_subscription s = co_await w.store.subscribe();
    (void)co_await s.next(); // caught_up
    auto const close_later = [](virtual_clock clock, std::shared_ptr<event_store> store) -> awaitable<void> {
      co_await clock.sleep_for(1min);
      co_await store->close();
    };
    asio::co_spawn(w.context, close_later(w.clock, w.inner), asio::detached);
    boost::system::error_code thrown = co_await error_of(s.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
    thrown = co_await error_of(s.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
