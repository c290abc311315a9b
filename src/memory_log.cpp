// The embedded store's saves and reads.
#include "memory_log.hpp"

#include "detail/utf8.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {

std::vector<memory_log::entry>::const_iterator memory_log::actor::after(std::int64_t version) const noexcept {
  return std::upper_bound(events.begin(), events.end(), version,
                          [](std::int64_t wanted, entry const& e) { return wanted < e.version; });
}

stored_event const* memory_log::actor::find(std::int64_t version) const noexcept {
  auto const next = after(version);
  if (next == events.begin() || std::prev(next)->version != version)
    return nullptr;
  return std::prev(next)->stored.get();
}

bool memory_log::actor::holds_all(pending_event const* first, std::size_t count) const noexcept {
  return std::all_of(first, first + count, [this](pending_event const& e) {
    stored_event const* stored = find(e->value.version);
    return stored != nullptr && stored->value.id == e->value.id;
  });
}

memory_log::actor* memory_log::shard::find(hashed_id const& id) {
  auto const found = actors.find(id);
  return found == actors.end() ? nullptr : &found->second;
}

save_outcome memory_log::append(pending_event e, version_demand const& demand) { return append(&e, 1, demand); }

save_outcome memory_log::append(std::vector<pending_event> batch, version_demand const& demand) {
  return append(batch.data(), batch.size(), demand);
}

save_outcome memory_log::append(pending_event* first, std::size_t count, version_demand const& demand) {
  event const& head = first[0]->value;
  hashed_id const id = hashed(head.actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  check_open();

  actor* known = s.find(id);
  std::int64_t const current = known != nullptr ? known->version() : 0;
  if (head.version <= current && known->holds_all(first, count)) {
    stored_event const& last = *known->find(first[count - 1]->value.version);
    return saved{last.value.version, last.sequence, true};
  }
  if (decide_version(current, demand, head.version) == version_verdict::conflict)
    return version_conflict(head.actor_id, head.version, current);

  claim_ids(first, count);
  try {
    if (known == nullptr)
      known = &s.actors.try_emplace(head.actor_id).first->second;
    if (auto& events = known->events; events.capacity() - events.size() < count)
      events.reserve(std::max(events.size() + count, events.capacity() * 2));
  } catch (...) {
    release_ids(first, count);
    throw;
  }

  std::uint64_t sequence = last_sequence_.fetch_add(count, std::memory_order_acq_rel);
  for (pending_event* e = first; e != first + count; ++e) {
    (*e)->sequence = ++sequence;
    std::int64_t const version = (*e)->value.version;
    known->events.push_back(entry{version, std::move(*e)});
  }
  return saved{known->version(), sequence, false};
}

// What is stored was recognised before, so an id that is in the window belongs to another event.
void memory_log::claim_ids(pending_event const* first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    event const& e = first[i]->value;
    bool claimed = false;
    try {
      claimed = ids_.claim(e.id);
      if (!claimed)
        throw error(errc::duplicate_event_id, "id " + quoted(e.id) + " belongs to another event than version " +
                                                  std::to_string(e.version) + " of " + quoted(e.actor_id));
    } catch (...) {
      release_ids(first, i);
      throw;
    }
  }
}

void memory_log::release_ids(pending_event const* first, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    ids_.release(first[i]->value.id);
}

std::vector<stored_event const*> memory_log::read(std::string_view actor_id, std::int64_t after_version,
                                                  std::size_t limit) {
  std::vector<stored_event const*> events;
  hashed_id const id = hashed(actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  actor const* known = s.find(id);
  if (known == nullptr)
    return events;
  auto const first = known->after(after_version);
  auto const count = static_cast<std::size_t>(known->events.end() - first);
  if (count > limit)
    throw error(errc::history_too_long, "actor " + quoted(actor_id) + " has " + std::to_string(count) +
                                            " events after version " + std::to_string(after_version) +
                                            ", more than max_history_events (" + std::to_string(limit) + ")");
  events.reserve(count);
  std::transform(first, known->events.cend(), std::back_inserter(events),
                 [](entry const& e) { return e.stored.get(); });
  return events;
}

stored_event const* memory_log::find(std::string_view actor_id, std::int64_t version) {
  hashed_id const id = hashed(actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  actor const* known = s.find(id);
  return known == nullptr ? nullptr : known->find(version);
}

stored_event const* memory_log::latest(std::string_view actor_id) {
  hashed_id const id = hashed(actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  actor const* known = s.find(id);
  return known == nullptr || known->events.empty() ? nullptr : known->events.back().stored.get();
}

void memory_log::put_snapshot(std::shared_ptr<actor_snapshot const> snapshot) {
  hashed_id const id = hashed(snapshot->actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  check_open();
  actor& owner = s.actors.try_emplace(snapshot->actor_id).first->second;
  if (!owner.snapshot || owner.snapshot->version <= snapshot->version)
    owner.snapshot.swap(snapshot); // what it replaces is destroyed after the lock
}

std::shared_ptr<actor_snapshot const> memory_log::snapshot(std::string_view actor_id) {
  hashed_id const id = hashed(actor_id);
  shard& s = shard_of(id);
  std::lock_guard lock(s.mutex);
  actor const* known = s.find(id);
  return known == nullptr ? nullptr : known->snapshot;
}

void memory_log::close() {
  closed_.store(true, std::memory_order_release);
  for (shard& s : shards_)
    std::lock_guard wait_for_who_is_inside(s.mutex);
}

void memory_log::check_open() const {
  if (is_closed())
    throw error(errc::closed, "this memory store was closed");
}

} // namespace aether::detail
