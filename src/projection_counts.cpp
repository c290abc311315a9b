// What a projection's progress() tells.
#include "projection_run.hpp"

#include <utility>

namespace aether::detail {

void projection_counts::begin(time now) {
  std::lock_guard lock(mutex_);
  auto const state = told_.state;
  told_ = projection_progress();
  told_.state = state;
  behind_.reset();
  rate_ = rate_meter(now);
}

void projection_counts::set_state(projection_state s) {
  std::lock_guard lock(mutex_);
  told_.state = s;
}

void projection_counts::set_caught_up() {
  std::lock_guard lock(mutex_);
  told_.caught_up = true;
}

void projection_counts::on_handled(aether::position behind, std::uint64_t left, time now) {
  std::lock_guard lock(mutex_);
  ++told_.events_handled;
  told_.events_behind = left;
  behind_ = std::move(behind);
  rate_.add(now);
}

void projection_counts::on_skipped(aether::position behind, std::uint64_t left) {
  std::lock_guard lock(mutex_);
  ++told_.events_skipped;
  told_.events_behind = left;
  behind_ = std::move(behind);
}

void projection_counts::on_malformed(aether::position behind, std::uint64_t left) {
  std::lock_guard lock(mutex_);
  ++told_.malformed_messages;
  told_.events_behind = left;
  behind_ = std::move(behind);
}

void projection_counts::on_moved(std::optional<aether::position> behind, std::uint64_t left) {
  std::lock_guard lock(mutex_);
  told_.events_behind = left;
  behind_ = std::move(behind);
}

void projection_counts::on_checkpoint() {
  std::lock_guard lock(mutex_);
  ++told_.checkpoints;
}

std::optional<aether::position> projection_counts::behind() const {
  std::lock_guard lock(mutex_);
  return behind_;
}

projection_progress projection_counts::read(time now) const {
  std::lock_guard lock(mutex_);
  auto out = told_;
  out.events_per_second = rate_.per_second(now);
  if (behind_)
    out.position = *behind_;
  return out;
}

} // namespace aether::detail
