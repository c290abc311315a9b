// Whether it pays to save waiting commands together: what a batch takes, beside what as many single saves do.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace aether::detail {

/// A nats-server with one replica writes each batch to a file of its own first, and waits for the disk: 1 to 20 ms,
/// however many events it holds, where a single save takes 0.1 ms. So a few commands are faster one by one, and many
/// together; which, only measuring tells.
///
/// The shortest durations of the last seconds are what counts. The others hold what was waited for: others' batches
/// make every save beside them long, and whoever saved together because of that would make it longer for all.
///
/// Thread-safe; no call waits for another. Durations of what failed are not told.
class commit_costs {
public:
  using nanoseconds = std::chrono::nanoseconds;

  /// What was not done for so long is tried again, whatever it took then.
  static constexpr nanoseconds forget_after = std::chrono::seconds(10);

  void single_took(nanoseconds duration, nanoseconds now) noexcept { single_.learn(duration, now); }
  void batch_took(nanoseconds duration, nanoseconds now) noexcept { batch_.learn(duration, now); }

  /// Asked before each save of so many waiting commands. What is not known yet, or no more, is tried: by one of several
  /// who ask at once.
  bool pays(std::size_t commands, nanoseconds now) noexcept {
    if (commands < 2)
      return false;
    auto const batch = batch_.shortest(), single = single_.shortest();
    if (batch == 0)
      return batch_.is_to_be_tried(now);
    if (single == 0)
      return false;
    auto const faster = single * static_cast<std::int64_t>(commands) > batch;
    return (faster ? single_ : batch_).is_to_be_tried(now) ? !faster : faster;
  }

private:
  class cost {
  public:
    /// Of two that come at once one may not count.
    void learn(nanoseconds duration, nanoseconds now) noexcept {
      auto const took = duration.count() > 0 ? duration.count() : 1;
      auto began = began_.load(std::memory_order_relaxed);
      if (now.count() - began > forget_after.count() &&
          began_.compare_exchange_strong(began, now.count(), std::memory_order_relaxed))
        before_.store(lately_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
      auto const lately = lately_.load(std::memory_order_relaxed);
      if (lately == 0 || took < lately)
        lately_.store(took, std::memory_order_relaxed);
      tried_at_.store(now.count(), std::memory_order_relaxed);
    }
    /// In ns, of the last forget_after to twice that in which there were any; 0: none was measured.
    std::int64_t shortest() const noexcept {
      auto const lately = lately_.load(std::memory_order_relaxed), before = before_.load(std::memory_order_relaxed);
      if (lately == 0 || before == 0)
        return lately + before;
      return std::min(lately, before);
    }
    bool is_to_be_tried(nanoseconds now) noexcept {
      auto tried = tried_at_.load(std::memory_order_relaxed);
      return (tried == never || now.count() - tried > forget_after.count()) &&
             tried_at_.compare_exchange_strong(tried, now.count(), std::memory_order_relaxed);
    }

  private:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

    std::atomic<std::int64_t> began_{0}, lately_{0}, before_{0}, tried_at_{never};
  };

  cost single_, batch_;
};

} // namespace aether::detail
