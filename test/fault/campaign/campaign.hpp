// What the campaign's rows have in common: how long, from which seed, on how many replicas; and their end.
#pragma once

#include "fault/campaign/fleet.hpp"
#include "fault/check_run.hpp"
#include "fault/nats_cluster.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aether::fault {

/// AETHER_CAMPAIGN in the environment: as long as the table of docs/reliability.md says, else the short form.
bool in_full();
inline int in_full_or(int full, int brief) { return in_full() ? full : brief; }

/// AETHER_SEED, else one by chance. Every run prints it.
std::uint64_t campaign_seed();

/// As many servers as AETHER_REPLICAS says, each with a copy of every event.
nats_cluster_options wanted_cluster();

/// The plan's part that every row needs.
writer_plan plan_for(nats_cluster const& cluster, std::uint64_t seed);

/// Waits until a save that begins now has succeeded, or healing_limit has passed: what check_run() then tells.
void wait_for_progress(fleet const& writers);

/// What was done and what is stored now, read from every replica.
run_record record_of(nats_cluster& cluster, fleet const& writers, std::vector<fault_window> faults);

/// Every violation as an error of the test, and one line of what the run was: its seed and `what`.
void report(std::string const& row, std::uint64_t seed, verdict const& v, std::string const& what);
/// A line of what a run was: printed, and kept where the environment's AETHER_CAMPAIGN_RECORD says.
void record(std::string const& line);

} // namespace aether::fault
