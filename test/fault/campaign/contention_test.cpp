// Several processes fight for every version of every actor: exactly one wins each; with leaders that die or stand
// still, at most one, and nothing acknowledged is lost.
#include "fault/campaign/campaign.hpp"
#include "fault/history_file.hpp"

#include <support/run.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <thread>

BOOST_AUTO_TEST_SUITE(contention, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::scaled;

namespace {

namespace data = boost::unit_test::data;

boost::test_tools::assertion_result has_replicas(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result several(nodes_of_environment() > 1);
  several.message() << "AETHER_REPLICAS is not above 1";
  return several;
}

writer_plan contending(nats_cluster const& cluster, std::uint64_t seed) {
  auto plan = plan_for(cluster, seed);
  plan.way = behaviour::contend;
  plan.actors = in_full_or(400, 80);
  plan.versions = in_full_or(50, 20);
  return plan;
}

int processes() { return in_full_or(8, 4); }

// The leader is killed, or stands still for a while, and comes back.
fault_window break_leader(nats_cluster& cluster, std::mt19937_64& random) {
  auto const between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  auto const leader = cluster.leader_of("S").value_or(static_cast<std::size_t>(between(0, 2)));
  auto& node = cluster.node(leader);
  fault_window fault{monotonic_now(), 0};
  bool const kills = between(0, 1) == 0;
  if (kills)
    node.kill();
  else
    node.pause();
  std::this_thread::sleep_for(std::chrono::milliseconds(between(500, 2500))); // how long is the subject
  if (kills)
    node.start();
  else
    node.resume();
  fault.to = monotonic_now();
  return fault;
}

} // namespace

BOOST_AUTO_TEST_CASE(each_version_is_won_exactly_once) {
  auto const seed = campaign_seed();
  nats_cluster cluster(wanted_cluster());
  auto plan = contending(cluster, seed);
  plan.gives_up = false;
  fleet writers(plan);
  writers.start_together(processes(), scaled(30s));
  writers.wait(scaled(600s));
  auto const run = record_of(cluster, writers, {});
  auto const v = check_run(run);
  auto const versions = static_cast<std::size_t>(plan.actors * plan.versions);
  auto const contested = contested_versions(run.operations);
  report("contention", seed, v, std::to_string(contested) + " of " + std::to_string(versions) + " versions contested");
  BOOST_TEST(v.counts.saved + v.counts.already_saved == versions);
  BOOST_TEST(run.replicas.front().size() == versions);
  BOOST_TEST(v.counts.conflicts >= versions);
  BOOST_TEST(contested >= static_cast<std::size_t>(in_full_or(10'000, 100))); // less would be no contention
}

BOOST_AUTO_TEST_CASE(at_most_once_while_leaders_die_and_stand_still, *boost::unit_test::precondition(has_replicas)) {
  auto const seed = campaign_seed();
  std::mt19937_64 random(seed);
  nats_cluster cluster(wanted_cluster());
  auto plan = contending(cluster, seed);
  plan.actors = 1'000'000;
  fleet writers(plan);
  writers.start(processes());
  wait_for_progress(writers);
  std::vector<fault_window> faults;
  for (int i = 0; i < in_full_or(120, 4); ++i) {
    auto const next = std::chrono::steady_clock::now() + (in_full() ? 5s : 3s);
    std::this_thread::sleep_for(500ms);
    faults.push_back(break_leader(cluster, random));
    wait_for_progress(writers);
    std::this_thread::sleep_until(next);
  }
  writers.stop(scaled(60s));
  auto const run = record_of(cluster, writers, faults);
  auto const v = check_run(run);
  auto const contested = contested_versions(run.operations);
  report("contention, leaders broken", seed, v,
         std::to_string(faults.size()) + " faults, " + std::to_string(contested) + " versions contested");
  BOOST_TEST(contested >= faults.size() * 10);
  BOOST_TEST(v.counts.faults_met == faults.size());
}

// Writers with an expectation of their own, some of which are killed and begin anew, with caches that know nothing.
BOOST_DATA_TEST_CASE(expectations_hold, data::make({expectation::expected_version, expectation::contiguous}), expects) {
  auto const seed = campaign_seed();
  std::mt19937_64 random(seed);
  nats_cluster cluster(wanted_cluster());
  auto plan = contending(cluster, seed);
  plan.expects = expects;
  plan.actors = 1'000'000;
  fleet writers(plan);
  writers.start_together(processes(), scaled(30s));
  std::vector<fault_window> faults;
  for (int i = 0; i < in_full_or(100, 6); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(50, 300)(random)));
    fault_window fault{monotonic_now(), 0, false};
    writers.kill_running(std::uniform_int_distribution<std::size_t>(0, writers.running() - 1)(random));
    writers.start();
    fault.to = monotonic_now() + 1;
    faults.push_back(fault);
  }
  wait_for_progress(writers);
  writers.stop(scaled(60s));
  auto const run = record_of(cluster, writers, faults);
  auto const v = check_run(run);
  auto const contested = contested_versions(run.operations);
  report("expectation " + std::string(expects == expectation::contiguous ? "contiguous" : "expected_version"), seed, v,
         std::to_string(faults.size()) + " writers killed, " + std::to_string(contested) + " versions contested");
  BOOST_TEST(contested >= static_cast<std::size_t>(in_full_or(10'000, 100))); // less would be no contention
  BOOST_TEST(v.counts.open > 0u);                                             // writers were killed at work
}

BOOST_AUTO_TEST_SUITE_END()
