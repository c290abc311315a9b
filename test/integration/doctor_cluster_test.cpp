// The doctor on a cluster: every server tells of itself, one goes, and then the leader's majority.
#include <fault/nats_cluster.hpp>
#include <integration/store_support.hpp>

#include <aether/nats/doctor.hpp>

#include <algorithm>

namespace {

boost::test_tools::assertion_result can_have_replicas(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(aether::test::shared_server().at_least(2, 10, 20));
  good.message() << "the library refuses replicas on this server";
  return good;
}

} // namespace

BOOST_AUTO_TEST_SUITE(doctor_cluster, *boost::unit_test::precondition(aether::test::has_nats_server) *
                                          boost::unit_test::precondition(can_have_replicas))

using namespace aether;
using namespace aether::test;
using nats::finding;

namespace {

std::string text_of(std::vector<finding> const& all) {
  std::string text;
  for (auto const& f : all)
    text += std::string(to_string(f.level)) + ' ' + f.check + ": " + f.found + '\n';
  return text;
}

fault::nats_cluster three_with_accounts() {
  fault::nats_cluster_options options;
  options.nodes = 3;
  options.jetstream_config = "sync_interval: always";
  options.extra_config = R"(
accounts {
  SYS { users: [{user: sys, password: sys}] }
  APP { jetstream: enabled, users: [{user: app, password: app}] }
}
system_account: SYS
no_auth_user: app
)";
  return fault::nats_cluster(std::move(options));
}

awaitable<nats::connection> connect_to_system(std::string urls) {
  nats::connection_options options;
  options.servers.push_back(urls.substr(0, urls.find(',')));
  options.user = "sys";
  options.password = "sys";
  co_return co_await nats::connection::connect(std::move(options));
}

} // namespace

BOOST_AUTO_TEST_CASE(copies_and_the_servers_that_keep_them) {
  auto cluster = three_with_accounts();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on_stream = co_await nats::connection::connect(cluster.urls());
    nats::jetstream_config config;
    config.replica_count = 3;
    config.stream_retention = nats::retention::forever;
    auto store = co_await nats::jetstream_event_store::open(on_stream, "orders", config);
    for (int version = 1; version <= 20; ++version)
      co_await store.save_event(event_of("order-1", version));
    cluster.wait_until_whole("orders");
    nats::doctor_options options;
    options.system_account = co_await connect_to_system(cluster.urls());
    auto all = co_await nats::examine(store, options);
    auto text = text_of(all);
    for (auto const* well :
         {"replicas_behind", "num_replicas", "leader", "monitoring", "max_age", "unknown", "storage"})
      BOOST_TEST(!contains(text, well), well << " is in:\n" << text);
    BOOST_TEST(contains(text, "info sync_interval: always on "), text);
    BOOST_TEST(std::count(text.begin(), text.end(), ',') >= 2, text); // three servers

    auto const leader = cluster.leader_of("orders").value();
    auto const follower = (leader + 1) % cluster.size();
    cluster.node(follower).kill();
    auto const limit = std::chrono::steady_clock::now() + scaled(std::chrono::seconds(40));
    for (bool told = false; !told;) { // the leader takes a while to miss it
      all = co_await nats::examine(store);
      text = text_of(all);
      told = contains(text, "warning replicas_behind: 2 of 3 replicas are up to date: ");
      BOOST_REQUIRE_MESSAGE(told || std::chrono::steady_clock::now() < limit, text);
      co_await pause(std::chrono::milliseconds(100));
    }
    cluster.node((leader + 2) % cluster.size()).kill();
    nats::doctor_options brief;
    brief.timeout = std::chrono::seconds(1);
    for (bool told = false; !told;) { // silence at first, then the answer that there is no leader
      auto const asked = co_await failure_of(nats::examine(store, brief));
      BOOST_REQUIRE_MESSAGE(!asked.code || is_retryable(asked.code), asked.text);
      if (!asked.code) {
        all = co_await nats::examine(store, brief);
        text = text_of(all);
        told = contains(text, "critical leader: ");
      }
      BOOST_REQUIRE_MESSAGE(told || std::chrono::steady_clock::now() < limit + scaled(std::chrono::seconds(40)), text);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
