// What only a cluster can show: more copies than servers, and a leader that goes.
#include <fault/nats_cluster.hpp>
#include <integration/store_support.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

using namespace aether;
using namespace aether::test;
using fault::nats_cluster;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

boost::test_tools::assertion_result is_safe_with_replicas(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(shared_server().at_least(2, 10, 20));
  good.message() << "the library refuses replicas on this server";
  return good;
}

nats_cluster three() {
  fault::nats_cluster_options options;
  options.nodes = 3;
  return nats_cluster(std::move(options));
}

awaitable<jetstream_event_store> open_with_replicas(nats_cluster& cluster) {
  auto on = co_await nats::connection::connect(cluster.urls());
  jetstream_config config;
  config.replica_count = 3;
  co_return co_await jetstream_event_store::open(std::move(on), "orders", config);
}

void start_what_is_down(nats_cluster& cluster) {
  for (std::size_t i = 0; i < cluster.size(); ++i)
    if (cluster.node(i).pid() == 0)
      cluster.node(i).start();
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_cluster, *boost::unit_test::precondition(has_nats_server) *
                                         boost::unit_test::precondition(is_safe_with_replicas))

BOOST_AUTO_TEST_CASE(more_replicas_than_servers_are_refused_by_name) {
  auto cluster = three();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on = co_await nats::connection::connect(cluster.urls());
    jetstream_config config;
    config.replica_count = 5;
    auto const f = co_await failure_of(jetstream_event_store::open(on, "orders", config));
    BOOST_TEST(f.code == errc::not_enough_replicas, f.text);
    BOOST_TEST(contains(f.text, "replica_count is 5"), f.text);
  });
}

BOOST_AUTO_TEST_CASE(saving_goes_on_when_the_leader_dies) {
  auto cluster = three();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_with_replicas(cluster);
    for (int version = 1; version <= 50; ++version) {
      if (version % 20 == 0)
        cluster.node(cluster.leader_of("orders").value()).kill();
      if (version % 20 == 10 && version > 10)
        start_what_is_down(cluster);
      auto const e = event_of("order-1", version);
      for (;;) { // with an election in between
        auto const f = co_await failure_of(store.save_event(e));
        if (!f.code)
          break;
        BOOST_REQUIRE_MESSAGE(is_retryable(f.code), f.text);
      }
    }
    auto const events = co_await store.get_events("order-1");
    BOOST_TEST(events.size() == 50u);
  });
}

BOOST_AUTO_TEST_CASE(without_a_quorum_a_call_may_be_tried_again) {
  auto cluster = three();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_with_replicas(cluster);
    co_await store.save_event(event_of("order-1", 1));
    auto const leader = cluster.leader_of("orders").value();
    cluster.node(leader).kill();
    cluster.node((leader + 1) % cluster.size()).kill();
    call_options soon;
    soon.timeout = std::chrono::milliseconds(700);
    // Silence at first; after some ten seconds the server knows that there is no quorum, and says 503.
    auto const limit = std::chrono::steady_clock::now() + scaled(std::chrono::seconds(40));
    for (bool told = false; !told;) {
      auto const read = co_await failure_of(store.latest_version("order-1", soon));
      BOOST_REQUIRE_MESSAGE(is_retryable(read.code), read.text);
      BOOST_REQUIRE(std::chrono::steady_clock::now() < limit);
      told = contains(read.text, "10008");
    }
    auto const e = event_of("order-1", 2);
    save_options options;
    options.timeout = soon.timeout;
    auto const save = co_await failure_of(store.save_event(e, options));
    BOOST_TEST(is_retryable(save.code), save.text);
    start_what_is_down(cluster);
    cluster.wait_until_whole("orders");
    co_await store.save_event(e);
    auto const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 2);
  });
}

// The copy that a consumer reads may lag, so that it is no end when it has nothing more; but what expired never comes.
BOOST_AUTO_TEST_CASE(a_subscription_catches_up_though_its_target_has_expired) {
  auto cluster = three();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on = co_await nats::connection::connect(cluster.urls());
    jetstream_config config;
    config.replica_count = 3;
    config.stream_retention = std::chrono::seconds(3);
    config.operation_timeout = std::chrono::seconds(3);
    config.duplicate_window = std::chrono::seconds(1);
    config.request_timeout = std::chrono::milliseconds(400);
    auto store = co_await jetstream_event_store::open(on, "orders", config);
    for (int version = 1; version <= 3; ++version)
      co_await store.save_event(event_of("order-1", version));
    subscribe_options options;
    options.on_expired = expired_start::first;
    auto subscription = co_await store.subscribe(options);
    for (std::int64_t left = 1; left > 0;) {
      left = co_await store.latest_version("order-1");
      co_await pause(std::chrono::milliseconds(50));
    }
    call_options const patience{.timeout = scaled(std::chrono::seconds(10))};
    auto item = co_await subscription.next(patience);
    // What another server still has may come first.
    for (; item && std::holds_alternative<recorded_event>(*item); item = co_await subscription.next(patience))
      BOOST_TEST(std::get<recorded_event>(*item).event.actor_id == "order-1");
    BOOST_REQUIRE(item.has_value());
    BOOST_TEST(std::holds_alternative<caught_up>(*item));
    co_await store.save_event(event_of("order-2", 1));
    item = co_await subscription.next(patience);
    BOOST_REQUIRE(item.has_value());
    BOOST_TEST(std::get<recorded_event>(*item).event.actor_id == "order-2");
  });
}

BOOST_AUTO_TEST_SUITE_END()
