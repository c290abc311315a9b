// Chance where nothing depends on its quality: pauses, and what tests replace.
#pragma once

#include <random>

namespace aether::detail {

/// From [0, 1); seeded by the operating system, once a thread.
inline double random_of_this_thread() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return static_cast<double>(generator() >> 11) * 0x1p-53;
}

} // namespace aether::detail
