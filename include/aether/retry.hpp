// Trying again: how often, after which pauses, and what is worth it.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/backoff.hpp>
#include <aether/error.hpp>
#include <aether/time_source.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace aether {

/// How trying ended.
enum class retry_end {
  succeeded,
  not_retryable,   ///< the failure is not one that trying again helps against
  thrashing,       ///< conflicts at one version: what is tried does not read again, or what it reads is stale
  out_of_attempts, ///< max_attempts
  out_of_time,     ///< max_elapsed: it has passed, or would have when the pause was over
  decider_stopped,
};

/// What is known when an attempt has failed.
struct failed_attempt {
  int number = 1;                           ///< from 1
  /// Of what was thrown (state_not_recoverable: it carries none), or version_conflict; none: another outcome.
  boost::system::error_code code;
  std::optional<version_conflict> conflict; ///< with what was attempted and the current version
  int conflicts_at_version = 0;             ///< that attempted this version, this one included, no other between them
  std::chrono::nanoseconds elapsed{};       ///< since the first attempt began
  bool retryable = false;                   ///< the policy would try again, if there is an attempt and time left
  std::chrono::nanoseconds delay{};         ///< after this pause

  failed_attempt() = default;
};

/// What an operation may be called with.
struct retry_attempt {
  int number = 1;
  std::chrono::nanoseconds time_left{}; ///< of max_elapsed, for the timeout of a call; at least 1 ns
  std::optional<failed_attempt> last;   ///< the one before

  retry_attempt() = default;
};

/// What a decider says about a failed attempt.
class retry_decision {
public:
  enum class kind { usual, stop, after };

  static constexpr retry_decision usual() noexcept { return {kind::usual, {}}; } ///< what the policy would do
  static constexpr retry_decision stop() noexcept { return {kind::stop, {}}; }
  /// Tried again after that pause, whatever failed, if there is time left.
  static constexpr retry_decision after(std::chrono::nanoseconds delay) noexcept { return {kind::after, delay}; }

  kind what() const noexcept { return what_; }
  std::chrono::nanoseconds delay() const noexcept { return delay_; }

private:
  constexpr retry_decision(kind what, std::chrono::nanoseconds delay) noexcept : what_(what), delay_(delay) {}

  kind what_;
  std::chrono::nanoseconds delay_;
};

/// Zero means the default.
struct retry_options {
  int max_attempts = 0;                   ///< the first included; 0: 10, with full pauses about 3 s; 1: no retry
  std::chrono::nanoseconds max_elapsed{}; ///< no attempt begins later; one under way goes on. 0: 30 s
  backoff pauses;
  /// Conflicts are tried again too: only where the operation reads what was missed and decides again. The same event
  /// conflicts for ever.
  bool retry_conflicts = false;
  /// So many conflicts that attempted one version end it: reading again would have shown a higher one. Failures of
  /// other kinds between them do not count. 0: 3
  int thrashing_after = 0;
  /// After a conflict the pause is divided by the distance from the attempted to the current version, and 1. Who was
  /// beaten to the very version competes with others now, and keeps away from them. Who is far behind had old state:
  /// it reads again at once.
  bool adaptive = false;
  /// Asked after each failed attempt but the last. What it throws ends the retry.
  std::function<retry_decision(failed_attempt const&)> decide;
  std::shared_ptr<time_source const> time; ///< none: machine_time()
  std::function<double()> random;          ///< for jitter, from [0, 1); none: seeded by the operating system

  retry_options() = default;

  void validate() const; ///< throws invalid_argument, naming the option
};

/// Cheap to copy, and thread-safe when `decide` and `random` are. Retries share nothing but these.
class retry_policy {
public:
  retry_policy();                      ///< of retry_options()
  retry_policy(retry_options options); ///< throws invalid_argument
  retry_policy(retry_policy const&) = default; // and no move: every policy has its options
  retry_policy& operator=(retry_policy const&) = default;

  retry_options const& options() const noexcept { return *options_; } ///< without zeros; time and random are there

private:
  std::shared_ptr<retry_options const> options_;
};

// Where to begin, by what is to be outlasted: see docs/patterns.md. Change what you need before a policy is made of it.

retry_options no_retry();
retry_options exponential_backoff(); ///< 10 ms, doubled up to 1 s, without jitter: one client alone, an outage
retry_options jittered_backoff(); ///< the same with full jitter: many clients, an outage
retry_options adaptive_backoff(); ///< full jitter, conflicts too, adaptive: several writers of one actor

/// What a retry came to.
template <class R> struct retry_result {
  retry_end ended = retry_end::not_retryable;
  int attempts = 0;
  std::chrono::nanoseconds elapsed{};
  std::optional<R> value; ///< of the last attempt, when that returned, also a conflict
  std::exception_ptr error; ///< what the last attempt threw

  retry_result() = default;
};
template <> struct retry_result<void> {
  retry_end ended = retry_end::not_retryable;
  int attempts = 0;
  std::chrono::nanoseconds elapsed{};
  std::exception_ptr error;

  retry_result() = default;
};

} // namespace aether

#include <aether/detail/retry_run.hpp>

namespace aether {

/// Awaits `operation()`, or `operation(retry_attempt const&)`, until it succeeds or the policy ends it; returns what
/// the last attempt returned, or throws what that threw, unchanged.
///
/// Tried again are errors that is_retryable() names: of a save, the operation must hand over the *same* event each
/// time; and a save_outcome or version_conflict_error that is a conflict, if the policy says so. circuit_open is not
/// tried again before the breaker lets a trial through.
///
/// The operation has a name and lives until the awaitable ends, or is a temporary that owns nothing, as a lambda is
/// that captures by reference. Cancelling (terminal) ends an attempt or a pause with operation_aborted, and is never
/// tried again. It runs on the caller's executor.
template <class Operation>
awaitable<detail::operation_result<Operation, retry_attempt>> retry(retry_policy policy, Operation&& operation) {
  return detail::retry_or_throw<detail::operation_result<Operation, retry_attempt>>(
      std::move(policy), detail::keep(std::forward<Operation>(operation)), detail::usual_classifier());
}

/// The same for outcomes of any type: `failed(outcome)` returns true when it is to be tried again, or, as a
/// std::optional<version_conflict>, the conflict that it is. It is kept as the operation is.
template <class Operation, class Classifier>
awaitable<detail::operation_result<Operation, retry_attempt>> retry(retry_policy policy, Operation&& operation,
                                                                    Classifier&& failed) {
  return detail::retry_or_throw<detail::operation_result<Operation, retry_attempt>>(
      std::move(policy), detail::keep(std::forward<Operation>(operation)),
      detail::keep(std::forward<Classifier>(failed)));
}

/// The same, and tells how it ended. Throws operation_aborted alone, and what the decider or the classifier throws.
template <class Operation>
awaitable<retry_result<detail::operation_result<Operation, retry_attempt>>> try_retry(retry_policy policy,
                                                                                      Operation&& operation) {
  return detail::run_retry<detail::operation_result<Operation, retry_attempt>>(
      std::move(policy), detail::keep(std::forward<Operation>(operation)), detail::usual_classifier());
}
template <class Operation, class Classifier>
awaitable<retry_result<detail::operation_result<Operation, retry_attempt>>>
try_retry(retry_policy policy, Operation&& operation, Classifier&& failed) {
  return detail::run_retry<detail::operation_result<Operation, retry_attempt>>(
      std::move(policy), detail::keep(std::forward<Operation>(operation)),
      detail::keep(std::forward<Classifier>(failed)));
}

} // namespace aether
