// From each structure to the text that Prometheus reads: every field, under its name, with its exact value.
#include <aether/nats/connection.hpp>
#include <aether/nats/placement.hpp>

#include "exposition.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(exposition)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using aether::prometheus::collector;
using aether::prometheus::connection_metrics;
using aether::prometheus::placement_metrics;

namespace {

using expected_series = std::map<std::string, std::string>;

store_metrics every_field_of_a_store() {
  store_metrics m;
  m.saves.saved = 11;
  m.saves.already_saved = 12;
  m.saves.conflict = 13;
  m.saves.unknown = 14;
  m.saves.overloaded = 15;
  m.saves.cancelled = 16;
  m.saves.failed = 17;
  m.save_duration.counts[3] = 9; // to 100 µs
  m.save_duration.counts.back() = 2;
  m.save_duration.sum = 30s + 1ns;
  m.events_saved = 21;
  m.save_retries = 22;
  m.unknown_resolved = 23;
  m.cache_hits = 24;
  m.cache_misses = 25;
  m.saves_in_flight = 26;
  m.saves_unresolved = 27;
  m.cache_bytes = 28;
  m.replays = 31;
  m.replay_duration.counts[0] = 31;
  m.replay_duration.sum = 155us;
  m.events_replayed = 32;
  m.malformed_messages = 33;
  m.snapshots_saved = 34;
  m.snapshots_read = 35;
  m.subscriptions = 41;
  m.events_delivered = 42;
  m.events_behind = 43;
  m.announcements = 44;
  m.announcements_dropped = 45;
  return m;
}

/// What a collector exposes, without the buckets and without what it tells of itself.
expected_series without_buckets(collector const& c) {
  auto all = series_of(c);
  std::erase_if(all, [](auto const& s) {
    return s.first.find("_bucket{") != std::string::npos || s.first.starts_with("aether_metric_source_errors_total");
  });
  return all;
}

void expect_same(expected_series const& found, expected_series const& expected) {
  for (auto const& [series, value] : expected) {
    auto const there = found.find(series);
    BOOST_TEST_REQUIRE((there != found.end()), series);
    BOOST_TEST(there->second == value, series << " is " << there->second);
  }
  for (auto const& [series, value] : found)
    BOOST_TEST(expected.contains(series), series);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_store) {
  collector c;
  auto const kept = c.add_store("shop", every_field_of_a_store);
  expect_same(without_buckets(c), {
                                      {R"(aether_saves_total{store="shop",outcome="saved"})", "11"},
                                      {R"(aether_saves_total{store="shop",outcome="already_saved"})", "12"},
                                      {R"(aether_saves_total{store="shop",outcome="conflict"})", "13"},
                                      {R"(aether_saves_total{store="shop",outcome="unknown"})", "14"},
                                      {R"(aether_saves_total{store="shop",outcome="overloaded"})", "15"},
                                      {R"(aether_saves_total{store="shop",outcome="cancelled"})", "16"},
                                      {R"(aether_saves_total{store="shop",outcome="failed"})", "17"},
                                      {R"(aether_save_duration_seconds_count{store="shop"})", "11"},
                                      {R"(aether_save_duration_seconds_sum{store="shop"})", "30.000000001"},
                                      {R"(aether_events_saved_total{store="shop"})", "21"},
                                      {R"(aether_save_retries_total{store="shop"})", "22"},
                                      {R"(aether_unknown_saves_resolved_total{store="shop"})", "23"},
                                      {R"(aether_cache_hits_total{store="shop"})", "24"},
                                      {R"(aether_cache_misses_total{store="shop"})", "25"},
                                      {R"(aether_saves_in_flight{store="shop"})", "26"},
                                      {R"(aether_saves_unresolved{store="shop"})", "27"},
                                      {R"(aether_cache_bytes{store="shop"})", "28"},
                                      {R"(aether_replays_total{store="shop"})", "31"},
                                      {R"(aether_replay_duration_seconds_count{store="shop"})", "31"},
                                      {R"(aether_replay_duration_seconds_sum{store="shop"})", "0.000155"},
                                      {R"(aether_events_replayed_total{store="shop"})", "32"},
                                      {R"(aether_malformed_messages_total{store="shop"})", "33"},
                                      {R"(aether_snapshots_saved_total{store="shop"})", "34"},
                                      {R"(aether_snapshots_read_total{store="shop"})", "35"},
                                      {R"(aether_subscriptions{store="shop"})", "41"},
                                      {R"(aether_events_delivered_total{store="shop"})", "42"},
                                      {R"(aether_subscription_events_behind{store="shop"})", "43"},
                                      {R"(aether_announcements_total{store="shop"})", "44"},
                                      {R"(aether_announcements_dropped_total{store="shop"})", "45"},
                                  });
}

BOOST_AUTO_TEST_CASE(a_bus) {
  collector c;
  auto const kept = c.add_bus("main", [] {
    bus_metrics m;
    m.published = 1;
    m.received = 2;
    m.dropped = 3;
    m.subscribers = 4;
    m.heard = 5;
    m.missed = 6;
    m.gaps = 7;
    m.malformed = 8;
    m.unsent = 9;
    return m;
  });
  expect_same(without_buckets(c), {
                                      {R"(aether_bus_published_total{bus="main"})", "1"},
                                      {R"(aether_bus_received_total{bus="main"})", "2"},
                                      {R"(aether_bus_dropped_total{bus="main"})", "3"},
                                      {R"(aether_bus_subscribers{bus="main"})", "4"},
                                      {R"(aether_bus_heard_total{bus="main"})", "5"},
                                      {R"(aether_bus_missed_total{bus="main"})", "6"},
                                      {R"(aether_bus_gaps_total{bus="main"})", "7"},
                                      {R"(aether_bus_malformed_total{bus="main"})", "8"},
                                      {R"(aether_bus_unsent_total{bus="main"})", "9"},
                                  });
}

BOOST_AUTO_TEST_CASE(a_connection) {
  collector c;
  auto const kept = c.add_connection("main", [] {
    connection_metrics m;
    m.connected = true;
    m.reconnects = 2;
    m.messages_in = 3;
    m.messages_out = 4;
    m.unmatched_replies = 5;
    return m;
  });
  expect_same(without_buckets(c), {
                                      {R"(aether_connected{connection="main"})", "1"},
                                      {R"(aether_reconnects_total{connection="main"})", "2"},
                                      {R"(aether_messages_in_total{connection="main"})", "3"},
                                      {R"(aether_messages_out_total{connection="main"})", "4"},
                                      {R"(aether_unmatched_replies_total{connection="main"})", "5"},
                                  });
}

BOOST_AUTO_TEST_CASE(connection_metrics_are_taken_from_what_looks_like_a_connection) {
  struct lookalike {
    nats::connection_state now;
    nats::connection_state state() const { return now; }
    nats::connection_statistics statistics() const { return {1, 2, 3, 4}; }
  };
  connection_metrics const taken(lookalike{nats::connection_state::connected});
  BOOST_TEST(taken.connected);
  BOOST_TEST(taken.reconnects == 1u);
  BOOST_TEST(taken.messages_in == 2u);
  BOOST_TEST(taken.messages_out == 3u);
  BOOST_TEST(taken.unmatched_replies == 4u);
  BOOST_TEST(!connection_metrics(lookalike{nats::connection_state::reconnecting}).connected);
  BOOST_TEST(!connection_metrics(lookalike{nats::connection_state::closed}).connected);
  static_assert(std::is_constructible_v<connection_metrics, nats::connection const&>);
}

BOOST_AUTO_TEST_CASE(a_projection) {
  collector c;
  projection_progress m;
  m.state = projection_state::paused;
  m.events_handled = 1;
  m.events_skipped = 2;
  m.malformed_messages = 3;
  m.events_behind = 4;
  m.events_per_second = 5.5;
  m.caught_up = true;
  m.checkpoints = 6;
  auto const kept = c.add_projection("sales", [&m] { return m; });
  expected_series expected = {
      {R"(aether_projection_state{projection="sales",state="idle"})", "0"},
      {R"(aether_projection_state{projection="sales",state="running"})", "0"},
      {R"(aether_projection_state{projection="sales",state="paused"})", "1"},
      {R"(aether_projection_events_handled_total{projection="sales"})", "1"},
      {R"(aether_projection_events_skipped_total{projection="sales"})", "2"},
      {R"(aether_projection_malformed_messages_total{projection="sales"})", "3"},
      {R"(aether_projection_events_behind{projection="sales"})", "4"},
      {R"(aether_projection_events_per_second{projection="sales"})", "5.5"},
      {R"(aether_projection_caught_up{projection="sales"})", "1"},
      {R"(aether_projection_checkpoints_total{projection="sales"})", "6"},
  };
  expect_same(without_buckets(c), expected);

  m.state = projection_state::running;
  m.caught_up = false;
  expected[R"(aether_projection_state{projection="sales",state="running"})"] = "1";
  expected[R"(aether_projection_state{projection="sales",state="paused"})"] = "0";
  expected[R"(aether_projection_caught_up{projection="sales"})"] = "0";
  expect_same(without_buckets(c), expected);
}

BOOST_AUTO_TEST_CASE(a_histogram_is_cumulative_to_infinity) {
  store_metrics m;
  for (std::size_t i = 0; i < m.save_duration.counts.size(); ++i)
    m.save_duration.counts[i] = i == 5 ? 0 : i + 1; // 1 2 3 4 5 0 7 …
  m.save_duration.sum = 12345678901ns;
  collector c;
  auto const kept = c.add_store("shop", [&m] { return m; });

  std::vector<std::pair<std::string_view, int>> const buckets = {
      {"1e-05", 1},   {"2.5e-05", 3}, {"5e-05", 6}, {"0.0001", 10}, {"0.00025", 15}, {"0.0005", 15}, {"0.001", 22},
      {"0.0025", 30}, {"0.005", 39},  {"0.01", 49}, {"0.025", 60},  {"0.05", 72},    {"0.1", 85},    {"0.25", 99},
      {"0.5", 114},   {"1", 130},     {"2.5", 147}, {"10", 165},    {"+Inf", 184}};
  expected_series expected;
  for (auto const& [bound, count] : buckets)
    expected["aether_save_duration_seconds_bucket{store=\"shop\",le=\"" + std::string(bound) + "\"}"] =
        std::to_string(count);
  expected[R"(aether_save_duration_seconds_count{store="shop"})"] = "184";
  expected[R"(aether_save_duration_seconds_sum{store="shop"})"] = "12.345678901";
  auto found = series_of(c);
  std::erase_if(found, [](auto const& s) { return !s.first.starts_with("aether_save_duration_seconds"); });
  expect_same(found, expected);
}

BOOST_AUTO_TEST_CASE(hosts_of_actors_and_workflows) {
  collector c;
  auto const actors = c.add_actors("main", [] {
    actor_metrics m;
    m.stored = 1;
    m.nothing = 2;
    m.rejected = 3;
    m.repeated = 4;
    m.failed = 5;
    m.queries = 6;
    m.batches = 7;
    m.conflicts = 8;
    m.loads = 9;
    m.evictions = 10;
    m.snapshots = 11;
    m.snapshots_failed = 12;
    m.actors = 13;
    m.waiting = 14;
    return m;
  });
  auto const workflows = c.add_workflows("main", [] {
    workflow_metrics m;
    m.started = 21;
    m.resumed = 22;
    m.finished = 23;
    m.lost = 24;
    m.broken = 25;
    m.evicted = 26;
    m.resident = 27;
    m.waiting = 28;
    return m;
  });
  auto found = series_of(c);
  std::erase_if(found, [](auto const& s) { return s.first.starts_with("aether_metric_source_errors_total"); });
  expect_same(found, {
                         {R"(aether_commands_total{actor_host="main",outcome="stored"})", "1"},
                         {R"(aether_commands_total{actor_host="main",outcome="nothing"})", "2"},
                         {R"(aether_commands_total{actor_host="main",outcome="rejected"})", "3"},
                         {R"(aether_commands_total{actor_host="main",outcome="repeated"})", "4"},
                         {R"(aether_commands_total{actor_host="main",outcome="failed"})", "5"},
                         {R"(aether_queries_total{actor_host="main"})", "6"},
                         {R"(aether_command_saves_total{actor_host="main"})", "7"},
                         {R"(aether_command_conflicts_total{actor_host="main"})", "8"},
                         {R"(aether_actor_loads_total{actor_host="main"})", "9"},
                         {R"(aether_actor_evictions_total{actor_host="main"})", "10"},
                         {R"(aether_actor_snapshots_total{actor_host="main"})", "11"},
                         {R"(aether_actor_snapshots_failed_total{actor_host="main"})", "12"},
                         {R"(aether_actors{actor_host="main"})", "13"},
                         {R"(aether_commands_waiting{actor_host="main"})", "14"},
                         {R"(aether_workflows_started_total{workflow_host="main"})", "21"},
                         {R"(aether_workflows_resumed_total{workflow_host="main"})", "22"},
                         {R"(aether_workflows_finished_total{workflow_host="main"})", "23"},
                         {R"(aether_workflows_lost_total{workflow_host="main"})", "24"},
                         {R"(aether_workflows_broken_total{workflow_host="main"})", "25"},
                         {R"(aether_workflows_evicted_total{workflow_host="main"})", "26"},
                         {R"(aether_workflows_resident{workflow_host="main"})", "27"},
                         {R"(aether_workflows_waiting{workflow_host="main"})", "28"},
                     });
}

BOOST_AUTO_TEST_CASE(a_router) {
  collector c;
  auto const kept = c.add_router("main", [] {
    router_metrics m;
    m.here = 1;
    m.answered = 2;
    m.moved = 3;
    m.fell_back = 4;
    m.unanswered = 5;
    m.received = 46; // the following four, and those under way
    m.executed = 7;
    m.passed_on = 8;
    m.refused = 9;
    m.overloaded = 10;
    m.evicted = 11;
    m.receiving = 12;
    return m;
  });
  expect_same(without_buckets(c), {
                                      {R"(aether_router_commands_total{router="main",outcome="here"})", "1"},
                                      {R"(aether_router_commands_total{router="main",outcome="answered"})", "2"},
                                      {R"(aether_router_commands_total{router="main",outcome="unanswered"})", "5"},
                                      {R"(aether_router_moves_total{router="main"})", "3"},
                                      {R"(aether_router_fallbacks_total{router="main"})", "4"},
                                      {R"(aether_router_received_total{router="main",outcome="executed"})", "7"},
                                      {R"(aether_router_received_total{router="main",outcome="passed_on"})", "8"},
                                      {R"(aether_router_received_total{router="main",outcome="refused"})", "9"},
                                      {R"(aether_router_received_total{router="main",outcome="overloaded"})", "10"},
                                      {R"(aether_router_receiving{router="main"})", "12"},
                                      {R"(aether_router_evictions_total{router="main"})", "11"},
                                  });
}

BOOST_AUTO_TEST_CASE(a_placement) {
  collector c;
  placement_metrics m;
  m.state = placement_state::lapsed;
  m.nodes = 1;
  m.lapses = 2;
  m.renewals = 3;
  m.failures = 4;
  m.listings = 5;
  m.malformed = 6;
  auto const kept = c.add_placement("bank", [&m] { return m; });
  expected_series expected = {
      {R"(aether_placement_nodes{placement="bank"})", "1"},
      {R"(aether_placement_lapses_total{placement="bank"})", "2"},
      {R"(aether_placement_renewals_total{placement="bank"})", "3"},
      {R"(aether_placement_failures_total{placement="bank"})", "4"},
      {R"(aether_placement_listings_total{placement="bank"})", "5"},
      {R"(aether_placement_malformed_total{placement="bank"})", "6"},
  };
  using enum placement_state;
  for (auto const now : {joining, live, lapsed, observing, left, name_taken}) {
    m.state = now;
    for (auto const one : {joining, live, lapsed, observing, left, name_taken})
      expected[R"(aether_placement_state{placement="bank",state=")" + std::string(to_string(one)) + R"("})"] =
          one == now ? "1" : "0";
    expect_same(without_buckets(c), expected);
  }
}

BOOST_AUTO_TEST_CASE(placement_metrics_are_taken_from_what_looks_like_a_placement) {
  struct lookalike {
    placement_state state = placement_state::live;
    bool owns = true;
    std::shared_ptr<placement_view const> view() const {
      auto v = std::make_shared<placement_view>();
      v->state = state;
      v->nodes.resize(3);
      return v;
    }
    bool is_live() const { return owns; }
    nats::placement_metrics metrics() const {
      nats::placement_metrics m;
      m.renewals = 1;
      m.failures = 2;
      m.lapses = 3;
      m.listings = 4;
      m.malformed = 5;
      return m;
    }
  };
  lookalike one;
  placement_metrics const taken(one);
  BOOST_TEST((taken.state == placement_state::live));
  BOOST_TEST(taken.nodes == 3u);
  BOOST_TEST(taken.renewals == 1u);
  BOOST_TEST(taken.failures == 2u);
  BOOST_TEST(taken.lapses == 3u);
  BOOST_TEST(taken.listings == 4u);
  BOOST_TEST(taken.malformed == 5u);
  one.owns = false; // its lease is over, and nobody had time to say so
  BOOST_TEST((placement_metrics(one).state == placement_state::lapsed));
  one.state = placement_state::observing;
  BOOST_TEST((placement_metrics(one).state == placement_state::observing));
  static_assert(std::is_constructible_v<placement_metrics, nats::placement const&>);
}

BOOST_AUTO_TEST_CASE(large_counts_are_exact) {
  // As far as Prometheus' own numbers are: a double has 53 bits.
  std::vector<std::uint64_t> const counts = {0, 999'999, 16'777'217, 123'456'789'012'345, 9'007'199'254'740'991};
  collector c;
  std::uint64_t now = 0;
  auto const kept = c.add_bus("main", [&now] {
    bus_metrics m;
    m.published = now;
    return m;
  });
  for (auto const count : counts) {
    now = count;
    BOOST_TEST(value_of(c, R"(aether_bus_published_total{bus="main"})") == std::to_string(count));
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_exposed_of_a_kind_without_sources) {
  collector c;
  expect_same(series_of(c), {
                                {R"(aether_metric_source_errors_total{kind="store"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="bus"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="connection"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="projection"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="actor_host"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="workflow_host"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="router"})", "0"},
                                {R"(aether_metric_source_errors_total{kind="placement"})", "0"},
                            });
}

BOOST_AUTO_TEST_CASE(names_and_types_follow_the_conventions_of_prometheus) {
  collector c;
  auto const store = c.add_store("a", [] { return store_metrics(); });
  auto const bus = c.add_bus("a", [] { return bus_metrics(); });
  auto const connection = c.add_connection("a", [] { return connection_metrics(); });
  auto const projection = c.add_projection("a", [] { return projection_progress(); });
  auto const actors = c.add_actors("a", [] { return actor_metrics(); });
  auto const workflows = c.add_workflows("a", [] { return workflow_metrics(); });
  auto const router = c.add_router("a", [] { return router_metrics(); });
  auto const placement = c.add_placement("a", [] { return placement_metrics(); });
  std::map<std::string, int> times;
  for (auto const& family : c.Collect()) {
    BOOST_TEST(++times[family.name] == 1, family.name);
    BOOST_TEST(family.name.starts_with("aether_"));
    BOOST_TEST(!family.help.empty(), family.name);
    BOOST_TEST(family.help.find_first_of("\\\n") == std::string::npos, family.name);
    BOOST_TEST(family.name.ends_with("_total") == (family.type == ::prometheus::MetricType::Counter), family.name);
    if (family.type == ::prometheus::MetricType::Histogram)
      BOOST_TEST(family.name.ends_with("_seconds"), family.name);
  }
  BOOST_TEST(times.size() > 30u);
}

BOOST_AUTO_TEST_SUITE_END()
