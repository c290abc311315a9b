// What a group's members in one process hold and have in work, decided on values.
#include "group_queue.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {

group_verdict judge(group_delivery const& d, group_options const& options, dead_letter_note& note) {
  if (!d.of_filter)
    return group_verdict::pass_over;
  if (!d.malformed.empty()) {
    note = dead_letter_note(dead_letter_cause::malformed, d.malformed, 0);
    return group_verdict::give_up;
  }
  auto const& types = options.filter.event_types;
  if (!types.empty() && std::find(types.begin(), types.end(), d.recorded.event.event_type) == types.end())
    return group_verdict::pass_over;
  if (d.attempt <= options.max_attempts)
    return group_verdict::hand_out;
  note = dead_letter_note(dead_letter_cause::max_attempts,
                          "not acknowledged in " + std::to_string(options.max_attempts) + " attempts",
                          options.max_attempts);
  return group_verdict::give_up;
}

void group_queue::push(group_delivery d, time now) {
  auto const same = std::find_if(held_.begin(), held_.end(), [&](held const& h) {
    return h.delivery.retried == d.retried && h.delivery.recorded.sequence == d.recorded.sequence;
  });
  bytes_ += d.bytes;
  if (same != held_.end()) {
    bytes_ -= same->delivery.bytes;
    same->delivery = std::move(d);
    same->alive = now;
    return;
  }
  held_.push_back(held{std::move(d), now});
}

// Of one actor the first that is held is met first.
bool group_queue::is_free(held const& h) const {
  return !ordered_ || !in_work_.contains(h.delivery.recorded.event.actor_id);
}

std::optional<group_delivery> group_queue::take(time now) {
  std::erase_if(held_, [&](held const& h) {
    auto const over = is_over(h, now);
    bytes_ -= over ? h.delivery.bytes : 0;
    return over;
  });
  std::optional<group_delivery> out;
  auto const first = std::find_if(held_.begin(), held_.end(), [&](held const& h) { return is_free(h); });
  if (first == held_.end())
    return out;
  bytes_ -= first->delivery.bytes;
  out = std::move(first->delivery);
  held_.erase(first);
  if (ordered_)
    in_work_.insert(out->recorded.event.actor_id);
  return out;
}

bool group_queue::has(time now) const {
  return std::any_of(held_.begin(), held_.end(), [&](held const& h) { return !is_over(h, now) && is_free(h); });
}

void group_queue::end_work(std::string const& actor_id) {
  if (auto const found = in_work_.find(actor_id); found != in_work_.end())
    in_work_.erase(found);
}

void group_queue::forget(bool retried, std::uint64_t sequence) {
  auto const same = std::find_if(held_.begin(), held_.end(), [&](held const& h) {
    return h.delivery.retried == retried && h.delivery.recorded.sequence == sequence;
  });
  if (same == held_.end())
    return;
  bytes_ -= same->delivery.bytes;
  held_.erase(same);
}

void group_queue::keep_alive(time now) {
  for (auto& h : held_)
    if (now - h.alive >= ack_timeout_ / 16 && !is_over(h, now)) {
      h.alive = now;
      if (h.delivery.ticket)
        h.delivery.ticket->keep();
    }
}

std::size_t group_queue::wanted(std::size_t waiting, std::size_t ahead, std::size_t bytes, time now) const {
  std::size_t free = 0;
  for (auto const& h : held_)
    free += !is_over(h, now) && is_free(h) ? 1 : 0;
  auto const held_back = held_.size() - free;
  if (held_back >= std::max(held_back_at_most, ahead) || (!held_.empty() && bytes_ >= bytes))
    return 0;
  auto const enough = waiting + ahead;
  return free >= enough ? 0 : enough - free;
}

std::vector<group_delivery> group_queue::drain() {
  std::vector<group_delivery> all;
  for (auto& h : held_)
    all.push_back(std::move(h.delivery));
  held_.clear();
  bytes_ = 0;
  return all;
}

} // namespace aether::detail
