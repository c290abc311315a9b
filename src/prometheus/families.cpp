// How sums are made of readings, and families of sums.
#include "prometheus/families.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace aether::prometheus::detail {

void add_reading(std::vector<metric> const& table, samples& sum, reading const& said, bool begun) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    auto const type = table[i].type;
    if (is_count(type) || (said.here && begun))
      combine(type, sum[i], said.values[i]);
    else if (said.here)
      sum[i] = said.values[i];
  }
}

static double seconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

static ::prometheus::ClientMetric::Histogram cumulative(latency_histogram const& counted) {
  ::prometheus::ClientMetric::Histogram result;
  result.sample_sum = seconds(counted.sum);
  for (std::size_t i = 0; i < counted.counts.size(); ++i) {
    result.sample_count += counted.counts[i];
    ::prometheus::ClientMetric::Bucket bucket;
    bucket.cumulative_count = result.sample_count;
    bucket.upper_bound = i < latency_histogram::bounds.size() ? seconds(latency_histogram::bounds[i])
                                                              : std::numeric_limits<double>::infinity();
    result.bucket.push_back(bucket);
  }
  return result;
}

static ::prometheus::ClientMetric exposed(metric const& m, sample const& value) {
  ::prometheus::ClientMetric result;
  switch (m.type) {
  case metric_type::counter:
    result.counter.value = static_cast<double>(std::get<std::uint64_t>(value));
    break;
  case metric_type::histogram:
    result.histogram = cumulative(std::get<latency_histogram>(value));
    break;
  case metric_type::gauge_sum:
  case metric_type::gauge_max:
  case metric_type::gauge_min:
    result.gauge.value = std::get<double>(value);
    break;
  }
  return result;
}

static ::prometheus::MetricType exposed(metric_type type) {
  if (type == metric_type::counter)
    return ::prometheus::MetricType::Counter;
  if (type == metric_type::histogram)
    return ::prometheus::MetricType::Histogram;
  return ::prometheus::MetricType::Gauge;
}

static void add_label(::prometheus::ClientMetric& to, std::string_view name, std::string_view value) {
  ::prometheus::ClientMetric::Label label;
  label.name = name;
  label.value = value;
  to.label.push_back(std::move(label));
}

void add_families(std::vector<::prometheus::MetricFamily>& to, std::vector<metric> const& table,
                  labeled_samples const& found) {
  if (found.rows.empty())
    return;
  for (std::size_t i = 0; i < table.size(); ++i) {
    auto const& m = table[i];
    if (i == 0 || std::string_view(table[i - 1].name) != m.name) {
      ::prometheus::MetricFamily family;
      family.name = m.name;
      family.help = m.help;
      family.type = exposed(m.type);
      to.push_back(std::move(family));
    }
    for (auto const& [value, row] : found.rows) {
      auto one = exposed(m, row[i]);
      add_label(one, found.label, value);
      if (m.label)
        add_label(one, m.label, m.value);
      to.back().metric.push_back(std::move(one));
    }
  }
}

} // namespace aether::prometheus::detail
