// One of three servers is parted from the others, not from its clients: often the leader, who goes on believing it is.
#include "fault/campaign/campaign.hpp"
#include "fault/history_file.hpp"

#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <iostream>
#include <random>
#include <thread>

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::scaled;

namespace {

boost::test_tools::assertion_result has_three(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result several(nodes_of_environment() == 3);
  several.message() << "AETHER_REPLICAS is not 3";
  return several;
}

// Nothing when there is none for long: an election may be under way.
std::optional<std::size_t> leader_in_time(nats_cluster& cluster) {
  auto const limit = std::chrono::steady_clock::now() + 10s;
  for (;;) {
    auto const leader = cluster.leader_of("S");
    if (leader || std::chrono::steady_clock::now() > limit)
      return leader;
    std::this_thread::sleep_for(50ms);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(partitions,
                      *boost::unit_test::precondition(has_nats_server) * boost::unit_test::precondition(has_three))

BOOST_AUTO_TEST_CASE(what_both_sides_say_agrees) {
  auto const seed = campaign_seed();
  std::mt19937_64 random(seed);
  nats_cluster_options options;
  options.nodes = 3;
  options.breakable = true;
  nats_cluster cluster(options);
  auto plan = plan_for(cluster, seed);
  plan.rest = 3ms; // the faults are the subject, not the load
  fleet writers(plan);
  writers.start(4);
  wait_for_progress(writers);
  std::vector<fault_window> faults;
  int of_leaders = 0, real = 0, new_leaders = 0;
  for (int i = 0; i < in_full_or(60, 3); ++i) {
    auto const leader = leader_in_time(cluster);
    auto const which = leader && (i == 0 || random() % 4 != 0) ? *leader : random() % 3;
    of_leaders += leader == which;
    fault_window fault{monotonic_now(), 0};
    cluster.isolate(which, random() % 2 == 0 ? nats_cluster::break_kind::refused : nats_cluster::break_kind::stalled);
    real += cluster.is_isolated(which);
    // An election takes 4 to 9 s to begin; a leader without a quorum notices after 10 s.
    constexpr std::array longest = {3'000u, 8'000u, 12'000u};
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % longest[static_cast<std::size_t>(i) % 3]));
    auto const now_leads = cluster.leader_of("S", which);
    new_leaders += leader == which && now_leads && now_leads != leader;
    cluster.rejoin(which);
    fault.to = monotonic_now();
    faults.push_back(fault);
    wait_for_progress(writers);
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 1500));
  }
  writers.stop(scaled(60s));
  auto const v = check_run(record_of(cluster, writers, faults));
  report("partition", seed, v,
         std::to_string(faults.size()) + " partitions, " + std::to_string(of_leaders) + " of the leader, " +
             std::to_string(new_leaders) + " with another leader meanwhile");
  if (!v.violations.empty())
    std::cout << cluster.last_logs() << std::endl;
  BOOST_TEST(real >= static_cast<int>(faults.size()) - in_full_or(5, 0)); // else messages went past the break
  BOOST_TEST(of_leaders > 0);
  BOOST_TEST((!in_full() || new_leaders > 0));
  BOOST_TEST(v.counts.saved > 100u); // less would be no test
  BOOST_TEST(v.counts.faults_met == faults.size());
  BOOST_TEST((!in_full() || v.counts.unknown > 0));
}

BOOST_AUTO_TEST_SUITE_END()
