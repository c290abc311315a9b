// From added-up samples to what Prometheus' client library serializes.
#pragma once

#include "prometheus/source.hpp"

#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace aether::prometheus::detail {

/// Samples by the value of one label, in the order in which they are exposed.
struct labeled_samples {
  char const* label;
  std::vector<std::pair<std::string, samples>> rows;
};

/// Adds what one source of a name said to the name's sum, which is `begun` when another one answered before.
void add_reading(std::vector<metric> const& table, samples& sum, reading const& said, bool begun);

/// One family for each name of the table; none when there are no rows.
void add_families(std::vector<::prometheus::MetricFamily>& to, std::vector<metric> const& table,
                  labeled_samples const& found);

} // namespace aether::prometheus::detail
