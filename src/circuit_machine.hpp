// What a circuit breaker decides: who is let through, and when it opens and closes. Pure.
#pragma once

#include <aether/circuit_breaker.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace aether::detail {

/// A breaker's options as far as decisions need them, without zeros.
struct circuit_rules {
  int failure_threshold = 5;
  double failure_rate = 0;
  int window = 100;
  std::chrono::nanoseconds open_for{};
  int trials = 1;
  int successes_to_close = 1;
};

/// How the last operations ended, the oldest making room for the newest.
class failure_window {
public:
  explicit failure_window(std::size_t size) : ends_(size) {}

  void add(bool failed) noexcept;
  void clear() noexcept;
  bool is_full() const noexcept { return filled_ == ends_.size(); }
  std::size_t failures() const noexcept { return failures_; }

private:
  std::vector<bool> ends_;
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  std::size_t failures_ = 0;
};

/// `now` is the time since some moment, and never goes back.
class circuit_machine {
public:
  using time = std::chrono::nanoseconds;

  explicit circuit_machine(circuit_rules rules);

  struct answer {
    bool passes = false;
    std::uint64_t round = 0; ///< of one that passes: to be told with its end
    time time_left{};        ///< of one that does not
  };
  answer begin(time now);
  /// The end of one that was let through in that round.
  void end(std::uint64_t round, circuit_verdict verdict, time now);

  circuit_state state() const noexcept { return state_; } ///< changes by begin() and end() only
  bool is_due(time now) const noexcept { return state_ == circuit_state::open && time_left(now) == time::zero(); }
  time time_left(time now) const noexcept;

private:
  void open(time now);
  void change(circuit_state to);
  bool is_too_much() const noexcept;

  circuit_rules rules_;
  failure_window window_;
  circuit_state state_ = circuit_state::closed;
  std::uint64_t round_ = 1; ///< a new one with each change: what began in another one is no evidence any more
  int in_a_row_ = 0;        ///< failures while closed, successes while half-open
  int under_way_ = 0;       ///< trials
  time opened_{};
};

} // namespace aether::detail
