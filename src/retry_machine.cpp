// The order of decisions: what failed, what the decider says, and then the limits, which nobody overrules.
#include "retry_machine.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {

namespace {

using std::chrono::nanoseconds;

/// From the attempted version to the current one, and 1; never below 1.
std::uint64_t divisor(version_conflict const& c) noexcept {
  if (c.current_version <= c.attempted_version)
    return 1;
  return static_cast<std::uint64_t>(c.current_version) - static_cast<std::uint64_t>(c.attempted_version) + 1;
}

nanoseconds divided(nanoseconds pause, std::uint64_t by) noexcept {
  return nanoseconds(static_cast<nanoseconds::rep>(static_cast<std::uint64_t>(pause.count()) / by));
}

} // namespace

retry_attempt const& retry_machine::begin_attempt(nanoseconds elapsed) {
  ++attempt_.number;
  auto const most = options_->max_elapsed;
  attempt_.time_left = std::max(nanoseconds(1), most == nanoseconds::max() ? most : most - elapsed);
  return attempt_;
}

void retry_machine::count_conflict(version_conflict const& conflict) {
  if (conflicts_at_version_ == 0 || conflict.attempted_version != conflict_version_) {
    conflicts_at_version_ = 0;
    conflict_version_ = conflict.attempted_version;
  }
  ++conflicts_at_version_;
}

std::optional<retry_end> retry_machine::usual_end(attempt_failure const& failure) const {
  if (failure.code == errc::version_conflict) {
    if (!options_->retry_conflicts)
      return retry_end::not_retryable;
    if (failure.conflict && conflicts_at_version_ >= options_->thrashing_after)
      return retry_end::thrashing;
    return std::nullopt;
  }
  if (failure.code && !is_retryable(failure.code))
    return retry_end::not_retryable;
  return std::nullopt;
}

nanoseconds retry_machine::usual_pause(attempt_failure const& failure, double random) const {
  auto pause = options_->pauses.delay(attempt_.number, random);
  if (options_->adaptive && failure.conflict)
    pause = divided(pause, divisor(*failure.conflict));
  return std::max(pause, failure.not_before);
}

retry_verdict retry_machine::on_failure(attempt_failure failure, nanoseconds elapsed, double random) {
  if (failure.conflict)
    count_conflict(*failure.conflict);
  retry_verdict verdict;
  verdict.end = usual_end(failure);
  verdict.pause = usual_pause(failure, random);

  failed_attempt told;
  told.number = attempt_.number;
  told.code = failure.code;
  told.conflict = std::move(failure.conflict);
  told.conflicts_at_version = told.conflict ? conflicts_at_version_ : 0;
  told.elapsed = elapsed;
  told.retryable = !verdict.end;
  told.delay = verdict.pause;

  bool const is_last = attempt_.number >= options_->max_attempts;
  if (options_->decide && !is_last) {
    auto const decision = options_->decide(told);
    if (decision.what() == retry_decision::kind::stop) {
      verdict.end = retry_end::decider_stopped;
    } else if (decision.what() == retry_decision::kind::after) {
      verdict.end = std::nullopt;
      verdict.pause = std::max(nanoseconds::zero(), decision.delay());
    }
  }
  if (!verdict.end && is_last)
    verdict.end = retry_end::out_of_attempts;
  auto const most = options_->max_elapsed;
  if (!verdict.end && (elapsed >= most || verdict.pause > most - elapsed))
    verdict.end = retry_end::out_of_time;
  attempt_.last = std::move(told);
  return verdict;
}

} // namespace aether::detail
