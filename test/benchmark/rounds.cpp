// Interleaved rounds and their medians.
#include "benchmark/rounds.hpp"

#include <algorithm>

namespace aether::benchmark {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto const middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<double> interleaved(std::size_t rounds, std::vector<side> const& sides) {
  std::vector<std::vector<double>> measured(sides.size());
  for (std::size_t round = 0; round <= rounds; ++round)
    for (std::size_t i = 0; i < sides.size(); ++i) {
      auto const turn = (i + round) % sides.size(); // nobody always comes first, or after the same one's leavings
      auto const value = sides[turn](round);
      if (round > 0)
        measured[turn].push_back(value);
    }
  std::vector<double> medians;
  for (auto& values : measured)
    medians.push_back(median(std::move(values)));
  return medians;
}

} // namespace aether::benchmark
