// A lock for steps of nanoseconds, for which a mutex would put a thread to sleep that has to wait.
#pragma once

#include <atomic>
#include <thread>

namespace aether::detail {

/// Lockable by std::lock_guard. One byte, so that it can stand in the cache line of what it guards.
class spin_lock {
public:
  void lock() noexcept {
    while (taken_.exchange(true, std::memory_order_acquire))
      for (unsigned spins = 0; taken_.load(std::memory_order_relaxed); ++spins)
        if (spins >= spins_at_most)
          std::this_thread::yield(); // its owner may have lost the processor
  }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

private:
  static constexpr unsigned spins_at_most = 64;
  std::atomic<bool> taken_{false};
};

} // namespace aether::detail
