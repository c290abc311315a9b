// Interleaved rounds: the sides of a comparison alternate, so that what disturbs the machine disturbs all of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace aether::benchmark {

/// One side of a comparison: makes one measurement, told the number of its round, which starts at 0.
using side = std::function<double(std::size_t round)>;

double median(std::vector<double> values);

/// Runs each side once a round, one after the other in turning order, `rounds` times and once before to warm up.
/// Returns the median of each side; the warm-up does not count.
std::vector<double> interleaved(std::size_t rounds, std::vector<side> const& sides);

class stopwatch {
public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  /// Of one of `count` operations.
  double microseconds_each(std::size_t count) const { return seconds() * 1e6 / static_cast<double>(count); }
  double per_second(std::size_t count) const { return static_cast<double>(count) / seconds(); }

private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

} // namespace aether::benchmark
