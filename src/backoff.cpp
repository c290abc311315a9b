// Pauses that grow, cut at the longest, with jitter.
#include <aether/backoff.hpp>

#include <aether/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace aether {

namespace {

using std::chrono::nanoseconds;

nanoseconds longest_of(backoff const& b) noexcept {
  return b.longest == nanoseconds::zero() ? std::max<nanoseconds>(std::chrono::seconds(1), b.initial) : b.longest;
}

nanoseconds initial_of(backoff const& b) noexcept {
  return b.initial == nanoseconds::zero() ? std::min<nanoseconds>(std::chrono::milliseconds(10), longest_of(b))
                                          : b.initial;
}

/// A share of a duration, from 0 to 1; what is no share counts as 0.
nanoseconds share(nanoseconds of, double random) noexcept {
  if (!(random > 0))
    return nanoseconds::zero();
  if (random >= 1)
    return of;
  // The most a double says here is below 2^63; it may be a little more than `of`, which no double may say exactly.
  return std::min(of, nanoseconds(static_cast<nanoseconds::rep>(static_cast<double>(of.count()) * random)));
}

void check_duration(nanoseconds value, char const* name) {
  if (value < nanoseconds::zero())
    throw error(errc::invalid_argument, std::string("backoff::") + name + " is negative");
}

} // namespace

nanoseconds backoff::ceiling(int attempt) const noexcept {
  auto const first = initial_of(*this);
  auto const most = longest_of(*this);
  double const factor = multiplier == 0 ? 2 : multiplier;
  double const grown = static_cast<double>(first.count()) * std::pow(factor, std::max(attempt, 1) - 1);
  if (!(grown < static_cast<double>(most.count())))
    return most;
  return nanoseconds(static_cast<nanoseconds::rep>(grown));
}

nanoseconds backoff::delay(int attempt, double random) const noexcept {
  auto const most = ceiling(attempt);
  switch (jitter) {
  case backoff_jitter::none:
    return most;
  case backoff_jitter::equal:
    return most - most / 2 + share(most / 2, random);
  case backoff_jitter::full:
    break;
  }
  return share(most, random);
}

void backoff::validate() const {
  check_duration(initial, "initial");
  check_duration(longest, "longest");
  if (longest != nanoseconds::zero() && initial > longest)
    throw error(errc::invalid_argument, "backoff::initial is longer than longest");
  if (multiplier != 0 && !(multiplier >= 1 && std::isfinite(multiplier)))
    throw error(errc::invalid_argument, "backoff::multiplier is below 1, or no number");
  if (jitter != backoff_jitter::full && jitter != backoff_jitter::equal && jitter != backoff_jitter::none)
    throw error(errc::invalid_argument, "backoff::jitter is none of the three");
}

} // namespace aether
