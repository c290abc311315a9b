// JetStream under another name: a domain, and the API as another account imports it.
#include <integration/store_support.hpp>

BOOST_AUTO_TEST_SUITE(store_api, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

// Everything once, long enough that a history is read in several steps.
awaitable<void> use_everything(jetstream_event_store store) {
  for (std::int64_t version = 1; version <= 300; ++version)
    co_await store.save_event(event_of("order-1", version));
  auto const versions = co_await versions_of(store, "order-1");
  BOOST_TEST(versions.size() == 300u);
  auto const version = co_await store.latest_version("order-1");
  BOOST_TEST(version == 300);
  auto const found = co_await store.find_event("order-1", 150);
  BOOST_TEST(found.has_value());
  auto const outcome = co_await store.try_save_event(event_of("order-1", 300));
  BOOST_TEST(refused(outcome, 300));
  co_await store.save_snapshot(snapshot_of("order-1", 300));
  auto const snapshot = co_await store.latest_snapshot("order-1");
  BOOST_TEST(snapshot.version == 300);
  if (store.supports_batches())
    co_await store.save_events(events_of("order-2", 1, 10));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_domain_is_found_by_its_name) {
  nats_server_options options;
  options.jetstream_config = "  domain: hub";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    jetstream_config config;
    config.domain = "hub";
    auto store = co_await open_store(server.url(), "orders", config);
    co_await use_everything(store);
    config.domain = "elsewhere";
    auto f = co_await failure_of(open_store(server.url(), "orders", config));
    BOOST_TEST(f.code == errc::jetstream_not_available);
    BOOST_TEST(contains(f.text, "domain"), f.text);
    jetstream_config by_prefix;
    by_prefix.api_prefix = "$JS.hub.API";
    auto same = co_await open_store(server.url(), "orders", by_prefix);
    auto const versions = co_await versions_of(same, "order-1");
    BOOST_TEST(versions.size() == 300u);
    by_prefix.domain = "hub";
    f = co_await failure_of(open_store(server.url(), "orders", by_prefix));
    BOOST_TEST(f.code == errc::invalid_argument); // one of the two
  });
}

BOOST_AUTO_TEST_CASE(an_account_that_imports_the_api_uses_it_under_its_own_prefix) {
  nats_server_options options;
  options.extra_config = R"(
accounts {
  HUB {
    jetstream: enabled
    users: [{user: hub, password: p}]
    exports: [
      {service: "$JS.API.>", response: stream}
      {service: "orders.events.>"}
      {service: "orders.snapshots.>"}
    ]
  }
  SHOP {
    users: [{user: shop, password: p}]
    imports: [
      {service: {account: HUB, subject: "$JS.API.>"}, to: "JS.hub.API.>"}
      {service: {account: HUB, subject: "orders.events.>"}}
      {service: {account: HUB, subject: "orders.snapshots.>"}}
    ]
  }
}
)";
  nats_server server(options);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto connecting = options_for(server);
    connecting.user = "shop";
    connecting.password = "p";
    auto on = co_await nats::connection::connect(connecting);
    auto const f = co_await failure_of(jetstream_event_store::open(on, "orders"));
    BOOST_TEST(f.code == errc::jetstream_not_available, f.text);
    jetstream_config config;
    config.api_prefix = "JS.hub.API";
    auto store = co_await jetstream_event_store::open(on, "orders", config);
    co_await use_everything(store);
    connecting.user = "hub";
    auto home = co_await nats::connection::connect(connecting);
    auto same = co_await jetstream_event_store::open(home, "orders");
    auto const versions = co_await versions_of(same, "order-1");
    BOOST_TEST(versions.size() == 300u);
  });
}

BOOST_AUTO_TEST_SUITE_END()
