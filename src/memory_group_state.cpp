// Who of a group's events is in flight, and when each comes again.
#include "memory_group_state.hpp"

namespace aether::detail {

std::optional<memory_delivery> memory_group_state::next(time now) {
  std::optional<memory_delivery> out;
  if (!by_due_.empty() && by_due_.begin()->first <= now) {
    auto const key = by_due_.begin()->second;
    auto& e = in_flight_.at(key);
    ++e.attempt;
    set_due(key, e, now + ack_timeout_);
    out = memory_delivery{key, e.attempt};
  }
  return out;
}

memory_delivery memory_group_state::begin(group_key key, time now) {
  auto& e = in_flight_[key];
  e.attempt = 1;
  set_due(key, e, now + ack_timeout_);
  return memory_delivery{key, 1};
}

void memory_group_state::set_due(group_key key, entry& e, time due) {
  by_due_.erase({e.due, key});
  e.due = due;
  by_due_.emplace(due, key);
}

bool memory_group_state::acknowledge(group_key key) {
  auto const found = in_flight_.find(key);
  if (found == in_flight_.end())
    return false;
  by_due_.erase({found->second.due, key});
  in_flight_.erase(found);
  return true;
}

void memory_group_state::retry_at(group_key key, time due) {
  if (auto const found = in_flight_.find(key); found != in_flight_.end())
    set_due(key, found->second, due);
}

void memory_group_state::extend(group_key key, time now) { retry_at(key, now + ack_timeout_); }

std::optional<memory_group_state::time> memory_group_state::due() const {
  std::optional<time> first;
  if (!by_due_.empty())
    first = by_due_.begin()->first;
  return first;
}

std::vector<group_key> memory_group_state::all() const {
  std::vector<group_key> keys;
  for (auto const& [key, e] : in_flight_)
    keys.push_back(key);
  return keys;
}

} // namespace aether::detail
