// The server's disk is full, is freed, and the server starts again: typed errors or unknown outcomes meanwhile, nothing
// acknowledged is lost, and saving goes on.
#include "fault/campaign/campaign.hpp"
#include "fault/history_file.hpp"
#include "fault/small_disk.hpp"

#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <random>
#include <thread>

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::scaled;

namespace {

constexpr std::size_t megabyte = 1 << 20;
constexpr std::size_t disk_size = 20 * megabyte;

nats_cluster_options on(small_disk const& disk, std::string jetstream_config) {
  nats_cluster_options options;
  options.store_dir = (disk.path() / "store").string();
  options.jetstream_config = std::move(jetstream_config);
  return options;
}

writer_plan slow_plan(nats_cluster const& cluster, std::uint64_t seed) {
  auto plan = plan_for(cluster, seed);
  plan.rest = 5ms; // a full disk is wanted, not a full stream
  plan.side_by_side = 2;
  return plan;
}

std::size_t refused_in(std::vector<operation> const& history, fault_window const& fault) {
  return static_cast<std::size_t>(std::count_if(history.begin(), history.end(), [&](operation const& o) {
    return o.kind == call_kind::save && (o.end == call_end::failed || o.end == call_end::unknown) &&
           o.returned > fault.from && o.returned <= fault.to;
  }));
}

// Until saves are refused, or stay unknown, or nothing ends any more.
void wait_until_it_hurts(fleet const& writers, std::int64_t since) {
  auto const limit = std::chrono::steady_clock::now() + 8s;
  while (refused_in(writers.history(), {since, monotonic_now()}) < 4 && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(50ms);
}

struct full_run {
  run_record record;
  std::size_t rounds_that_hurt = 0;
};

void end(full_run& run, nats_cluster& cluster, fleet& writers, std::vector<fault_window> const& faults) {
  writers.stop(scaled(60s));
  run.record = record_of(cluster, writers, faults);
  for (auto const& f : faults)
    run.rounds_that_hurt += refused_in(run.record.operations, f) > 0;
}

// The server believes that it has room, and the disk has none.
full_run run_without_room(std::uint64_t seed, int rounds) {
  std::mt19937_64 random(seed);
  small_disk disk(disk_size);
  nats_cluster cluster(on(disk, "max_file_store: 1GB"));
  fleet writers(slow_plan(cluster, seed));
  writers.start(2);
  std::vector<fault_window> faults;
  for (int i = 0; i < rounds; ++i) {
    wait_for_progress(writers);
    fault_window fault{monotonic_now(), 0};
    disk.fill(random() % 2 == 0 ? 0 : random() % 65536);
    wait_until_it_hurts(writers, fault.from);
    disk.free();
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    cluster.node(0).restart();
    fault.to = monotonic_now();
    faults.push_back(fault);
  }
  wait_for_progress(writers);
  full_run run;
  end(run, cluster, writers, faults);
  return run;
}

// The server stops at a share of the room that it found when it started; later there is more.
full_run run_to_the_limit(std::uint64_t seed) {
  small_disk disk(disk_size);
  disk.fill(4 * megabyte);
  nats_cluster cluster(on(disk, ""));
  auto plan = slow_plan(cluster, seed);
  plan.payload = 50'000;
  fleet writers(plan);
  fault_window fault{monotonic_now(), 0};
  writers.start(2);
  wait_until_it_hurts(writers, fault.from);
  disk.free();
  cluster.node(0).restart();
  fault.to = monotonic_now();
  wait_for_progress(writers);
  full_run run;
  end(run, cluster, writers, {fault});
  return run;
}

} // namespace

BOOST_AUTO_TEST_SUITE(disk_full,
                      *boost::unit_test::precondition(has_nats_server) * boost::unit_test::precondition(can_mount))

BOOST_AUTO_TEST_CASE(there_is_no_room_though_the_server_believes_so) {
  auto const seed = campaign_seed();
  int const rounds = in_full_or(5, 2);
  for (int i = 0; i < in_full_or(2, 1); ++i) {
    auto const run = run_without_room(seed + static_cast<std::uint64_t>(i), rounds);
    auto const v = check_run(run.record);
    report("disk full", seed + static_cast<std::uint64_t>(i), v,
           std::to_string(rounds) + " rounds, in " + std::to_string(run.rounds_that_hurt) + " saves were refused");
    BOOST_TEST(run.rounds_that_hurt >= static_cast<std::size_t>(rounds) / 2);
    BOOST_TEST(v.counts.saved > static_cast<std::size_t>(rounds) * 10);
  }
}

BOOST_AUTO_TEST_CASE(the_server_stops_at_its_limit) {
  auto const seed = campaign_seed();
  for (int i = 0; i < in_full_or(10, 1); ++i) {
    auto const run = run_to_the_limit(seed + static_cast<std::uint64_t>(i));
    auto const v = check_run(run.record);
    report("disk full, the server's limit", seed + static_cast<std::uint64_t>(i), v,
           run.rounds_that_hurt ? "saves were refused" : "no save was refused");
    BOOST_TEST(run.rounds_that_hurt == 1u);
    BOOST_TEST(v.counts.saved > 20u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
