// What is measured. Each work adds its rows to the report.
#pragma once

#include "benchmark/options.hpp"
#include "benchmark/report.hpp"

#include <support/nats_server.hpp>

namespace aether::benchmark {

struct server_run {
  options const& wanted;
  report& out;
  test::nats_server const& server;

  row make_row(std::string work, std::string unit) const {
    row r;
    r.work = std::move(work);
    r.server = server.version();
    r.unit = std::move(unit);
    return r;
  }
};

// On a server. `data_bytes`: of each event, about; 0: the usual 250 bytes in all, with targets.
void add_many_saves(server_run const& run, std::size_t data_bytes);
void add_single_saves(server_run const& run, std::size_t data_bytes);
void add_replay(server_run const& run, std::size_t data_bytes);
std::string with_size(std::string work, std::size_t data_bytes);
void measure_sizes(server_run const& run);         ///< these three with 100 B, 1 KB and 10 KB
void measure_many_saves(server_run const& run);    ///< 1,000 actors at once
void measure_single_saves(server_run const& run);  ///< one after the other
void measure_latest_version(server_run const& run);
void measure_refused_saves(server_run const& run); ///< decided from the cache
void measure_long_history(server_run const& run);
void measure_short_histories(server_run const& run);
void measure_replay(server_run const& run);        ///< everything from the beginning
void measure_one_actor(server_run const& run);     ///< among many
void measure_last_events(server_run const& run);   ///< backwards
void measure_live_delivery(server_run const& run); ///< from the acknowledgement to a subscriber
void measure_bus_across(server_run const& run);    ///< published in one process, heard in another
void measure_actors(server_run const& run);        ///< commands, beside bare saves
void measure_routed(server_run const& run);        ///< commands on the actors of another node
void measure_workflows(server_run const& run);     ///< of five steps, and many after a restart
void measure_peak_memory(server_run const& run);
void measure_sharded(server_run const& run);       ///< over several streams
void measure_allocations(server_run const& run);   ///< of a save, and of an event that is replayed
void measure_many_actors(server_run const& run);   ///< what a million of them cost

// In process.
void measure_memory_store(options const& wanted, report& out);
void measure_metrics(options const& wanted, report& out);
void measure_routing(options const& wanted, report& out); ///< of a sharded store
void measure_bus(options const& wanted, report& out);
void measure_actor_memory(options const& wanted, report& out);
void measure_workflow_memory(options const& wanted, report& out);

/// What this program does as a child of itself: see measure_peak_memory().
int touch_actors(options const& wanted);
int replay_and_tell_peak(options const& wanted);
/// And measure_actors().
int give_commands(options const& wanted);

} // namespace aether::benchmark
