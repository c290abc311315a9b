// Nodes whose bucket has three copies: its leader is killed and comes back.
#include <fault/nats_cluster.hpp>
#include <integration/short_lease.hpp>
#include <integration/store_support.hpp>

#include <aether/nats/placement.hpp>

#include <vector>

namespace {

boost::test_tools::assertion_result keeps_three_copies(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result good(aether::test::shared_server().at_least(2, 10, 20));
  good.message() << "the library refuses replicas on this server";
  return good;
}

} // namespace

BOOST_AUTO_TEST_SUITE(placement_cluster, *boost::unit_test::precondition(aether::test::has_nats_server) *
                                             boost::unit_test::precondition(keeps_three_copies))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using fault::nats_cluster;
using steady = std::chrono::steady_clock;

namespace {

// A new leader takes longer than the short one is held, and less than this one.
constexpr std::chrono::nanoseconds long_lease = 40s;
constexpr std::size_t nodes = 3;
constexpr int actors = 200;
constexpr auto bucket = "KV_orders_nodes";

struct clustered_node {
  nats::jetstream_event_store store;
  nats::placement where;

  clustered_node() = default;
};

awaitable<clustered_node> join(nats_cluster& cluster, std::string name, std::chrono::nanoseconds lease) {
  nats::jetstream_config config;
  config.replica_count = 3;
  clustered_node n;
  auto on = co_await nats::connection::connect(cluster.urls());
  n.store = co_await nats::jetstream_event_store::open(std::move(on), "orders", config);
  nats::placement_options options;
  options.node = std::move(name);
  options.lease = lease;
  n.where = co_await nats::placement::join(n.store, std::move(options));
  co_return n;
}

awaitable<void> join_all(nats_cluster& cluster, std::vector<clustered_node>& all, std::chrono::nanoseconds lease) {
  for (std::size_t i = 0; i < nodes; ++i)
    all.push_back(co_await join(cluster, std::string(1, static_cast<char>('a' + i)), lease));
}

int owners_of(std::vector<clustered_node> const& all, std::string const& actor) {
  int owners = 0;
  for (auto const& n : all)
    owners += n.where.owns(actor) ? 1 : 0;
  return owners;
}

/// All live and know each other, and each actor has one owner.
bool is_settled(std::vector<clustered_node> const& all) {
  for (auto const& n : all)
    if (!n.where.is_live() || n.where.view()->nodes != all.front().where.view()->nodes)
      return false;
  for (int i = 0; i < actors; ++i)
    if (owners_of(all, "account-" + std::to_string(i)) != 1)
      return false;
  return all.front().where.view()->nodes.size() == nodes;
}

std::string states_of(std::vector<clustered_node> const& all) {
  std::string text;
  for (auto const& n : all) {
    auto const m = n.where.metrics();
    text += n.where.node() + ": " + std::string(to_string(n.where.view()->state)) + ", " +
            std::to_string(n.where.view()->nodes.size()) + " nodes, " + std::to_string(m.renewals) + " renewals, " +
            std::to_string(m.failures) + " failures, " + std::to_string(m.lapses) + " lapses\n";
  }
  return text;
}

awaitable<void> until_settled(std::vector<clustered_node> const& all) {
  for (auto const limit = steady::now() + scaled(60s); !is_settled(all); co_await pause(20ms))
    BOOST_TEST_REQUIRE((steady::now() < limit), states_of(all));
}

awaitable<void> until_each_renewed(std::vector<clustered_node> const& all) {
  std::vector<std::uint64_t> before;
  for (auto const& n : all)
    before.push_back(n.where.metrics().renewals);
  auto const limit = steady::now() + scaled(60s);
  for (std::size_t i = 0; i < all.size(); ++i)
    while (all[i].where.metrics().renewals <= before[i]) {
      BOOST_TEST_REQUIRE((steady::now() < limit), states_of(all));
      co_await pause(20ms);
    }
}

nats_cluster three_servers() {
  fault::nats_cluster_options options;
  options.nodes = 3;
  return nats_cluster(std::move(options));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_long_lease_outlives_the_leader_of_its_bucket) {
  auto cluster = three_servers();
  run(
      [&](boost::asio::io_context&) -> awaitable<void> {
        std::vector<clustered_node> all;
        co_await join_all(cluster, all, long_lease);
        co_await until_settled(all);
        auto raw = co_await raw_client::connect(cluster.urls());
        auto const config = co_await raw.stream_config(bucket);
        BOOST_TEST(config.at("num_replicas").to_number<int>() == 3);
        std::vector<std::uint64_t> epochs;
        for (auto const& n : all)
          epochs.push_back(n.where.view()->epoch);
        co_await pause(long_lease / 4 - 2s); // the next renewals meet nobody
        cluster.node(cluster.leader_of(bucket).value()).kill();
        co_await until_each_renewed(all);
        BOOST_TEST_MESSAGE(states_of(all));
        BOOST_TEST(is_settled(all), states_of(all));
        for (std::size_t i = 0; i < nodes; ++i) {
          BOOST_TEST(all[i].where.metrics().lapses == 0u);
          BOOST_TEST(all[i].where.view()->epoch == epochs[i], "the nodes of " << all[i].where.node() << " changed");
        }
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_CASE(a_short_lease_is_given_up_while_the_bucket_has_no_leader) {
  auto cluster = three_servers();
  run(
      [&](boost::asio::io_context&) -> awaitable<void> {
        std::vector<clustered_node> all;
        co_await join_all(cluster, all, short_lease);
        co_await until_settled(all);
        auto const victim = cluster.leader_of(bucket).value();
        cluster.node(victim).kill();
        auto const limit = steady::now() + scaled(20s);
        auto const lapsed = [&] {
          std::uint64_t count = 0;
          for (auto const& n : all)
            count += n.where.metrics().lapses > 0;
          return count;
        };
        while (lapsed() < nodes && steady::now() < limit) {
          for (auto const& n : all)
            if (!n.where.is_live())
              BOOST_TEST(!n.where.owns("account-1"));
          co_await pause(10ms);
        }
        BOOST_TEST(lapsed() == nodes, states_of(all));
        co_await until_settled(all);
        cluster.node(victim).start(); // with an empty memory
        cluster.wait_until_whole(bucket);
        co_await until_each_renewed(all);
        co_await until_settled(all);
        BOOST_TEST_MESSAGE(states_of(all));
        co_await all.back().where.leave();
        all.pop_back();
        for (auto const& n : all)
          while (n.where.view()->nodes.size() != nodes - 1)
            co_await pause(10ms);
        for (int i = 0; i < actors; ++i)
          BOOST_TEST(owners_of(all, "account-" + std::to_string(i)) == 1);
      },
      on(2, 120s));
}

BOOST_AUTO_TEST_SUITE_END()
