// The metrics of command routers and placements.
#include "prometheus/tables.hpp"

namespace aether::prometheus::detail {

static constexpr auto counter = metric_type::counter;
static constexpr auto sum = metric_type::gauge_sum;
static constexpr auto min = metric_type::gauge_min;

static double gauge(std::size_t n) { return static_cast<double>(n); }

static constexpr metric made_here(char const* outcome) {
  return {"aether_router_commands_total", "Commands made here, by who took them.", counter, "outcome", outcome};
}

static constexpr metric of_others(char const* outcome) {
  return {"aether_router_received_total", "Commands of other nodes, by what became of them.", counter, "outcome",
          outcome};
}

static constexpr metric_of<router_metrics> of_routers[] = {
    {made_here("here"), [](router_metrics const& m) { return sample(m.here); }},
    {made_here("answered"), [](router_metrics const& m) { return sample(m.answered); }},
    {made_here("unanswered"), [](router_metrics const& m) { return sample(m.unanswered); }},
    {{"aether_router_moves_total", "Times that another node named the next one.", counter},
     [](router_metrics const& m) { return sample(m.moved); }},
    {{"aether_router_fallbacks_total", "Times that a node could not be reached.", counter},
     [](router_metrics const& m) { return sample(m.fell_back); }},
    {of_others("executed"), [](router_metrics const& m) { return sample(m.executed); }},
    {of_others("passed_on"), [](router_metrics const& m) { return sample(m.passed_on); }},
    {of_others("refused"), [](router_metrics const& m) { return sample(m.refused); }},
    {of_others("overloaded"), [](router_metrics const& m) { return sample(m.overloaded); }},
    {{"aether_router_receiving", "Commands of other nodes under way here.", sum},
     [](router_metrics const& m) { return sample(gauge(m.receiving)); }},
    {{"aether_router_evictions_total", "Actors that were to leave memory, as another node owns them.", counter},
     [](router_metrics const& m) { return sample(m.evicted); }},
};

template <placement_state State> static constexpr metric_of<placement_metrics> in_state(char const* name) {
  return {{"aether_placement_state", "1: the node is in this state.", sum, "state", name},
          [](placement_metrics const& m) { return sample(gauge(m.state == State)); }};
}

static constexpr metric_of<placement_metrics> of_placements[] = {
    in_state<placement_state::joining>("joining"),
    in_state<placement_state::live>("live"),
    in_state<placement_state::lapsed>("lapsed"),
    in_state<placement_state::observing>("observing"),
    in_state<placement_state::left>("left"),
    in_state<placement_state::name_taken>("name_taken"),
    {{"aether_placement_nodes", "Nodes that live, as far as this one knows.", min},
     [](placement_metrics const& m) { return sample(gauge(m.nodes)); }},
    {{"aether_placement_lapses_total", "Times that the node stopped owning.", counter},
     [](placement_metrics const& m) { return sample(m.lapses); }},
    {{"aether_placement_renewals_total", "Renewals of the lease that were stored.", counter},
     [](placement_metrics const& m) { return sample(m.renewals); }},
    {{"aether_placement_failures_total", "Questions and renewals that were not answered, or refused.", counter},
     [](placement_metrics const& m) { return sample(m.failures); }},
    {{"aether_placement_listings_total", "Listings of the nodes.", counter},
     [](placement_metrics const& m) { return sample(m.listings); }},
    {{"aether_placement_malformed_total", "Messages heard on the bucket that are no node's.", counter},
     [](placement_metrics const& m) { return sample(m.malformed); }},
};

template <> std::span<metric_of<router_metrics> const> table_of() { return of_routers; }
template <> std::span<metric_of<placement_metrics> const> table_of() { return of_placements; }

} // namespace aether::prometheus::detail
