// What stores, buses, connections, projections, the hosts of actors and workflows, routers and placements count, as
// Prometheus reads it.
#pragma once

#include <aether/actor_options.hpp>
#include <aether/command_router.hpp>
#include <aether/event_broadcaster.hpp>
#include <aether/event_store.hpp>
#include <aether/metrics.hpp>
#include <aether/placement.hpp>
#include <aether/projection.hpp>
#include <aether/workflow_options.hpp>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::prometheus {

namespace detail {
class source;
class source_set;
} // namespace detail

/// What is exposed of a connection.
struct connection_metrics {
  bool connected = false;
  std::uint64_t reconnects = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t unmatched_replies = 0; ///< answers that came after their request had ended

  connection_metrics() = default;

  /// Of a nats::connection. A template, so that this library needs none.
  template <class Connection>
    requires requires(Connection const& c) { c.statistics().unmatched_replies; }
  explicit connection_metrics(Connection const& c) : connected(c.state() == decltype(c.state())::connected) {
    auto const counted = c.statistics();
    reconnects = counted.reconnects;
    messages_in = counted.messages_in;
    messages_out = counted.messages_out;
    unmatched_replies = counted.unmatched_replies;
  }
};

/// What is exposed of a placement.
struct placement_metrics {
  placement_state state = placement_state::joining; ///< by the clock: a node whose lease is over has lapsed
  std::size_t nodes = 0; ///< that live, as far as this one knows
  std::uint64_t lapses = 0;
  std::uint64_t renewals = 0;
  std::uint64_t failures = 0;
  std::uint64_t listings = 0;
  std::uint64_t malformed = 0;

  placement_metrics() = default;

  /// Of a nats::placement. A template, so that this library needs none.
  template <class Placement>
    requires requires(Placement const& p) { p.metrics().renewals; }
  explicit placement_metrics(Placement const& p) {
    auto const view = p.view();
    state = view->state == placement_state::live && !p.is_live() ? placement_state::lapsed : view->state;
    nodes = view->nodes.size();
    auto const counted = p.metrics();
    lapses = counted.lapses;
    renewals = counted.renewals;
    failures = counted.failures;
    listings = counted.listings;
    malformed = counted.malformed;
  }
};

/// A source is asked as long as its registration lives. A move-only handle, which may outlive the collector.
class [[nodiscard]] registration {
public:
  registration() = default;
  registration(registration&&) noexcept = default;
  registration& operator=(registration&& other) noexcept;
  ~registration();

  /// When it returns the source is not being called, will not be, and is destroyed, unless the source itself calls
  /// this: then it is destroyed when its call ends. It waits for a call that is under way, so hold no lock that the
  /// source takes. What the source had counted when it was last asked stays in the counters of its name.
  void end() noexcept;

  explicit operator bool() const noexcept { return source_ != nullptr; }

private:
  friend class collector;
  registration(std::weak_ptr<detail::source_set> set, std::shared_ptr<detail::source> source) noexcept;

  std::weak_ptr<detail::source_set> set_;
  std::shared_ptr<detail::source> source_;
};

/// Register it, held by a shared_ptr, at a ::prometheus::Exposer. docs/metrics.md lists what it exposes.
///
/// A source is a function that is asked at each scrape; it returns nothing when what it tells of is gone. One that
/// throws or returns nothing is left out of that scrape, and those that throw are counted. Sources are called on the
/// thread that scrapes, one at a time each: they should be quick, and they may hold what they tell of by weak_ptr. What
/// they hold otherwise is kept until the registration ends; a copy of a connection's handle keeps it open, one of a
/// placement's keeps its node among the others.
///
/// Names become labels: 1 to 255 bytes of UTF-8 without control characters, else invalid_argument is thrown. Of each
/// kind the first 100 names get labels of their own, for as long as the collector lives; all further ones are reported
/// together as `other`. Sources of one name are reported together as well: counters and histograms are added up, gauges
/// as docs/metrics.md says.
///
/// Thread-safe, every function at any time.
class collector final : public ::prometheus::Collectable {
public:
  static constexpr std::size_t max_names = 100; ///< of each kind

  using store_source = std::function<std::optional<store_metrics>()>;
  using bus_source = std::function<std::optional<bus_metrics>()>;
  using connection_source = std::function<std::optional<connection_metrics>()>;
  using projection_source = std::function<std::optional<projection_progress>()>;
  using actor_source = std::function<std::optional<actor_metrics>()>;
  using workflow_source = std::function<std::optional<workflow_metrics>()>;
  using router_source = std::function<std::optional<router_metrics>()>;
  using placement_source = std::function<std::optional<placement_metrics>()>;

  collector();
  ~collector() override;
  collector(collector const&) = delete;
  collector& operator=(collector const&) = delete;

  registration add_store(std::string name, store_source source);
  registration add_bus(std::string name, bus_source source);
  registration add_connection(std::string name, connection_source source);
  registration add_projection(std::string name, projection_source source);
  registration add_actors(std::string name, actor_source source); ///< of an actor_host
  registration add_workflows(std::string name, workflow_source source); ///< of a workflow_host
  registration add_router(std::string name, router_source source); ///< of a command_router
  registration add_placement(std::string name, placement_source source);

  /// They are not kept: when the last other owner goes, they are left out.
  registration add_store(std::string name, std::shared_ptr<event_store const> const& store);
  registration add_bus(std::string name, std::shared_ptr<event_broadcaster const> const& bus);

  std::vector<::prometheus::MetricFamily> Collect() const override;

private:
  struct impl;
  std::unique_ptr<impl const> impl_;
};

} // namespace aether::prometheus
