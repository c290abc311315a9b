// A function that is asked for numbers at each scrape, until it is ended.
#pragma once

#include "prometheus/metric.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace aether::prometheus::detail {

/// In the order of their kind's table.
using samples = std::vector<sample>;
using metric_table = std::shared_ptr<std::vector<metric> const>;

/// What no source at all has counted.
samples nothing(std::vector<metric> const& table);

/// The counts of a source over all its lives: a structure that begins anew, as a projection's at each run, must not
/// make a sum go down, which Prometheus takes for a restart of everything in it.
class lasting_counts {
public:
  explicit lasting_counts(metric_table table);

  void take(samples const& now) noexcept;
  /// Adds them to the counts in `to`; its gauges are left alone.
  void add_to(std::span<sample> to) const noexcept;

private:
  metric_table table_;
  samples before_; // of earlier lives; in both the gauges mean nothing
  samples last_;
};

/// What a source says at one scrape.
struct reading {
  std::size_t place = 0;
  samples values;    ///< the counts always, also those that it had when it last answered; gauges when it is here
  bool here = false; ///< it answered
  bool failed = false;
};

class source {
public:
  using function = std::function<std::optional<samples>()>;

  /// `place`: of its name among its kind's.
  source(std::size_t place, metric_table table, function ask);

  std::size_t place() const noexcept { return place_; }
  reading read();
  /// It is not asked again. Waits for a call under way, unless that call is what calls this.
  void end() noexcept;
  /// The counts of an ended source, which change no more.
  void add_to(std::span<sample> to) const noexcept { counts_.add_to(to); }

private:
  std::size_t const place_;
  metric_table const table_;
  std::recursive_mutex mutex_; // what a source lets go of may own the source's registration
  function ask_;
  lasting_counts counts_;
  bool asking_ = false;
  bool ended_ = false;
};

} // namespace aether::prometheus::detail
