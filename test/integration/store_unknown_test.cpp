// While an attempt of an event is unanswered, no call that saves the event again may call it not stored.
#include <integration/store_support.hpp>
#include <support/events.hpp>
#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(store_unknown, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

awaitable<void> save(jetstream_event_store store, event e, std::chrono::nanoseconds timeout,
                     boost::system::error_code& end) {
  save_options options;
  options.timeout = timeout;
  end = co_await error_of(store.save_event(std::move(e), options));
}

// What was spawned has begun when this returns: there is one thread.
awaitable<void> let_begin(boost::asio::io_context& context) {
  boost::asio::io_context::executor_type const here = context.get_executor();
  for (int i = 0; i < 10; ++i)
    co_await boost::asio::post(here, boost::asio::use_awaitable);
}

// One event is left unknown on a server that stands still, another has the actor's turn; then the first is saved again.
struct stage {
  nats_server server;
  event const first = event_of("order-1", 2);
  boost::system::error_code before, other, again;

  awaitable<jetstream_event_store> set(boost::asio::io_context& context, task_group& group, jetstream_config config) {
    auto store = co_await open_store(server.url(), "orders", std::move(config));
    co_await store.save_event(event_of("order-1", 1)); // what is known is published without asking
    server.pause();
    co_await save(store, first, 150ms, before);
    group.spawn(save(store, event_of("order-1", 2), 3s, other));
    group.spawn(save(store, first, 3s, again));
    co_await let_begin(context);
    co_return store;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_store_closed_before_its_turn_came) {
  stage s;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    task_group group(context.get_executor());
    auto store = co_await s.set(context, group, {});
    auto const report = co_await store.close(call_options{.timeout = 300ms});
    co_await group.join();
    BOOST_TEST(report.unknown.size() >= 1u);
  });
  BOOST_TEST(s.before == errc::outcome_unknown);
  BOOST_TEST(s.again == errc::outcome_unknown);
}

// What a server that stands still was sent, it stores when it goes on.
BOOST_AUTO_TEST_CASE(a_connection_closed_under_it) {
  nats_server server;
  event const first = event_of("order-1", 2);
  boost::system::error_code end, again;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto on = co_await nats::connection::connect(server.url());
    auto store = co_await jetstream_event_store::open(on, "orders");
    co_await store.save_event(event_of("order-1", 1)); // what is known is published without asking
    server.pause();
    task_group group(context.get_executor());
    group.spawn(save(store, first, 3s, end));
    co_await let_begin(context);
    (void)co_await error_of(on.close(call_options{.timeout = 300ms}));
    co_await group.join();
    co_await save(store, first, 1s, again);
    server.resume();
    auto other = co_await open_store(server.url(), "orders");
    auto const version = co_await other.latest_version("order-1");
    BOOST_TEST(version == 2);
  });
  BOOST_TEST(end == errc::outcome_unknown, end.message());
  BOOST_TEST(again == errc::outcome_unknown, again.message());
}

BOOST_AUTO_TEST_CASE(no_room_for_it) {
  stage s;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    jetstream_config config;
    config.max_waiting_saves = 1;
    task_group group(context.get_executor());
    auto store = co_await s.set(context, group, std::move(config));
    co_await group.join();
  });
  BOOST_TEST(s.before == errc::outcome_unknown);
  BOOST_TEST(s.again == errc::outcome_unknown);
}

// A caller who leaves is told nothing; what the server says afterwards counts.
BOOST_AUTO_TEST_CASE(cancelled_and_then_refused) {
  nats_server server;
  boost::system::error_code end;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    jetstream_config config;
    config.max_stream_bytes = 20'000;
    auto store = co_await open_store(server.url(), "orders", std::move(config));
    std::int64_t version = 1;
    for (;; ++version) {
      auto const code = co_await error_of(store.save_event(event_of("order-1", version)));
      if (code)
        break; // it is full
    }
    server.pause();
    task_group group(context.get_executor());
    group.spawn(save(store, event_of("order-1", version), 10s, end));
    co_await let_begin(context);
    group.cancel();
    co_await group.join_all();
    server.resume();
    auto const report = co_await store.close();
    BOOST_TEST(report.unknown.empty());
  });
}

BOOST_AUTO_TEST_SUITE_END()
