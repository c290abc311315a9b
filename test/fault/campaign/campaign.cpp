// The environment's part, and reading each replica once the stream is whole.
#include "fault/campaign/campaign.hpp"

#include "fault/history_file.hpp"
#include "fault/read_stream.hpp"

#include <support/run.hpp>

#include <aether/error.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

// Not a test but the program that a fleet starts, from this very executable.
BOOST_AUTO_TEST_SUITE(campaign_writer, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(write) {
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_REQUIRE(suite.argc == 2);
  aether::fault::run_writer(aether::fault::plan_of_text(suite.argv[1]));
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

namespace aether::fault {

bool in_full() { return std::getenv("AETHER_CAMPAIGN") != nullptr; }

std::uint64_t campaign_seed() {
  auto const* given = std::getenv("AETHER_SEED");
  return given ? std::stoull(given) : std::random_device{}() % 1'000'000;
}

nats_cluster_options wanted_cluster() {
  nats_cluster_options options;
  options.nodes = nodes_of_environment();
  return options;
}

writer_plan plan_for(nats_cluster const& cluster, std::uint64_t seed) {
  writer_plan plan;
  plan.urls = cluster.urls();
  plan.seed = seed;
  plan.replicas = static_cast<int>(cluster.size());
  // Half of the runs see the server forget ids while their saves are still being resolved.
  plan.duplicate_window = std::chrono::milliseconds(seed % 2 == 0 ? 0 : 500);
  return plan;
}

void wait_for_progress(fleet const& writers) {
  auto const now = monotonic_now();
  auto const limit = std::chrono::steady_clock::now() + healing_limit + std::chrono::seconds(1);
  while (!writers.has_saved_since(now) && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

namespace {

// A cluster that has just healed may elect a leader once more while it is read.
template <class F> auto until_it_works(F const& read) {
  auto const limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (;;) {
    try {
      return read();
    } catch (std::runtime_error const&) {
      if (std::chrono::steady_clock::now() > limit)
        throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::vector<stored_message> read_leader(nats_cluster& cluster) {
  return until_it_works([&] {
    wire_client client(cluster.node(0).port());
    return stored_events(read_stream(client, "S"));
  });
}

// A replica may be called current before it has applied the last messages.
std::vector<stored_message> read_replica_of(nats_cluster& cluster, std::size_t i, std::size_t count,
                                            std::uint64_t last) {
  constexpr std::uint64_t beyond = 64; // it could hold what the leader does not
  std::vector<stored_message> stored;
  auto const limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    until_it_works([&] {
      cluster.with_only(i, [&] {
        wire_client client(cluster.node(i).port());
        stored = stored_events(read_replica(client, "S", last + beyond));
      });
      return 0;
    });
    cluster.wait_until_whole("S");
  } while (stored.size() < count && std::chrono::steady_clock::now() < limit);
  return stored;
}

std::set<int> fitting_errors() {
  std::set<int> all;
  for (auto const e : {errc::timed_out, errc::connection_lost, errc::connect_failed, errc::overloaded,
                       errc::storage_full, errc::jetstream_not_available, errc::server_error})
    all.insert(static_cast<int>(e));
  return all;
}

} // namespace

run_record record_of(nats_cluster& cluster, fleet const& writers, std::vector<fault_window> faults) {
  run_record run;
  run.operations = writers.history();
  run.killed = writers.killed();
  run.faults = std::move(faults);
  run.longest_call = call_timeout + test::scaled(std::chrono::seconds(10));
  run.fitting_errors = fitting_errors();
  run.of_the_library = true;
  cluster.wait_until_whole("S");
  run.replicas.push_back(read_leader(cluster));
  auto const& leads = run.replicas.front();
  auto const count = leads.size();
  auto const last = leads.empty() ? 0 : leads.back().sequence;
  auto const one = last % cluster.size(); // of the short form: each takes a restart of the others
  for (std::size_t i = 0; i < cluster.size() && cluster.size() > 1; ++i)
    if (in_full() || i == one)
      run.replicas.push_back(read_replica_of(cluster, i, count, last));
  return run;
}

void report(std::string const& row, std::uint64_t seed, verdict const& v, std::string const& what) {
  constexpr std::size_t shown = 20;
  for (std::size_t i = 0; i < v.violations.size() && i < shown; ++i)
    BOOST_ERROR(to_string(v.violations[i].broken) << ": " << v.violations[i].text);
  if (v.violations.size() > shown)
    BOOST_ERROR("and " << v.violations.size() - shown << " more");
  std::ostringstream line;
  line << row << ", seed " << seed << ": " << what << "; " << text_of(v.counts) << "; " << v.violations.size()
       << " violations";
  record(line.str());
}

void record(std::string const& line) {
  std::cout << line << std::endl;
  if (auto const* file = std::getenv("AETHER_CAMPAIGN_RECORD"))
    std::ofstream(file, std::ios::app) << line << '\n';
}

} // namespace aether::fault
