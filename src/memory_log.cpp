// The embedded store's saves and reads.
#include "memory_log.hpp"

#include "detail/utf8.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

time_point time_of_now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

} // namespace

memory_log::memory_log() : stream_(std::make_shared<stream_identity const>("memory-" + make_uuid(), time_of_now())) {}

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

stored_event const* memory_log::actor::latest_at(std::uint64_t sequence) const noexcept {
  auto const next = std::upper_bound(events.begin(), events.end(), sequence,
                                     [](std::uint64_t at, entry const& e) { return at < e.stored->sequence; });
  return next == events.begin() ? nullptr : std::prev(next)->stored.get();
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

save_outcome memory_log::append(pending_event e, version_demand const& demand, prepared_announcements announcements) {
  return append(&e, 1, demand, std::move(announcements));
}

save_outcome memory_log::append(std::vector<pending_event> batch, version_demand const& demand,
                                prepared_announcements announcements) {
  return append(batch.data(), batch.size(), demand, std::move(announcements));
}

save_outcome memory_log::append(pending_event* first, std::size_t count, version_demand const& demand,
                                prepared_announcements announcements) {
  hashed_id const id = hashed(first[0]->value.actor_id);
  auto const now = time_of_now();
  shard& s = shard_of(id);
  std::vector<memory_waiter> woken;
  save_outcome outcome;
  {
    std::lock_guard lock(s.mutex);
    outcome = append_locked(s, id, first, count, demand, now, woken);
    if (auto const* stored = std::get_if<saved>(&outcome); stored != nullptr && !stored->already_saved)
      announcements.announce();
  }
  for (memory_waiter const& w : woken)
    w->complete(true);
  return outcome;
}

save_outcome memory_log::append_locked(shard& s, hashed_id const& id, pending_event* first, std::size_t count,
                                       version_demand const& demand, time_point now,
                                       std::vector<memory_waiter>& woken) {
  event const& head = first[0]->value;
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
  std::uint64_t sequence = 0;
  try {
    if (known == nullptr)
      known = &s.actors.try_emplace(head.actor_id).first->second;
    if (auto& events = known->events; events.capacity() - events.size() < count)
      events.reserve(std::max(events.size() + count, events.capacity() * 2));
    if (known->type == nullptr)
      known->type = &index_.of_type(actor_type(head.actor_id));
    sequence = index_.append(*known->type, first, count, known->events.empty(), now, woken);
  } catch (...) {
    release_ids(first, count);
    throw;
  }

  for (pending_event* e = first; e != first + count; ++e) {
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

memory_log::locked_actor memory_log::locked(std::string_view actor_id) {
  hashed_id const id = hashed(actor_id);
  shard& s = shard_of(id);
  std::unique_lock lock(s.mutex);
  auto const* known = s.find(id);
  return {std::move(lock), known};
}

std::vector<stored_event const*> memory_log::read(std::string_view actor_id, std::int64_t after_version,
                                                  std::size_t limit) {
  std::vector<stored_event const*> events;
  auto const [lock, known] = locked(actor_id);
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
  auto const [lock, known] = locked(actor_id);
  return known == nullptr ? nullptr : known->find(version);
}

stored_event const* memory_log::latest(std::string_view actor_id) {
  auto const [lock, known] = locked(actor_id);
  return known == nullptr || known->events.empty() ? nullptr : known->events.back().stored.get();
}

std::size_t memory_log::read_piece(std::string_view actor_id, version_range range, bool backwards,
                                   stored_event const** into, std::size_t most) {
  auto const [lock, known] = locked(actor_id);
  if (known == nullptr || range.above >= range.up_to)
    return 0;
  auto const first = known->after(range.above);
  auto const last = known->after(range.up_to);
  std::size_t const count = std::min(most, static_cast<std::size_t>(last - first));
  for (std::size_t i = 0; i < count; ++i) {
    auto const n = static_cast<std::ptrdiff_t>(i);
    into[i] = (backwards ? last - 1 - n : first + n)->stored.get();
  }
  return count;
}

std::uint64_t memory_log::count_above(std::string_view actor_id, std::int64_t version) {
  auto const [lock, known] = locked(actor_id);
  return known == nullptr ? 0 : static_cast<std::uint64_t>(known->events.end() - known->after(version));
}

stored_event const* memory_log::latest_at(std::string_view actor_id, std::uint64_t sequence) {
  auto const [lock, known] = locked(actor_id);
  return known == nullptr ? nullptr : known->latest_at(sequence);
}

std::vector<stored_event const*> memory_log::latest_of_shard(std::size_t part, std::vector<std::string> const& types,
                                                             std::uint64_t sequence) {
  std::vector<stored_event const*> events;
  auto& s = shards_[part];
  std::lock_guard lock(s.mutex);
  for (auto const& [id, known] : s.actors) {
    if (!types.empty() && std::find(types.begin(), types.end(), actor_type(id)) == types.end())
      continue;
    if (auto const* e = known.latest_at(sequence))
      events.push_back(e);
  }
  return events;
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
  auto const [lock, known] = locked(actor_id);
  return known == nullptr ? nullptr : known->snapshot;
}

void memory_log::close() {
  closed_.store(true, std::memory_order_release);
  for (shard& s : shards_)
    std::lock_guard wait_for_who_is_inside(s.mutex);
  index_.end();
}

void memory_log::check_open() const {
  if (is_closed())
    throw error(errc::closed, "this memory store was closed");
}

} // namespace aether::detail
