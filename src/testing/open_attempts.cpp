// Implementation of the remembered attempts.
#include "testing/open_attempts.hpp"

#include <algorithm>

namespace aether::testing::detail {

bool stands(save_request const& request, std::int64_t current) noexcept {
  return request.first_version() > current && request.options.expected_version.value_or(current) == current;
}

void open_attempts::hand_over(save_request const& request, std::int64_t base) {
  attempt const a{base, request.options.expected_version};
  for (event const& e : request.events) {
    entry& known = entries_[key_of(e)];
    ++known.under_way;
    if (std::find(known.attempts.begin(), known.attempts.end(), a) == known.attempts.end())
      known.attempts.push_back(a);
  }
}

void open_attempts::end(save_request const& request, bool unanswered) {
  for (event const& e : request.events) {
    auto const found = entries_.find(key_of(e));
    if (found == entries_.end())
      continue;
    entry& known = found->second;
    --known.under_way;
    known.unanswered = known.unanswered || unanswered;
    if (known.under_way == 0 && !known.unanswered)
      entries_.erase(found);
  }
}

void open_attempts::lost(save_request const& request) { end(request, true); }

void open_attempts::answered(save_request const& request) { end(request, false); }

void open_attempts::was_stored(save_request const& request, saved const& as) {
  for (event const& e : request.events)
    if (auto const found = entries_.find(key_of(e)); found != entries_.end()) {
      found->second.stored = as;
      found->second.stored_from = request.first_version();
    }
}

std::optional<saved> open_attempts::known(save_request const& request) const {
  std::optional<saved> out;
  for (event const& e : request.events) {
    entry const* known = find(e);
    if (known == nullptr || !known->stored || known->stored->version != request.events.back().version ||
        known->stored_from != request.first_version())
      return std::nullopt;
    out = known->stored;
  }
  out->already_saved = true;
  return out;
}

open_attempts::entry const* open_attempts::find(event const& e) const {
  auto const found = entries_.find(key_of(e));
  return found == entries_.end() ? nullptr : &found->second;
}

bool open_attempts::is_open(save_request const& request) const {
  return std::any_of(request.events.begin(), request.events.end(), [this](event const& e) { return find(e); });
}

// Nobody else's event came after `current`, so an attempt at it may still be stored, unless the store behind refused
// this call for what would refuse the attempt too.
bool open_attempts::may_be_stored_at(save_request const& request, std::int64_t current) const {
  attempt const refused{current, request.options.expected_version};
  return std::any_of(request.events.begin(), request.events.end(), [&](event const& e) {
    entry const* known = find(e);
    return known != nullptr && std::any_of(known->attempts.begin(), known->attempts.end(),
                                           [&](attempt const& a) { return a.base == current && a != refused; });
  });
}

told open_attempts::tell(save_request const& request, save_outcome const& answer) {
  if (auto const* conflict = std::get_if<version_conflict>(&answer);
      conflict != nullptr && conflict->current_version < request.first_version() &&
      may_be_stored_at(request, conflict->current_version))
    return told::unknown;
  close(request);
  return told::as_answered;
}

told open_attempts::tell_error(save_request const& request) const {
  return is_open(request) ? told::unknown : told::as_answered;
}

void open_attempts::close(save_request const& request) {
  for (event const& e : request.events) {
    auto const found = entries_.find(key_of(e));
    if (found == entries_.end())
      continue;
    found->second.unanswered = false;
    if (found->second.under_way == 0)
      entries_.erase(found);
  }
}

std::vector<unknown_save> open_attempts::all() const {
  std::vector<unknown_save> out;
  for (auto const& [k, known] : entries_) {
    unknown_save u;
    std::tie(u.actor_id, u.version, u.event_id) = k;
    out.push_back(std::move(u));
  }
  return out;
}

} // namespace aether::testing::detail
