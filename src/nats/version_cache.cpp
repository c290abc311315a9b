// A hash set of entries, and a hand that goes round over them.
#include "nats/version_cache.hpp"

#include "nats/save_operation.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace aether::nats::detail {

namespace {

// That a single settle() looks at: when all were used, the cache is larger than it may be for a moment, by few.
constexpr std::size_t looks_at_most = 1024;

} // namespace

version_cache::~version_cache() {
  for (auto* entry : order_)
    destroy(entry);
}

actor_entry* version_cache::find(hashed_id const& actor_id) {
  auto const found = entries_.find(actor_id);
  if (found == entries_.end())
    return nullptr;
  (*found)->used = true;
  return *found;
}

actor_entry& version_cache::at(hashed_id const& actor_id) {
  if (auto* entry = find(actor_id))
    return *entry;
  auto const bytes_of_id = actor_id.text.size(); // at most 255
  order_.reserve(order_.size() + 1 > order_.capacity() ? 2 * order_.size() + 16 : 0);
  auto* made = new (memory_.allocate(block_of(bytes_of_id))) actor_entry();
  std::copy(actor_id.text.begin(), actor_id.text.end(), reinterpret_cast<char*>(made + 1));
  made->hash = actor_id.hash;
  made->id_bytes = static_cast<std::uint16_t>(bytes_of_id);
  made->place = static_cast<std::uint32_t>(order_.size());
  try {
    entries_.insert(made);
  } catch (...) {
    destroy(made);
    throw;
  }
  order_.push_back(made);
  set_bytes(bytes() + size_of(bytes_of_id));
  return *made;
}

void version_cache::settle(actor_entry& entry) noexcept {
  if (entry.idle() && !entry.known)
    drop(entry);
  if (bytes() > max_bytes_)
    make_room();
}

void version_cache::make_room() noexcept {
  for (auto looks = std::min(2 * order_.size(), looks_at_most); looks > 0 && bytes() > max_bytes_; --looks, ++hand_) {
    if (hand_ >= order_.size())
      hand_ = 0;
    auto& candidate = *order_[hand_];
    if (candidate.idle() && !std::exchange(candidate.used, false))
      drop(candidate); // the newest takes its place, and the hand goes on: it comes to it last
    if (order_.empty())
      return;
  }
}

std::size_t version_cache::block_of(std::size_t id_bytes) noexcept {
  return std::max(sizeof(actor_entry) + id_bytes, pooled_bytes);
}

std::size_t version_cache::size_of(std::size_t id_bytes) noexcept {
  // The block and what an allocator adds, a place in the order, and a slot of the set, both of which may be half empty.
  return block_of(id_bytes) + (id_bytes > pooled_bytes - sizeof(actor_entry) ? 16 : 0) + 4 * sizeof(void*);
}

void version_cache::destroy(actor_entry* entry) noexcept {
  auto const bytes = block_of(entry->id_bytes);
  entry->~actor_entry();
  memory_.deallocate(entry, bytes);
}

void version_cache::drop(actor_entry& entry) noexcept {
  set_bytes(bytes() - size_of(entry.id_bytes));
  entries_.erase(&entry);
  auto* last = order_.back();
  order_[entry.place] = last;
  last->place = entry.place;
  order_.pop_back();
  destroy(&entry);
}

} // namespace aether::nats::detail
