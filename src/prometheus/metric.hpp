// One metric of a structure: what Prometheus calls it, and how those of several sources become one.
#pragma once

#include <aether/metrics.hpp>

#include <cstdint>
#include <variant>
#include <vector>

namespace aether::prometheus::detail {

/// Counts stay integers until they are exposed, so that adding them up is exact.
using sample = std::variant<std::uint64_t, double, latency_histogram>;

enum class metric_type {
  counter,   // these two are added up, and never go down
  histogram,
  gauge_sum,
  gauge_max,
  gauge_min,
};

constexpr bool is_count(metric_type type) noexcept {
  return type == metric_type::counter || type == metric_type::histogram;
}

struct metric {
  char const* name;
  char const* help; // one line, no backslash
  metric_type type;
  char const* label = nullptr; // of a fixed set, beside the source's name
  char const* value = nullptr;
};

/// How a metric is taken from a structure.
template <class Structure> struct metric_of {
  metric what;
  sample (*take)(Structure const&);
};

/// The value of no source at all, for counts.
sample nothing(metric_type type);
/// `to` becomes the value of both. The samples are of the same metric.
void combine(metric_type type, sample& to, sample const& from);
/// Whether a count is smaller than it was: who counts began anew.
bool fell(sample const& before, sample const& now);

} // namespace aether::prometheus::detail
