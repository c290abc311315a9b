// Closed counts failures, open waits, half-open counts trials.
#include "circuit_machine.hpp"

#include <algorithm>

namespace aether::detail {

void failure_window::add(bool failed) noexcept {
  if (ends_.empty())
    return;
  if (is_full())
    failures_ -= ends_[next_] ? 1 : 0;
  else
    ++filled_;
  ends_[next_] = failed;
  failures_ += failed ? 1 : 0;
  next_ = (next_ + 1) % ends_.size();
}

void failure_window::clear() noexcept { next_ = filled_ = failures_ = 0; }

circuit_machine::circuit_machine(circuit_rules rules)
    : rules_(rules), window_(rules.failure_rate > 0 ? static_cast<std::size_t>(rules.window) : 0) {}

circuit_machine::time circuit_machine::time_left(time now) const noexcept {
  if (state_ != circuit_state::open)
    return time::zero();
  return std::max(time::zero(), rules_.open_for - (now - opened_)); // neither part can overflow: now is not before
}

void circuit_machine::change(circuit_state to) {
  state_ = to;
  ++round_;
  in_a_row_ = 0;
  under_way_ = 0;
  window_.clear();
}

void circuit_machine::open(time now) {
  change(circuit_state::open);
  opened_ = now;
}

circuit_machine::answer circuit_machine::begin(time now) {
  if (is_due(now))
    change(circuit_state::half_open);
  answer a;
  a.round = round_;
  switch (state_) {
  case circuit_state::closed:
    a.passes = true;
    break;
  case circuit_state::open:
    a.time_left = time_left(now);
    break;
  case circuit_state::half_open:
    a.passes = under_way_ < rules_.trials;
    under_way_ += a.passes ? 1 : 0;
    break;
  }
  return a;
}

bool circuit_machine::is_too_much() const noexcept {
  if (in_a_row_ >= rules_.failure_threshold)
    return true;
  if (rules_.failure_rate <= 0 || !window_.is_full())
    return false;
  return static_cast<double>(window_.failures()) >= rules_.failure_rate * rules_.window;
}

void circuit_machine::end(std::uint64_t round, circuit_verdict verdict, time now) {
  if (round != round_)
    return;
  if (state_ == circuit_state::half_open)
    --under_way_;
  if (verdict == circuit_verdict::no_evidence)
    return;
  bool const failed = verdict == circuit_verdict::failure;
  if (state_ == circuit_state::half_open) {
    if (failed)
      open(now);
    else if (++in_a_row_ >= rules_.successes_to_close)
      change(circuit_state::closed);
    return;
  }
  in_a_row_ = failed ? in_a_row_ + 1 : 0;
  window_.add(failed);
  if (is_too_much())
    open(now);
}

} // namespace aether::detail
