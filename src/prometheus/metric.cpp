// How samples of one metric are combined.
#include "prometheus/metric.hpp"

#include <algorithm>
#include <cstddef>

namespace aether::prometheus::detail {

sample nothing(metric_type type) {
  if (type == metric_type::histogram)
    return latency_histogram();
  if (type == metric_type::counter)
    return std::uint64_t{0};
  return 0.0;
}

static void add(latency_histogram& to, latency_histogram const& from) {
  for (std::size_t i = 0; i < to.counts.size(); ++i)
    to.counts[i] += from.counts[i];
  to.sum += from.sum;
}

void combine(metric_type type, sample& to, sample const& from) {
  switch (type) {
  case metric_type::counter:
    std::get<std::uint64_t>(to) += std::get<std::uint64_t>(from);
    break;
  case metric_type::histogram:
    add(std::get<latency_histogram>(to), std::get<latency_histogram>(from));
    break;
  case metric_type::gauge_sum:
    std::get<double>(to) += std::get<double>(from);
    break;
  case metric_type::gauge_max:
    std::get<double>(to) = std::max(std::get<double>(to), std::get<double>(from));
    break;
  case metric_type::gauge_min:
    std::get<double>(to) = std::min(std::get<double>(to), std::get<double>(from));
    break;
  }
}

bool fell(sample const& before, sample const& now) {
  if (auto const* histogram = std::get_if<latency_histogram>(&before))
    return std::get<latency_histogram>(now).count() < histogram->count();
  if (auto const* count = std::get_if<std::uint64_t>(&before))
    return std::get<std::uint64_t>(now) < *count;
  return false;
}

} // namespace aether::prometheus::detail
