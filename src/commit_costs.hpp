// Whether it pays to save waiting commands together: what a batch takes, beside what as many single saves do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aether::detail {

/// A nats-server with one replica writes each batch to a file of its own first, and waits for the disk: 1 to 20 ms,
/// however many events it holds, where a single save takes 0.1 ms. So a few commands are faster one by one, and many
/// together; which, only measuring tells.
///
/// Thread-safe; no call waits for another. Durations of what failed are not told.
class commit_costs {
public:
  using nanoseconds = std::chrono::nanoseconds;

  /// What was not done for so long is tried again, whatever it took then.
  static constexpr nanoseconds forget_after = std::chrono::seconds(10);

  void single_took(nanoseconds duration, nanoseconds now) noexcept { single_.learn(duration, now); }
  void batch_took(nanoseconds duration, nanoseconds now) noexcept { batch_.learn(duration, now); }

  /// Asked before each save of so many waiting commands. What is not known yet is tried; of several who ask at once
  /// after a long time one tries.
  bool pays(std::size_t commands, nanoseconds now) noexcept {
    if (commands < 2)
      return false;
    auto const batch = batch_.mean(), single = single_.mean();
    if (batch == 0 || single == 0)
      return batch == 0;
    auto const faster = single * static_cast<std::int64_t>(commands) > batch;
    return (faster ? single_ : batch_).is_to_be_tried(now) ? !faster : faster;
  }

private:
  class cost {
  public:
    /// Of the last ones, the latest counting most. Two that come at once may count as one.
    void learn(nanoseconds duration, nanoseconds now) noexcept {
      auto const before = mean();
      auto const took = duration.count() > 0 ? duration.count() : 1;
      mean_.store(before == 0 ? took : before + (took - before) / 8, std::memory_order_relaxed);
      tried_at_.store(now.count(), std::memory_order_relaxed);
    }
    std::int64_t mean() const noexcept { return mean_.load(std::memory_order_relaxed); } ///< ns; 0: none was measured
    bool is_to_be_tried(nanoseconds now) noexcept {
      auto tried = tried_at_.load(std::memory_order_relaxed);
      return now.count() - tried > forget_after.count() &&
             tried_at_.compare_exchange_strong(tried, now.count(), std::memory_order_relaxed);
    }

  private:
    std::atomic<std::int64_t> mean_{0}, tried_at_{0};
  };

  cost single_, batch_;
};

} // namespace aether::detail
