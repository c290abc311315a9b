// What a lane knows about its actors: the latest version of each, and who waits for its turn. Bounded in bytes.
#pragma once

#include "detail/deadline_queue.hpp"
#include "detail/hash.hpp"
#include "nats/save_machine.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aether::nats::detail {

class save_operation;

/// An actor's id with its hash, which a save computes once.
struct hashed_id {
  std::string_view text;
  std::size_t hash;

  hashed_id(std::string_view id) noexcept : text(id), hash(std::hash<std::string_view>{}(id)) {}
  hashed_id(std::string const& id) noexcept : hashed_id(std::string_view(id)) {}
  hashed_id(char const* id) noexcept : hashed_id(std::string_view(id)) {}
  hashed_id(std::string_view id, std::size_t its_hash) noexcept : text(id), hash(its_hash) {}

  friend bool operator==(std::string const& key, hashed_id const& id) noexcept { return key == id.text; }
};

/// One actor. Stays where it is in memory while saves wait for it or have it.
struct actor_entry {
  std::string_view actor_id; // of its key in the cache
  bool known = false;
  std::uint64_t last_sequence = 0;
  std::int64_t version = 0;
  std::uint64_t event_sequence = 0;
  aether::detail::hash128 event_id; // of the event of that version
  aether::detail::steady_time expires{};
  // Saves in the order they came; the first has the turn.
  std::shared_ptr<save_operation> first;
  save_operation* last = nullptr;
  // Idle entries, the one used last first.
  actor_entry* newer = nullptr;
  actor_entry* older = nullptr;

  bool idle() const noexcept { return first == nullptr; }
};

/// Not thread-safe: one lane's strand owns it. Entries that are not idle are never dropped, and are bounded by the
/// number of waiting saves.
class version_cache {
public:
  explicit version_cache(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  version_cache(version_cache const&) = delete;
  version_cache& operator=(version_cache const&) = delete;

  /// The entry, if there is one; it counts as used.
  actor_entry* find(hashed_id const& actor_id);
  /// The entry, made if there is none. Call settle() when it is idle again.
  actor_entry& at(hashed_id const& actor_id);
  /// An entry became idle, or learned something: keeps it if there is room and it knows something.
  void settle(actor_entry& entry) noexcept;

  template <class Visitor> void for_each(Visitor visit) {
    for (auto& [id, entry] : entries_)
      visit(entry);
  }

  std::size_t size() const noexcept { return entries_.size(); }
  /// Any thread.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
  // Not noexcept: libstdc++ keeps the hashes then, and a search does not look at entries that are its bucket's
  // neighbours.
  struct hasher {
    using is_transparent = void;
    std::size_t operator()(hashed_id const& id) const { return id.hash; }
    std::size_t operator()(std::string const& key) const { return std::hash<std::string_view>{}(key); }
  };
  using map_type = std::unordered_map<std::string, actor_entry, hasher, std::equal_to<>>;

  static std::size_t size_of(std::string_view actor_id) noexcept;
  void link(actor_entry& entry) noexcept;
  void unlink(actor_entry& entry) noexcept;
  void drop(actor_entry& entry) noexcept;
  void set_bytes(std::size_t bytes) noexcept { bytes_.store(bytes, std::memory_order_relaxed); }

  map_type entries_;
  actor_entry* newest_ = nullptr;
  actor_entry* oldest_ = nullptr;
  std::atomic<std::size_t> bytes_ = 0;
  std::size_t const max_bytes_;
};

} // namespace aether::nats::detail
