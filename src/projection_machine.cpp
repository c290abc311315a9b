// What a projection decides: when to store a checkpoint, and what becomes of an event whose handler failed.
#include "projection_machine.hpp"

#include <algorithm>

namespace aether::detail {

namespace {

using duration = std::chrono::nanoseconds;

duration doubled(duration first, unsigned times, duration longest) noexcept {
  for (; times > 0 && first < longest; --times)
    first = first > longest / 2 ? longest : first * 2;
  return std::min(first, longest);
}

} // namespace

void projection_machine::on_passed(time now) noexcept {
  if (in_group_ == 0 && !checkpoint_failed_ && now > last_checkpoint_)
    last_checkpoint_ = now; // a group's time begins with its first event, not with the idle time before it
  ++in_group_;
  attempts_ = 0;
}

failure_verdict projection_machine::on_failure() noexcept {
  failure_verdict verdict;
  verdict.attempt = ++attempts_;
  if (attempts_ < rules_.max_attempts) {
    verdict.then = failed_event::retry;
    verdict.pause = doubled(rules_.first_pause, attempts_ - 1, rules_.longest_pause);
  } else {
    verdict.then = rules_.skips ? failed_event::skip : failed_event::stop;
    attempts_ = 0;
  }
  return verdict;
}

bool projection_machine::is_due(time now) const noexcept {
  if (in_group_ == 0)
    return false;
  // After a failure only time counts: events come faster than a server comes back.
  return (!checkpoint_failed_ && in_group_ >= rules_.checkpoint_events) || now >= next_checkpoint();
}

bool projection_machine::is_due_when_idle(time now, bool nothing_is_left) const noexcept {
  return (rules_.transactional && nothing_is_left && in_group_ > 0) || now >= next_checkpoint();
}

projection_machine::time projection_machine::wake_at() const noexcept { return next_checkpoint(); }

void projection_machine::on_checkpoint(time now) noexcept {
  last_checkpoint_ = now;
  wait_ = rules_.checkpoint_interval;
  checkpoint_failed_ = false;
  in_group_ = 0;
}

duration projection_machine::on_checkpoint_failed(time now) noexcept {
  last_checkpoint_ = now;
  wait_ = checkpoint_failed_ ? doubled(wait_, 1, std::max(rules_.longest_pause, rules_.checkpoint_interval))
                             : rules_.checkpoint_interval;
  checkpoint_failed_ = true;
  return wait_;
}

void projection_machine::on_rollback(time now) noexcept {
  attempts_ = 0;
  on_checkpoint(now);
}

} // namespace aether::detail
