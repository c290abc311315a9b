// How long to pause before something is tried again: longer each time, and not at the same moment as everybody else.
#pragma once

#include <chrono>

namespace aether {

/// What chance makes of a pause. Whoever failed together comes back together, unless chance takes them apart.
enum class backoff_jitter {
  full,  ///< anything from zero to the pause: the least work and the soonest end where many compete
  equal, ///< half of the pause, and anything up to the other half: never at once
  none,  ///< the pause as it is: for one client alone, and where pauses have to be told beforehand
};

/// Pauses that grow by a factor up to a longest. Zero means the default.
struct backoff {
  std::chrono::nanoseconds initial{}; ///< the first pause, before jitter; 0: 10 ms, or `longest` when that is shorter
  std::chrono::nanoseconds longest{}; ///< no pause is longer; 0: 1 s, or `initial` when that is longer
  double multiplier = 0;              ///< of each pause to the one before, at least 1; 0: 2
  backoff_jitter jitter = backoff_jitter::full;

  /// The pause after failed attempt number `attempt`, the first being 1; what is below counts as 1. `random` is from
  /// [0, 1), and is not looked at without jitter. Neither negative nor longer than `longest`, whatever the attempt.
  std::chrono::nanoseconds delay(int attempt, double random) const noexcept;

  /// The same without jitter: the longest that delay() can be.
  std::chrono::nanoseconds ceiling(int attempt) const noexcept;

  void validate() const; ///< throws invalid_argument, naming the option
};

} // namespace aether
