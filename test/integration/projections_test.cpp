// Projections on a real server, with their checkpoints there: over a server that is killed, several lives, takeovers,
// and a stream that is made anew.
#include <integration/store_support.hpp>
#include <support/projections.hpp>

#include <aether/nats/checkpoint_store.hpp>

#include <boost/asio/steady_timer.hpp>

BOOST_AUTO_TEST_SUITE(projections_on_a_server, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using boost::test_tools::per_element;

namespace {

struct world {
  nats::jetstream_event_store events;
  std::shared_ptr<checkpoint_store> checkpoints;
  std::shared_ptr<versions> seen = std::make_shared<versions>();

  static awaitable<world> open(std::string url, std::string stream) {
    world w;
    auto events = co_await open_store(std::move(url), std::move(stream));
    auto checkpoints = co_await nats::checkpoint_store::open(events);
    w.events = std::move(events);
    w.checkpoints = std::make_shared<nats::checkpoint_store>(std::move(checkpoints));
    co_return w;
  }
  projection make(std::shared_ptr<versions> into) const {
    auto options = named("totals");
    options.checkpoint_interval = 10ms;
    return projection(std::make_shared<nats::jetstream_event_store>(events), checkpoints, std::move(options),
                      noting(std::move(into)));
  }
  awaitable<void> save(std::int64_t first, std::int64_t last) {
    for (; first <= last; ++first)
      co_await events.save_event(event_of("order-1", first));
  }
};

/// Waits without spending the processor that the server needs.
template <class Condition> awaitable<void> until_soon(Condition const& holds) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  while (!holds()) {
    timer.expires_after(1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

BOOST_AUTO_TEST_CASE(each_event_once_over_a_server_that_is_killed) {
  nats_server server;
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto w = co_await world::open(server.url(), "orders");
    co_await w.save(1, 50);
    auto p = w.make(w.seen);
    task_group group(context.get_executor());
    group.spawn(p.run());
    co_await until_soon([&] { return w.seen->size() == 50; });
    server.kill();
    server.start();
    co_await w.save(51, 100);
    co_await until_soon([&] { return w.seen->size() == 100; });
    p.stop();
    co_await group.join();
    BOOST_TEST(*w.seen == from_to(1, 100), per_element());
    BOOST_TEST(p.progress().events_behind == 0u);

    // Another process: nothing is left but the server.
    auto other = co_await world::open(server.url(), "orders");
    co_await other.save(101, 110);
    auto again = other.make(other.seen);
    task_group next(context.get_executor());
    next.spawn(again.run());
    co_await until_soon([&] { return other.seen->size() == 10; });
    again.stop();
    co_await next.join();
    BOOST_TEST(*other.seen == from_to(101, 110), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_second_runner_takes_over_and_the_first_stops) {
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto const stream = new_stream();
    auto one = co_await world::open(shared_server().url(), stream);
    auto two = co_await world::open(shared_server().url(), stream);
    co_await one.save(1, 10);
    auto first = one.make(one.seen);
    task_group running(context.get_executor());
    running.spawn(first.run());
    co_await until_soon([&] { return first.progress().checkpoints > 0 && first.progress().events_behind == 0; });
    auto second = two.make(two.seen);
    task_group other(context.get_executor());
    other.spawn(second.run());
    co_await until_soon([&] { return second.progress().caught_up; });
    co_await one.save(11, 20);
    auto const ended = co_await error_of(running.join());
    BOOST_TEST(ended == make_error_code(errc::projection_taken_over));
    co_await until_soon([&] { return two.seen->size() == 10; });
    second.stop();
    co_await other.join();
    BOOST_TEST(*two.seen == from_to(11, 20), per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_made_anew_is_another_one) {
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto const stream = new_stream();
    auto w = co_await world::open(shared_server().url(), stream);
    co_await w.save(1, 10);
    auto p = w.make(w.seen);
    task_group group(context.get_executor());
    group.spawn(p.run());
    co_await until_soon([&] { return w.seen->size() == 10; });
    p.stop();
    co_await group.join();
    auto client = co_await raw_client::connect();
    co_await client.api("STREAM.DELETE." + stream);
    auto anew = co_await world::open(shared_server().url(), stream);
    co_await anew.save(1, 20);
    auto const refused = co_await error_of(anew.make(anew.seen).run());
    BOOST_TEST(refused == make_error_code(errc::position_invalid));
    BOOST_TEST(anew.seen->empty());
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
