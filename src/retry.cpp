// Policies, and what runs a retry around its machine.
#include <aether/retry.hpp>

#include "detail/random.hpp"
#include "retry_machine.hpp"

#include <aether/circuit_breaker.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <string>

namespace aether {

namespace {

using std::chrono::nanoseconds;

retry_options settled(retry_options options) {
  options.validate();
  if (options.max_attempts == 0)
    options.max_attempts = 10;
  if (options.max_elapsed == nanoseconds::zero())
    options.max_elapsed = std::chrono::seconds(30);
  if (options.thrashing_after == 0)
    options.thrashing_after = 3;
  if (!options.time)
    options.time = machine_time();
  if (!options.random)
    options.random = &detail::random_of_this_thread;
  return options;
}

awaitable<void> sleep_for(std::shared_ptr<time_source const> time, nanoseconds pause) {
  co_await detail::throw_if_cancelled_here();
  co_await time->sleep_for(pause);
}

} // namespace

void retry_options::validate() const {
  auto const refuse = [](char const* what) {
    throw error(errc::invalid_argument, std::string("retry_options::") + what);
  };
  if (max_attempts < 0)
    refuse("max_attempts is negative");
  if (max_elapsed < nanoseconds::zero())
    refuse("max_elapsed is negative");
  if (thrashing_after < 0)
    refuse("thrashing_after is negative");
  pauses.validate();
}

retry_policy::retry_policy() {
  static auto const standard = std::make_shared<retry_options const>(settled(retry_options()));
  options_ = standard;
}

retry_policy::retry_policy(retry_options options)
    : options_(std::make_shared<retry_options const>(settled(std::move(options)))) {}

retry_options no_retry() {
  retry_options options;
  options.max_attempts = 1;
  return options;
}

retry_options exponential_backoff() {
  retry_options options;
  options.pauses.jitter = backoff_jitter::none;
  return options;
}

retry_options jittered_backoff() { return retry_options(); }

retry_options adaptive_backoff() {
  retry_options options;
  options.retry_conflicts = true;
  options.adaptive = true;
  return options;
}

namespace detail {

struct retry_run::state {
  explicit state(retry_policy p)
      : policy(std::move(p)), began(policy.options().time->elapsed()), machine(policy.options()) {}

  nanoseconds elapsed() const { return policy.options().time->elapsed() - began; }

  retry_policy const policy;
  nanoseconds const began;
  retry_machine machine;
  nanoseconds pause{};
};

retry_run::retry_run(retry_policy policy) : state_(std::make_unique<state>(std::move(policy))) {}
retry_run::~retry_run() = default;

int retry_run::attempts() const noexcept { return state_->machine.attempts(); }

retry_attempt const& retry_run::begin_attempt() { return state_->machine.begin_attempt(state_->elapsed()); }

bool retry_run::conclude(attempt_failure failure) {
  elapsed_ = state_->elapsed();
  double const random = state_->policy.options().random();
  auto const verdict = state_->machine.on_failure(std::move(failure), elapsed_, random);
  state_->pause = verdict.pause;
  if (verdict.end)
    ended_ = *verdict.end;
  return !verdict.end;
}

bool retry_run::on_exception(std::exception_ptr const& thrown) {
  attempt_failure failure;
  try {
    std::rethrow_exception(thrown);
  } catch (version_conflict_error const& e) {
    failure.code = e.code();
    failure.conflict = e.conflict();
  } catch (circuit_open_error const& e) {
    failure.code = e.code();
    failure.not_before = e.time_left();
  } catch (boost::system::system_error const& e) {
    failure.code = e.code();
  } catch (...) {
    failure.code = boost::system::errc::make_error_code(boost::system::errc::state_not_recoverable);
  }
  return conclude(std::move(failure));
}

bool retry_run::on_outcome(std::optional<version_conflict> conflict) {
  if (!conflict)
    return on_outcome(false);
  attempt_failure failure;
  failure.code = errc::version_conflict;
  failure.conflict = std::move(conflict);
  return conclude(std::move(failure));
}

bool retry_run::on_outcome(bool failed) {
  if (failed)
    return conclude(attempt_failure());
  elapsed_ = state_->elapsed();
  ended_ = retry_end::succeeded;
  return false;
}

awaitable<void> retry_run::pause() const { return sleep_for(state_->policy.options().time, state_->pause); }

awaitable<void> throw_if_cancelled_here() {
  namespace asio = boost::asio;
  auto const state = co_await asio::this_coro::cancellation_state;
  if ((state.cancelled() & asio::cancellation_type::terminal) != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace detail
} // namespace aether
