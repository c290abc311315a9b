// The metrics of the hosts of actors and workflows.
#include "prometheus/tables.hpp"

namespace aether::prometheus::detail {

static constexpr auto counter = metric_type::counter;
static constexpr auto sum = metric_type::gauge_sum;

static constexpr metric ended_as(char const* outcome) {
  return {"aether_commands_total", "Commands, by how they ended.", counter, "outcome", outcome};
}

static constexpr metric_of<actor_metrics> of_actors[] = {
    {ended_as("stored"), [](actor_metrics const& m) { return sample(m.stored); }},
    {ended_as("nothing"), [](actor_metrics const& m) { return sample(m.nothing); }},
    {ended_as("rejected"), [](actor_metrics const& m) { return sample(m.rejected); }},
    {ended_as("repeated"), [](actor_metrics const& m) { return sample(m.repeated); }},
    {ended_as("failed"), [](actor_metrics const& m) { return sample(m.failed); }},
    {{"aether_queries_total", "Queries answered.", counter}, [](actor_metrics const& m) { return sample(m.queries); }},
    {{"aether_command_saves_total", "Saves of one command or several.", counter},
     [](actor_metrics const& m) { return sample(m.batches); }},
    {{"aether_command_conflicts_total", "Saves that met another writer of the actor.", counter},
     [](actor_metrics const& m) { return sample(m.conflicts); }},
    {{"aether_actor_loads_total", "Actors read from the store.", counter},
     [](actor_metrics const& m) { return sample(m.loads); }},
    {{"aether_actor_evictions_total", "Actors that left memory.", counter},
     [](actor_metrics const& m) { return sample(m.evictions); }},
    {{"aether_actor_snapshots_total", "Snapshots that a host saved.", counter},
     [](actor_metrics const& m) { return sample(m.snapshots); }},
    {{"aether_actor_snapshots_failed_total", "Snapshots that a host could not save.", counter},
     [](actor_metrics const& m) { return sample(m.snapshots_failed); }},
    {{"aether_actors", "Actors in memory.", sum},
     [](actor_metrics const& m) { return sample(static_cast<double>(m.actors)); }},
    {{"aether_commands_waiting", "Commands and queries that have not ended.", sum},
     [](actor_metrics const& m) { return sample(static_cast<double>(m.waiting)); }},
};

static constexpr metric_of<workflow_metrics> of_workflows[] = {
    {{"aether_workflows_started_total", "Runs of workflows that began here.", counter},
     [](workflow_metrics const& m) { return sample(m.started); }},
    {{"aether_workflows_resumed_total", "Runs of workflows that were read and replayed.", counter},
     [](workflow_metrics const& m) { return sample(m.resumed); }},
    {{"aether_workflows_finished_total", "Workflows that ended here.", counter},
     [](workflow_metrics const& m) { return sample(m.finished); }},
    {{"aether_workflows_lost_total", "Workflows with which another host went on.", counter},
     [](workflow_metrics const& m) { return sample(m.lost); }},
    {{"aether_workflows_broken_total", "Workflows that cannot go on.", counter},
     [](workflow_metrics const& m) { return sample(m.broken); }},
    {{"aether_workflows_evicted_total", "Workflows that wait and left memory for others.", counter},
     [](workflow_metrics const& m) { return sample(m.evicted); }},
    {{"aether_workflows_resident", "Workflows in memory.", sum},
     [](workflow_metrics const& m) { return sample(static_cast<double>(m.resident)); }},
    {{"aether_workflows_waiting", "Workflows that are to be read or wait for room in memory.", sum},
     [](workflow_metrics const& m) { return sample(static_cast<double>(m.waiting)); }},
};

template <> std::span<metric_of<actor_metrics> const> table_of() { return of_actors; }
template <> std::span<metric_of<workflow_metrics> const> table_of() { return of_workflows; }

} // namespace aether::prometheus::detail
