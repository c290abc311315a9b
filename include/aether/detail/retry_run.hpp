// What templates force out of the library of a retry: the loop around the operation. Included by retry.hpp only.
#pragma once

#include <aether/detail/operation.hpp>
#include <aether/retry.hpp>

#include <type_traits>
#include <variant>

namespace aether {

struct saved;
using save_outcome = std::variant<version_conflict, saved>;

namespace detail {

struct attempt_failure;

/// Judges the attempts of one retry.
class retry_run {
public:
  explicit retry_run(retry_policy policy);
  retry_run(retry_run const&) = delete;
  retry_run& operator=(retry_run const&) = delete;
  ~retry_run();

  retry_attempt const& begin_attempt();

  // Each says whether it is tried again, after pause().
  bool on_exception(std::exception_ptr const& thrown);
  bool on_outcome(std::optional<version_conflict> conflict);
  bool on_outcome(bool failed);

  awaitable<void> pause() const; ///< throws operation_aborted when cancelled
  template <class R> void tell(retry_result<R>& result) const {
    result.ended = ended_;
    result.attempts = attempts();
    result.elapsed = elapsed_;
  }

private:
  int attempts() const noexcept;
  bool conclude(attempt_failure failure);

  struct state;
  std::unique_ptr<state> state_;
  retry_end ended_ = retry_end::not_retryable;
  std::chrono::nanoseconds elapsed_{};
};

/// Throws operation_aborted when the calling coroutine was cancelled.
awaitable<void> throw_if_cancelled_here();

/// A conflict is a failure, whatever else is returned a success.
struct usual_classifier {
  template <class R> auto operator()(R const& outcome) const {
    if constexpr (std::is_same_v<R, save_outcome>) {
      auto const* conflict = std::get_if<version_conflict>(&outcome);
      return conflict ? std::optional(*conflict) : std::nullopt;
    } else {
      return false;
    }
  }
};

template <class R, class Operation, class Classifier>
awaitable<retry_result<R>> run_retry(retry_policy policy, Operation operation, Classifier failed) {
  retry_run run(std::move(policy));
  retry_result<R> result;
  for (bool again = true; again;) {
    result.error = nullptr;
    if constexpr (!std::is_void_v<R>)
      result.value.reset();
    auto const& attempt = run.begin_attempt();
    try {
      if constexpr (std::is_void_v<R>) {
        co_await call_with(callable_in(operation), attempt);
      } else {
        R value = co_await call_with(callable_in(operation), attempt);
        result.value.emplace(std::move(value));
      }
    } catch (...) {
      result.error = std::current_exception();
    }
    if (result.error) {
      co_await throw_if_cancelled_here();
      again = run.on_exception(result.error);
    } else if constexpr (std::is_void_v<R>) {
      again = run.on_outcome(false);
    } else {
      again = run.on_outcome(callable_in(failed)(std::as_const(*result.value)));
    }
    if (again)
      co_await run.pause();
  }
  run.tell(result);
  co_return result;
}

template <class R, class Operation, class Classifier>
awaitable<R> retry_or_throw(retry_policy policy, Operation operation, Classifier failed) {
  retry_result<R> result = co_await run_retry<R>(std::move(policy), std::move(operation), std::move(failed));
  if (result.error)
    std::rethrow_exception(result.error);
  if constexpr (!std::is_void_v<R>)
    co_return std::move(*result.value);
}

} // namespace detail
} // namespace aether
