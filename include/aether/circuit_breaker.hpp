// A circuit breaker: what keeps failing is left alone for a while, and then tried again with care.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/error.hpp>
#include <aether/time_source.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace aether {

enum class circuit_state {
  closed,    ///< everything goes through
  open,      ///< nothing does, until open_for has passed
  half_open, ///< a few trials do, and decide
};

/// What an operation's end says about what is behind the breaker.
enum class circuit_verdict {
  success, ///< it works: it answered, though perhaps not as wanted
  failure,
  no_evidence, ///< it was not asked, or it cannot be told
};

/// No evidence are cancellation and what is not an error of this library. Failures: connection_lost, connect_failed,
/// timed_out, outcome_unknown. Successes, as the store answered: version_conflict, duplicate_event_id,
/// snapshot_not_found. Of the others nobody knows whether the store was asked; overloaded is this process's own load.
circuit_verdict usual_circuit_verdict(boost::system::error_code const& code) noexcept;

/// The breaker let nothing through; the operation did not begin.
class circuit_open_error : public error {
public:
  circuit_open_error(std::string const& name, std::chrono::nanoseconds time_left);
  /// Until a trial is let through; 0: one is under way now.
  std::chrono::nanoseconds time_left() const noexcept { return time_left_; }

private:
  std::chrono::nanoseconds time_left_;
};

/// Zero means the default.
struct circuit_breaker_options {
  std::string name;          ///< in errors; may be empty
  int failure_threshold = 0; ///< failures in a row that open it; 0: 5
  /// Also the share of failures in the last `window` operations opens it, once there were so many: above 0, at most 1.
  double failure_rate = 0; ///< 0: not looked at
  int window = 0; ///< at most 1,000,000; 0: 100
  std::chrono::nanoseconds open_for{}; ///< 0: 30 s
  int trials = 0; ///< side by side while half-open; 0: 1
  int successes_to_close = 0; ///< of trials, none of which failed; 0: 1
  /// What an error counts as; none: usual_circuit_verdict. Must not throw.
  std::function<circuit_verdict(boost::system::error_code const&)> verdict;
  /// Told of each change, one after the other and in order, on the thread that made one. It may use the breaker, and
  /// must not hold a handle of it, which would keep itself. What it throws is dropped.
  std::function<void(circuit_state)> on_change;
  std::shared_ptr<time_source const> time; ///< none: machine_time()

  circuit_breaker_options() = default;

  void validate() const; ///< throws invalid_argument, naming the option
};

/// Since the breaker was made, but for the first two.
struct circuit_metrics {
  circuit_state state = circuit_state::closed;
  std::chrono::nanoseconds time_left{}; ///< while it is open
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t without_evidence = 0; ///< also cancelled and destroyed ones
  std::uint64_t refused = 0;
  std::uint64_t opened = 0; ///< times

  circuit_metrics() = default;
};

class circuit_breaker;

namespace detail {

class circuit;

/// One operation that was let through: its end is told once, or, when it is destroyed, that there is no evidence.
class circuit_permit {
public:
  explicit circuit_permit(std::shared_ptr<circuit> from); ///< throws circuit_open_error
  circuit_permit(circuit_permit const&) = delete;
  circuit_permit& operator=(circuit_permit const&) = delete;
  ~circuit_permit();

  void end(circuit_verdict verdict);
  void end(std::exception_ptr const& thrown);

private:
  std::shared_ptr<circuit> circuit_;
  std::uint64_t round_ = 0;
};

} // namespace detail

/// A copyable handle: copies are one breaker. Thread-safe.
///
/// What began before the breaker changed its state and ends afterwards counts no more. It opens by no timer: the first
/// operation after open_for is the first trial.
class circuit_breaker {
public:
  explicit circuit_breaker(circuit_breaker_options options = circuit_breaker_options()); ///< throws invalid_argument

  /// Awaits `operation()` and returns or throws what that does; or throws circuit_open_error without calling it. Any
  /// value is a success. The operation has a name and lives until the awaitable ends, or is a temporary that owns
  /// nothing, as a lambda is that captures by reference. Cancelling (terminal) cancels the operation, and gives a
  /// trial's place back, as destroying it does.
  template <class Operation> auto run(Operation&& operation) const;
  /// The same with `verdict(value)`, a circuit_verdict. It is kept as the operation is.
  template <class Operation, class Verdict> auto run(Operation&& operation, Verdict&& verdict) const;

  circuit_state state() const; ///< half_open too when open_for has passed and nothing was tried yet
  circuit_metrics metrics() const;

private:
  std::shared_ptr<detail::circuit> circuit_;
};

} // namespace aether

#include <aether/detail/circuit_run.hpp>
