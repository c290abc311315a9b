// The metrics of a store.
#include "prometheus/tables.hpp"

namespace aether::prometheus::detail {

using store = store_metrics;

static double gauge(std::size_t n) { return static_cast<double>(n); }

static constexpr char saves[] = "Calls that save, by how they ended; a batch is one.";
static constexpr metric ended(char const* outcome) {
  return {"aether_saves_total", saves, metric_type::counter, "outcome", outcome};
}
static constexpr metric counter(char const* name, char const* help) { return {name, help, metric_type::counter}; }
static constexpr metric histogram(char const* name, char const* help) { return {name, help, metric_type::histogram}; }
static constexpr metric sum(char const* name, char const* help) { return {name, help, metric_type::gauge_sum}; }
static constexpr metric largest(char const* name, char const* help) { return {name, help, metric_type::gauge_max}; }

static constexpr metric_of<store> metrics[] = {
    {ended("saved"), [](store const& m) { return sample(m.saves.saved); }},
    {ended("already_saved"), [](store const& m) { return sample(m.saves.already_saved); }},
    {ended("conflict"), [](store const& m) { return sample(m.saves.conflict); }},
    {ended("unknown"), [](store const& m) { return sample(m.saves.unknown); }},
    {ended("overloaded"), [](store const& m) { return sample(m.saves.overloaded); }},
    {ended("cancelled"), [](store const& m) { return sample(m.saves.cancelled); }},
    {ended("failed"), [](store const& m) { return sample(m.saves.failed); }},
    {histogram("aether_save_duration_seconds", "How long calls took that ended saved."),
     [](store const& m) { return sample(m.save_duration); }},
    {counter("aether_events_saved_total", "Events stored by calls that ended saved."),
     [](store const& m) { return sample(m.events_saved); }},
    {counter("aether_save_retries_total", "Attempts beyond a save's first."),
     [](store const& m) { return sample(m.save_retries); }},
    {counter("aether_unknown_saves_resolved_total", "Unknown saves of which the store learned later how they ended."),
     [](store const& m) { return sample(m.unknown_resolved); }},
    {counter("aether_cache_hits_total", "Saves for which the actor's version was known."),
     [](store const& m) { return sample(m.cache_hits); }},
    {counter("aether_cache_misses_total", "Saves for which the stream's leader was asked first."),
     [](store const& m) { return sample(m.cache_misses); }},
    {sum("aether_saves_in_flight", "Saves begun and not ended."),
     [](store const& m) { return sample(gauge(m.saves_in_flight)); }},
    {sum("aether_saves_unresolved", "Unknown saves that the store remembers."),
     [](store const& m) { return sample(gauge(m.saves_unresolved)); }},
    {sum("aether_cache_bytes", "Memory of the version cache."),
     [](store const& m) { return sample(gauge(m.cache_bytes)); }},

    {counter("aether_replays_total", "Histories read to their end."), [](store const& m) { return sample(m.replays); }},
    {histogram("aether_replay_duration_seconds", "How long reading those histories took."),
     [](store const& m) { return sample(m.replay_duration); }},
    {counter("aether_events_replayed_total", "Events of those histories, and of readers."),
     [](store const& m) { return sample(m.events_replayed); }},
    {counter("aether_malformed_messages_total", "Stored messages that are no events, met while reading."),
     [](store const& m) { return sample(m.malformed_messages); }},
    {counter("aether_snapshots_saved_total", "Snapshots saved."),
     [](store const& m) { return sample(m.snapshots_saved); }},
    {counter("aether_snapshots_read_total", "Snapshots asked for, found or not."),
     [](store const& m) { return sample(m.snapshots_read); }},

    {sum("aether_subscriptions", "Subscriptions that are open."),
     [](store const& m) { return sample(gauge(m.subscriptions)); }},
    {counter("aether_events_delivered_total", "Events taken from subscriptions."),
     [](store const& m) { return sample(m.events_delivered); }},
    {largest("aether_subscription_events_behind", "Events not yet taken, of the subscription furthest behind."),
     [](store const& m) { return sample(gauge(m.events_behind)); }},
    {counter("aether_announcements_total", "Stored events announced on a bus."),
     [](store const& m) { return sample(m.announcements); }},
    {counter("aether_announcements_dropped_total", "Stored events that were not announced."),
     [](store const& m) { return sample(m.announcements_dropped); }},
};

template <> std::span<metric_of<store_metrics> const> table_of() { return metrics; }

} // namespace aether::prometheus::detail
