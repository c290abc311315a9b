// The metrics of buses, connections and projections.
#include "prometheus/tables.hpp"

namespace aether::prometheus::detail {

static constexpr auto counter = metric_type::counter;
static constexpr auto sum = metric_type::gauge_sum;
static constexpr auto max = metric_type::gauge_max;
static constexpr auto min = metric_type::gauge_min;

static double gauge(std::uint64_t n) { return static_cast<double>(n); }

static constexpr metric_of<bus_metrics> of_buses[] = {
    {{"aether_bus_published_total", "Events published.", counter},
     [](bus_metrics const& m) { return sample(m.published); }},
    {{"aether_bus_received_total", "Events put into a subscriber's buffer.", counter},
     [](bus_metrics const& m) { return sample(m.received); }},
    {{"aether_bus_dropped_total", "Events for which a subscriber's buffer had no room.", counter},
     [](bus_metrics const& m) { return sample(m.dropped); }},
    {{"aether_bus_subscribers", "Subscribers.", sum},
     [](bus_metrics const& m) { return sample(gauge(m.subscribers)); }},
    {{"aether_bus_heard_total", "Events that other processes published.", counter},
     [](bus_metrics const& m) { return sample(m.heard); }},
    {{"aether_bus_missed_total", "Events of other processes that did not come.", counter},
     [](bus_metrics const& m) { return sample(m.missed); }},
    {{"aether_bus_gaps_total", "Times that an unknown number of events may not have come.", counter},
     [](bus_metrics const& m) { return sample(m.gaps); }},
    {{"aether_bus_malformed_total", "Messages that hold no event.", counter},
     [](bus_metrics const& m) { return sample(m.malformed); }},
    {{"aether_bus_unsent_total", "Events published that the connection did not take.", counter},
     [](bus_metrics const& m) { return sample(m.unsent); }},
};

static constexpr metric_of<connection_metrics> of_connections[] = {
    {{"aether_connected", "1: connected; 0: reconnecting or closed.", min},
     [](connection_metrics const& m) { return sample(gauge(m.connected)); }},
    {{"aether_reconnects_total", "Connections made anew after one was lost.", counter},
     [](connection_metrics const& m) { return sample(m.reconnects); }},
    {{"aether_messages_in_total", "Messages received.", counter},
     [](connection_metrics const& m) { return sample(m.messages_in); }},
    {{"aether_messages_out_total", "Messages sent.", counter},
     [](connection_metrics const& m) { return sample(m.messages_out); }},
    {{"aether_unmatched_replies_total", "Answers that came after their request had ended.", counter},
     [](connection_metrics const& m) { return sample(m.unmatched_replies); }},
};

static constexpr metric in_state(char const* state) {
  return {"aether_projection_state", "1: the projection is in this state.", sum, "state", state};
}

static constexpr metric_of<projection_progress> of_projections[] = {
    {in_state("idle"), [](projection_progress const& m) { return sample(gauge(m.state == projection_state::idle)); }},
    {in_state("running"),
     [](projection_progress const& m) { return sample(gauge(m.state == projection_state::running)); }},
    {in_state("paused"),
     [](projection_progress const& m) { return sample(gauge(m.state == projection_state::paused)); }},
    {{"aether_projection_events_handled_total", "Events handled.", counter},
     [](projection_progress const& m) { return sample(m.events_handled); }},
    {{"aether_projection_events_skipped_total", "Events passed over because their handler failed.", counter},
     [](projection_progress const& m) { return sample(m.events_skipped); }},
    {{"aether_projection_malformed_messages_total", "Stored messages that are no events, passed over.", counter},
     [](projection_progress const& m) { return sample(m.malformed_messages); }},
    {{"aether_projection_events_behind", "Events stored and not handled.", max},
     [](projection_progress const& m) { return sample(gauge(m.events_behind)); }},
    {{"aether_projection_events_per_second", "Events handled per second, over the last seconds.", sum},
     [](projection_progress const& m) { return sample(m.events_per_second); }},
    {{"aether_projection_caught_up", "1: everything that was stored when it began was handled.", min},
     [](projection_progress const& m) { return sample(gauge(m.caught_up)); }},
    {{"aether_projection_checkpoints_total", "Checkpoints stored.", counter},
     [](projection_progress const& m) { return sample(m.checkpoints); }},
};

template <> std::span<metric_of<bus_metrics> const> table_of() { return of_buses; }
template <> std::span<metric_of<connection_metrics> const> table_of() { return of_connections; }
template <> std::span<metric_of<projection_progress> const> table_of() { return of_projections; }

} // namespace aether::prometheus::detail
