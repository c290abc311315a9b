// Writer processes and servers are killed again and again while they are at work: nothing that was acknowledged is
// lost, nothing is told wrong.
#include "fault/campaign/campaign.hpp"
#include "fault/history_file.hpp"

#include <support/run.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <thread>

BOOST_AUTO_TEST_SUITE(kills, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::scaled;

namespace {

namespace data = boost::unit_test::data;

struct kills_done {
  std::vector<fault_window> faults;
  int of_servers = 0, of_writers = 0;
};

kills_done kill_at_work(nats_cluster& cluster, fleet& writers, std::mt19937_64& random, int count) {
  auto const between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  kills_done done;
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(between(200, 700))); // the moment is the subject
    fault_window fault{monotonic_now(), 0};
    fault.of_a_server = between(0, 1) == 0;
    if (fault.of_a_server) {
      auto& node = cluster.node(static_cast<std::size_t>(between(0, static_cast<int>(cluster.size()) - 1)));
      node.kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(between(0, 200)));
      node.start();
      ++done.of_servers;
    } else {
      writers.kill_running(static_cast<std::size_t>(between(0, static_cast<int>(writers.running()) - 1)));
      writers.start();
      ++done.of_writers;
    }
    fault.to = monotonic_now() + 1;
    done.faults.push_back(fault);
    if (cluster.size() > 1) // else one election follows the other, and nothing is ever saved
      wait_for_progress(writers);
  }
  return done;
}

} // namespace

BOOST_DATA_TEST_CASE(nothing_is_told_wrong,
                     data::make({expectation::none, expectation::expected_version, expectation::contiguous}), expects) {
  auto const seed = campaign_seed();
  std::mt19937_64 random(seed);
  nats_cluster cluster(wanted_cluster());
  auto plan = plan_for(cluster, seed);
  plan.rest = 3ms; // the faults are the subject, not the load
  plan.expects = expects;
  fleet writers(plan);
  writers.start(3);
  wait_for_progress(writers);
  auto const done = kill_at_work(cluster, writers, random, in_full_or(170, cluster.size() > 1 ? 5 : 12));
  wait_for_progress(writers);
  writers.stop(scaled(60s));
  auto const run = record_of(cluster, writers, done.faults);
  auto const v = check_run(run);
  report("kill", seed, v,
         std::to_string(done.of_servers) + " kills of servers, " + std::to_string(done.of_writers) + " of writers");
  BOOST_TEST(v.counts.saved > 100u); // less would be no test
  BOOST_TEST(v.counts.conflicts > 10u);
  BOOST_TEST(v.counts.faults_met >= done.faults.size() * 8 / 10);
}

BOOST_AUTO_TEST_SUITE_END()
