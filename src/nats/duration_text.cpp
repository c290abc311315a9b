// Durations as people write them, for messages.
#include "nats/duration_text.hpp"

#include <cstdint>

namespace aether::nats::detail {

std::string duration_text(std::chrono::nanoseconds d) {
  struct unit {
    std::int64_t nanoseconds;
    char const* one;
    char const* many;
  };
  static constexpr unit units[] = {
      {86'400'000'000'000, " day", " days"}, {3'600'000'000'000, " h", " h"}, {60'000'000'000, " min", " min"},
      {1'000'000'000, " s", " s"},           {1'000'000, " ms", " ms"},       {1'000, " us", " us"},
  };
  if (d == std::chrono::nanoseconds::max())
    return "forever";
  std::int64_t const count = d.count();
  if (count == 0)
    return "0 s";
  for (auto const& u : units)
    if (count % u.nanoseconds == 0) {
      std::int64_t const amount = count / u.nanoseconds;
      return std::to_string(amount) + (amount == 1 ? u.one : u.many);
    }
  return std::to_string(count) + " ns";
}

} // namespace aether::nats::detail
