// Writer processes and the server are killed again and again while they are at work: nothing that was acknowledged is
// lost, nothing is told wrong.
#include "fault/campaign/writer.hpp"
#include "fault/check_history.hpp"
#include "fault/history_file.hpp"
#include "fault/read_stream.hpp"

#include <support/nats_server.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <ostream>
#include <random>
#include <thread>

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace aether::fault {

std::ostream& operator<<(std::ostream& out, expectation e) {
  return out << (e == expectation::none ? "none" : e == expectation::contiguous ? "contiguous" : "expected_version");
}

} // namespace aether::fault

// Not a test but the program that the tests below start, from this very executable.
BOOST_AUTO_TEST_SUITE(campaign_writer, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(write) {
  auto const& suite = boost::unit_test::framework::master_test_suite();
  run_writer(plan_of_arguments(suite.argc, suite.argv));
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

namespace data = boost::unit_test::data;

// AETHER_CAMPAIGN=1 runs as long as the table of docs/reliability.md says.
int kills() { return std::getenv("AETHER_CAMPAIGN") ? 170 : 12; }

std::uint64_t seed() {
  auto const* given = std::getenv("AETHER_SEED");
  return given ? std::stoull(given) : std::random_device{}();
}

struct killed_run {
  std::vector<operation> history;
  std::vector<fault_window> faults;
  int server_kills = 0, writer_kills = 0;
};

killed_run run_with_kills(nats_server& server, expectation expects, std::uint64_t with_seed) {
  std::mt19937_64 random(with_seed);
  auto const between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  writer_plan common;
  common.url = server.url();
  common.stream = "S";
  common.seed = with_seed;
  fleet writers(common);
  constexpr auto for_ever = 1h;
  killed_run run;
  for (int i = 0; i < 3; ++i)
    writers.start(expects, for_ever);
  for (int i = 0; i < kills(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(between(200, 700))); // the moment is the subject
    fault_window fault{monotonic_now(), 0};
    if (between(0, 1) == 0) {
      server.kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(between(0, 200)));
      server.start();
      ++run.server_kills;
    } else {
      writers.kill_running(static_cast<std::size_t>(between(0, 2)));
      writers.start(expects, for_ever);
      ++run.writer_kills;
    }
    fault.to = monotonic_now() + 1;
    run.faults.push_back(fault);
  }
  for (int i = 0; i < 3; ++i)
    writers.kill_running(0);
  fleet last(common); // saving goes on, and ends in order
  common.seed += 1;
  last.start(expects, 1s);
  last.start(expects, 1s);
  last.wait(60s);
  run.history = writers.history();
  auto more = last.history();
  for (auto& o : more)
    o.process += 100'000;
  run.history.insert(run.history.end(), more.begin(), more.end());
  return run;
}

BOOST_AUTO_TEST_SUITE(kills_of_writers_and_server, *boost::unit_test::precondition(has_nats_server))

BOOST_DATA_TEST_CASE(nothing_is_told_wrong,
                     data::make({expectation::none, expectation::expected_version, expectation::contiguous}), expects) {
  auto const with_seed = seed() % 1'000'000;
  nats_server server;
  auto const run = run_with_kills(server, expects, with_seed);
  wire_client client(server.port());
  auto const v = check_history(run.history, stored_events(read_stream(client, "S")), run.faults);
  for (auto const& broken : v.violations)
    BOOST_ERROR(to_string(broken.broken) << ": " << broken.text);
  auto const& c = v.counts;
  BOOST_TEST_MESSAGE("seed " << with_seed << ": " << run.server_kills << " kills of the server, " << run.writer_kills
                             << " of writers; " << c.saved << " saved, " << c.already_saved << " already, "
                             << c.conflicts << " conflicts, " << c.unknown << " unknown, " << c.failed << " failed, "
                             << c.open << " open, " << c.reads << " reads; " << c.met_a_fault << " met a fault");
  BOOST_TEST(c.saved > 100u); // less would be no test
  BOOST_TEST(c.conflicts > 10u);
  BOOST_TEST(c.met_a_fault >= static_cast<std::size_t>(kills()));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
