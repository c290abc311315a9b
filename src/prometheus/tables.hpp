// Which metrics there are of each structure. docs/metrics.md lists the same; a test compares the two.
#pragma once

#include "prometheus/metric.hpp"

#include <aether/prometheus/collector.hpp>

#include <span>

namespace aether::prometheus::detail {

/// Metrics of one name stand side by side.
template <class Structure> std::span<metric_of<Structure> const> table_of();

template <> std::span<metric_of<store_metrics> const> table_of();
template <> std::span<metric_of<bus_metrics> const> table_of();
template <> std::span<metric_of<connection_metrics> const> table_of();
template <> std::span<metric_of<projection_progress> const> table_of();
template <> std::span<metric_of<actor_metrics> const> table_of();
template <> std::span<metric_of<workflow_metrics> const> table_of();
template <> std::span<metric_of<router_metrics> const> table_of();
template <> std::span<metric_of<placement_metrics> const> table_of();

} // namespace aether::prometheus::detail
