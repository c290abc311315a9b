// What a projection decides: when to store a checkpoint, and what becomes of an event whose handler failed. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace aether::detail {

/// A projection's options as far as decisions need them, without zeros.
struct projection_rules {
  using duration = std::chrono::nanoseconds;

  std::uint64_t checkpoint_events = 0;
  duration checkpoint_interval{};
  bool transactional = false; ///< what is open keeps others from the database
  unsigned max_attempts = 1;  ///< 1: an event whose handler failed is not tried again
  duration first_pause{};
  duration longest_pause{};
  bool skips = false; ///< what is done when no attempt is left: go on behind the event, or stop
};

/// Never beyond what the clock can say.
inline std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point from,
                                                   std::chrono::nanoseconds by) noexcept {
  auto const end = std::chrono::steady_clock::time_point::max();
  return by >= end - from ? end : from + by;
}

enum class failed_event { retry, skip, stop };

struct failure_verdict {
  failed_event then = failed_event::stop;
  unsigned attempt = 0;             ///< the one that failed, from 1
  std::chrono::nanoseconds pause{}; ///< before the next one, of retry
};

class projection_machine {
public:
  using time = std::chrono::steady_clock::time_point;

  projection_machine(projection_rules rules, time now) : rules_(rules), last_checkpoint_(now) {}

  /// An event was handled or skipped, and belongs to the group that the next checkpoint covers.
  void on_passed(time now) noexcept;
  /// The current event's handler threw.
  failure_verdict on_failure() noexcept;

  /// Between two events: whether the checkpoint is to be stored now.
  bool is_due(time now) const noexcept;
  /// The same when nothing is to be had at the moment. When nothing more is stored at all, what is open must not wait
  /// for events that may never come.
  bool is_due_when_idle(time now, bool nothing_is_left) const noexcept;
  /// When an idle projection has to look again. Its position may have moved over what the filter drops.
  time wake_at() const noexcept;
  std::uint64_t events_in_group() const noexcept { return in_group_; }

  /// Stored, or nothing was to be stored.
  void on_checkpoint(time now) noexcept;
  /// Not stored, and to be tried again: after how long.
  std::chrono::nanoseconds on_checkpoint_failed(time now) noexcept;
  /// The group is given up: its events come again.
  void on_rollback(time now) noexcept;

private:
  time next_checkpoint() const noexcept { return later(last_checkpoint_, wait_); }

  projection_rules rules_;
  time last_checkpoint_;
  projection_rules::duration wait_ = rules_.checkpoint_interval; ///< longer after failures
  bool checkpoint_failed_ = false;
  std::uint64_t in_group_ = 0;
  unsigned attempts_ = 0; ///< of the current event that failed
};

} // namespace aether::detail
