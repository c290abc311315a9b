// A hash map whose idle entries form a least-recently-used list.
#include "nats/version_cache.hpp"

namespace aether::nats::detail {

actor_entry* version_cache::find(hashed_id const& actor_id) {
  auto found = entries_.find(actor_id);
  if (found == entries_.end())
    return nullptr;
  auto& entry = found->second;
  if (entry.idle() && newest_ != &entry) {
    unlink(entry);
    link(entry);
  }
  return &entry;
}

actor_entry& version_cache::at(hashed_id const& actor_id) {
  if (auto* entry = find(actor_id))
    return *entry;
  auto [place, made] = entries_.try_emplace(std::string(actor_id.text));
  place->second.actor_id = place->first;
  set_bytes(bytes() + size_of(actor_id.text));
  link(place->second);
  return place->second;
}

void version_cache::settle(actor_entry& entry) noexcept {
  unlink(entry);
  link(entry);
  if (entry.idle() && !entry.known)
    drop(entry);
  for (auto* candidate = oldest_; candidate && bytes() > max_bytes_;) {
    auto* next = candidate->newer;
    if (candidate->idle())
      drop(*candidate);
    candidate = next;
  }
}

std::size_t version_cache::size_of(std::string_view actor_id) noexcept {
  // The node with its key and hash, a bucket, what the allocator adds, and the id when it is not in the key itself.
  constexpr auto node = sizeof(map_type::value_type) + 5 * sizeof(void*);
  return node + (actor_id.size() > 15 ? actor_id.size() + 17 : 0);
}

void version_cache::link(actor_entry& entry) noexcept {
  entry.older = newest_;
  entry.newer = nullptr;
  if (newest_)
    newest_->newer = &entry;
  newest_ = &entry;
  if (!oldest_)
    oldest_ = &entry;
}

void version_cache::unlink(actor_entry& entry) noexcept {
  if (newest_ == &entry)
    newest_ = entry.older;
  if (oldest_ == &entry)
    oldest_ = entry.newer;
  if (entry.newer)
    entry.newer->older = entry.older;
  if (entry.older)
    entry.older->newer = entry.newer;
  entry.newer = entry.older = nullptr;
}

void version_cache::drop(actor_entry& entry) noexcept {
  set_bytes(bytes() - size_of(entry.actor_id));
  unlink(entry);
  entries_.erase(entries_.find(hashed_id(entry.actor_id)));
}

} // namespace aether::nats::detail
