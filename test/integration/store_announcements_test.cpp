// EventStored of a JetStream store whose answers are late: announced once, by the store whose attempt was stored.
#include <integration/connection_support.hpp>
#include <integration/store_support.hpp>
#include <support/events.hpp>
#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <aether/event_bus.hpp>
#include <aether/event_stored.hpp>
#include <aether/nats/event_bus.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(store_announcements, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

jetstream_config announcing_to(std::shared_ptr<event_broadcaster> to) {
  jetstream_config config;
  config.announce_to = std::move(to);
  return config;
}

save_options ending_in(std::chrono::nanoseconds timeout) {
  save_options options;
  options.timeout = timeout;
  return options;
}

awaitable<void> save_until_cancelled(jetstream_event_store store, event e) {
  auto const ended = co_await error_of(store.save_event(std::move(e), ending_in(20s)));
  BOOST_TEST((ended == boost::asio::error::operation_aborted));
}

/// The id of the event that is announced next; empty: nothing was, for now.
std::string next_announced(bus_subscription& heard) {
  auto const item = heard.try_receive();
  if (!item)
    return {};
  auto const told = as_event_stored(*std::get<broadcast>(*item).event);
  return told ? told->event_id : "no EventStored";
}

} // namespace

BOOST_AUTO_TEST_CASE(announced_in_the_namespace_of_the_store) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const bus = std::make_shared<event_bus>();
    bus_filter filter;
    filter.pattern = "tenant-a";
    auto heard = co_await bus->subscribe(filter);
    auto elsewhere = co_await bus->subscribe({});
    auto config = announcing_to(bus);
    config.name_space = "tenant-a";
    auto store = co_await open_store(server.url(), "orders", config);
    auto const e = event_of("order-1", 1);
    co_await store.save_event(e);
    BOOST_TEST(next_announced(heard) == e.id);
    BOOST_TEST(next_announced(elsewhere) == "");
  });
}

// The bus has a connection and a context of its own, and both end under the store.
BOOST_AUTO_TEST_CASE(the_end_of_the_bus_is_no_matter_to_the_store) {
  nats_server server;
  for (bool const context_first : {false, true}) {
    auto away = std::make_unique<boost::asio::io_context>();
    auto const bus = std::make_shared<nats::event_bus>();
    bus_subscription heard;
    auto const set_up = [&]() -> awaitable<void> {
      auto c = co_await nats::connection::connect(options_for(server));
      *bus = co_await nats::event_bus::open(std::move(c));
      heard = co_await bus->subscribe({});
      away->stop();
    };
    boost::asio::co_spawn(*away, set_up(), boost::asio::detached);
    away->run();
    run([&](boost::asio::io_context&) -> awaitable<void> {
      auto store = co_await open_store(server.url(), "orders", announcing_to(bus));
      std::string const actor = context_first ? "order-1" : "order-2";
      auto const first = event_of(actor, 1);
      co_await store.save_event(first);
      BOOST_TEST(next_announced(heard) == first.id);
      if (context_first)
        away.reset();
      else
        bus->close();
      for (int version = 2; version <= 5; ++version)
        co_await store.save_event(event_of(actor, version));
      if (!context_first)
        away.reset();
      co_await store.save_event(event_of(actor, 6));
      auto const end = heard.try_receive();
      BOOST_REQUIRE(end.has_value());
      BOOST_TEST(std::holds_alternative<bus_closed>(*end));
      BOOST_TEST(store.metrics().saves.saved == 6u);
      BOOST_TEST(store.metrics().announcements == 6u); // the bus takes them, and tells nobody
      co_await store.close();
    });
  }
}

// The caller is told that it is unknown; the next save of the same event finds out, and that is when it is announced.
BOOST_AUTO_TEST_CASE(a_remembered_attempt_that_is_found_stored) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const bus = std::make_shared<event_bus>();
    auto heard = co_await bus->subscribe({});
    auto store = co_await open_store(server.url(), "orders", announcing_to(bus));
    co_await store.save_event(event_of("order-1", 1));
    BOOST_TEST(!next_announced(heard).empty());
    auto const e = event_of("order-1", 2);
    server.pause();
    auto const ended = co_await error_of(store.save_event(e, ending_in(200ms)));
    BOOST_TEST((ended == errc::outcome_unknown));
    BOOST_TEST(next_announced(heard) == "");
    server.resume();
    auto const again = co_await store.save_event(e);
    BOOST_TEST(again.version == 2);
    BOOST_TEST(next_announced(heard) == e.id);
    co_await store.save_event(e);
    BOOST_TEST(next_announced(heard) == "");
    auto const m = store.metrics();
    BOOST_TEST(m.saves.unknown == 1u);
    BOOST_TEST(m.unknown_resolved == 1u);
    BOOST_TEST(m.saves_unresolved == 0u);
  });
}

// Nobody waits for the answer any more; the store does, and announces what it learns.
BOOST_AUTO_TEST_CASE(a_cancelled_save_that_is_stored_in_the_end) {
  nats_server server;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto const bus = std::make_shared<event_bus>();
    auto heard = co_await bus->subscribe({});
    auto store = co_await open_store(server.url(), "orders", announcing_to(bus));
    co_await store.save_event(event_of("order-1", 1));
    BOOST_TEST(!next_announced(heard).empty());
    server.pause();
    task_group group(context.get_executor());
    auto const e = event_of("order-1", 2);
    group.spawn(save_until_cancelled(store, e));
    for (int i = 0; i < 10; ++i)
      co_await boost::asio::post(context.get_executor(), boost::asio::use_awaitable);
    group.cancel();
    co_await group.join_all();
    BOOST_TEST(next_announced(heard) == "");
    server.resume();
    auto const item = co_await heard.receive(call_options{.timeout = 20s});
    BOOST_TEST_REQUIRE(item.has_value());
    BOOST_TEST(as_event_stored(*std::get<broadcast>(*item).event)->event_id == e.id);
    BOOST_TEST(store.metrics().saves.cancelled == 1u);
  });
}

// Another store finds it there: that was not its attempt.
BOOST_AUTO_TEST_CASE(what_another_store_stored_is_not_announced) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const bus = std::make_shared<event_bus>();
    auto heard = co_await bus->subscribe({});
    auto silent = co_await open_store(server.url(), "orders");
    auto store = co_await open_store(server.url(), "orders", announcing_to(bus));
    auto const e = event_of("order-1", 1);
    co_await silent.save_event(e);
    auto const found = co_await store.save_event(e);
    BOOST_TEST(found.already_saved);
    BOOST_TEST(next_announced(heard) == "");
    auto const m = store.metrics();
    BOOST_TEST(m.saves.already_saved == 1u);
    BOOST_TEST(m.cache_misses == 1u);
    co_await store.save_event(event_of("order-1", 2));
    BOOST_TEST(store.metrics().cache_hits == 1u);
    BOOST_TEST(!next_announced(heard).empty());
  });
}

BOOST_AUTO_TEST_SUITE_END()
