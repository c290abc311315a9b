// A bounded list in order of age, with an index by the event's identity.
#include "nats/remembered_saves.hpp"

namespace aether::nats::detail {

remembered_saves::key remembered_saves::key_of(std::string_view actor_id, std::int64_t version,
                                               std::string_view event_id) {
  std::string text;
  text.reserve(actor_id.size() + event_id.size() + 24);
  text.append(actor_id).append(1, '\0').append(event_id).append(1, '\0').append(std::to_string(version));
  return aether::detail::hash_of(text);
}

std::optional<unknown_save> remembered_saves::remember(remembered_save save) {
  std::lock_guard lock(mutex_);
  auto const k = key_of(save.save.actor_id, save.save.version, save.save.event_id);
  if (auto found = by_key_.find(k); found != by_key_.end())
    drop(found);
  by_key_.emplace(k, saves_.insert(saves_.end(), std::move(save)));
  std::optional<unknown_save> dropped;
  if (saves_.size() > most_) {
    dropped = std::move(saves_.front().save);
    drop(by_key_.find(key_of(dropped->actor_id, dropped->version, dropped->event_id)));
    forgetful_.store(true, std::memory_order_release);
  }
  size_.store(saves_.size(), std::memory_order_release);
  return dropped;
}

bool remembered_saves::forget(std::string_view actor_id, std::int64_t version, std::string_view event_id) {
  return take_out(actor_id, version, event_id, [](remembered_save const&) { return true; });
}

bool remembered_saves::ended(std::string_view actor_id, std::int64_t version, std::string_view event_id) {
  return take_out(actor_id, version, event_id, [](remembered_save const& s) { return s.under_way; });
}

bool remembered_saves::take_out(std::string_view actor_id, std::int64_t version, std::string_view event_id,
                                bool (*wanted)(remembered_save const&)) {
  if (empty())
    return false;
  std::lock_guard lock(mutex_);
  auto const found = by_key_.find(key_of(actor_id, version, event_id));
  if (found == by_key_.end() || !wanted(*found->second))
    return false;
  drop(found);
  size_.store(saves_.size(), std::memory_order_release);
  return true;
}

void remembered_saves::note_under_way(unknown_save save) {
  std::lock_guard lock(mutex_);
  auto const k = key_of(save.actor_id, save.version, save.event_id);
  if (by_key_.contains(k))
    return;
  remembered_save note;
  note.save = std::move(save);
  note.since = std::chrono::steady_clock::now();
  note.under_way = true;
  by_key_.emplace(k, saves_.insert(saves_.end(), std::move(note)));
  size_.store(saves_.size(), std::memory_order_release);
}

bool remembered_saves::is_open(std::string_view actor_id, std::int64_t version, std::string_view event_id) {
  if (empty())
    return false;
  std::lock_guard lock(mutex_);
  return find_with_lock(actor_id, version, event_id) != nullptr;
}

std::optional<remembered_save> remembered_saves::find(std::string_view actor_id, std::int64_t version,
                                                      std::string_view event_id) {
  if (empty())
    return {};
  std::lock_guard lock(mutex_);
  auto const* found = find_with_lock(actor_id, version, event_id);
  if (!found || found->under_way)
    return {};
  return *found;
}

remembered_save const* remembered_saves::find_with_lock(std::string_view actor_id, std::int64_t version,
                                                        std::string_view event_id) {
  auto found = by_key_.find(key_of(actor_id, version, event_id));
  if (found == by_key_.end())
    return nullptr;
  if (max_age_.count() > 0 && std::chrono::steady_clock::now() - found->second->since > max_age_) {
    drop(found); // what it was stored as has expired too
    size_.store(saves_.size(), std::memory_order_release);
    return nullptr;
  }
  return &*found->second;
}

std::vector<unknown_save> remembered_saves::all() const {
  std::lock_guard lock(mutex_);
  std::vector<unknown_save> out;
  for (auto const& s : saves_)
    out.push_back(s.save);
  return out;
}

void remembered_saves::drop(
    std::unordered_map<key, std::list<remembered_save>::iterator, aether::detail::hash128_hasher>::iterator at) {
  saves_.erase(at->second);
  by_key_.erase(at);
}

} // namespace aether::nats::detail
