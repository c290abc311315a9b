// Servers stand still for a while and go on, with everything that was sent to them meanwhile: no success that is none,
// no failure that is none.
#include "fault/campaign/campaign.hpp"
#include "fault/history_file.hpp"

#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <future>
#include <random>
#include <thread>

BOOST_AUTO_TEST_SUITE(pauses, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::scaled;

namespace {

// 0.1 to 10 s, short ones more often; up to 3 s in the short form.
std::chrono::milliseconds some_time(std::mt19937_64& random) {
  auto const exponent = std::uniform_real_distribution<double>(0, in_full() ? 2 : 1.5)(random);
  return std::chrono::milliseconds(static_cast<int>(100 * std::pow(10, exponent)));
}

run_record run_with_pauses(std::uint64_t seed, int pauses) {
  std::mt19937_64 random(seed);
  nats_cluster cluster(wanted_cluster());
  auto plan = plan_for(cluster, seed);
  plan.rest = 3ms; // the faults are the subject, not the load
  fleet writers(plan);
  writers.start(3);
  wait_for_progress(writers);
  std::vector<fault_window> faults;
  for (int i = 0; i < pauses; ++i) {
    auto const any = std::uniform_int_distribution<std::size_t>(0, cluster.size() - 1)(random);
    auto& node = cluster.node(random() % 2 == 0 ? cluster.leader_of("S").value_or(any) : any);
    fault_window fault{monotonic_now(), 0};
    node.pause();
    std::this_thread::sleep_for(some_time(random));
    node.resume();
    fault.to = monotonic_now();
    faults.push_back(fault);
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 500));
  }
  wait_for_progress(writers);
  writers.stop(scaled(60s));
  return record_of(cluster, writers, faults);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_stands_still_and_goes_on_is_told_right) {
  auto const seed = campaign_seed();
  int const side_by_side = in_full_or(nodes_of_environment() > 1 ? 2 : 4, 2);
  int const pauses = in_full_or(300 / side_by_side, 4);
  std::vector<std::future<run_record>> runs;
  for (int i = 0; i < side_by_side; ++i)
    runs.push_back(std::async(std::launch::async, run_with_pauses, seed + static_cast<std::uint64_t>(i), pauses));
  for (int i = 0; i < side_by_side; ++i) {
    auto const v = check_run(runs[static_cast<std::size_t>(i)].get());
    report("pause", seed + static_cast<std::uint64_t>(i), v, std::to_string(pauses) + " pauses");
    BOOST_TEST(v.counts.saved > 100u); // less would be no test
    BOOST_TEST(v.counts.conflicts > 10u);
    BOOST_TEST(v.counts.faults_met >= static_cast<std::size_t>(pauses) * 8 / 10);
    BOOST_TEST((!in_full() || v.counts.unknown > 0)); // short pauses are waited out
  }
}

BOOST_AUTO_TEST_SUITE_END()
