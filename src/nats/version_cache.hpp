// What a lane knows about its actors: the latest version of each, and who waits for its turn. Bounded in bytes.
#pragma once

#include "detail/deadline_queue.hpp"
#include "detail/hash.hpp"
#include "nats/save_machine.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
};

/// One actor. Stays where it is in memory while saves wait for it or have it. Its id stands behind it.
struct actor_entry {
  std::size_t hash = 0; // of the id
  std::uint64_t last_sequence = 0;
  std::int64_t version = 0;
  std::uint64_t event_sequence = 0;
  aether::detail::hash128 event_id; // of the event of that version
  aether::detail::steady_time expires{};
  // Saves in the order they came; the first has the turn.
  std::shared_ptr<save_operation> first;
  save_operation* last = nullptr;
  std::uint32_t place = 0; // in the cache's order
  std::uint16_t id_bytes = 0;
  bool known = false;
  bool used = false; // since the cache looked for one to drop

  bool idle() const noexcept { return first == nullptr; }
  std::string_view actor_id() const noexcept { return {reinterpret_cast<char const*>(this + 1), id_bytes}; }
};

/// Not thread-safe: one lane's strand owns it. Entries that are not idle are never dropped, and are bounded by the
/// number of waiting saves. Of the others one goes that was not used of late (CLOCK, Corbató): a list in the order of
/// use would touch two neighbours with each use, which are seldom in the processor's cache when there are many.
class version_cache {
public:
  explicit version_cache(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  version_cache(version_cache const&) = delete;
  version_cache& operator=(version_cache const&) = delete;
  ~version_cache();

  /// The entry, if there is one; it counts as used.
  actor_entry* find(hashed_id const& actor_id);
  /// The entry, made if there is none. Call settle() when it is idle again.
  actor_entry& at(hashed_id const& actor_id);
  /// An entry became idle, or learned something: keeps it if there is room and it knows something.
  void settle(actor_entry& entry) noexcept;

  template <class Visitor> void for_each(Visitor visit) {
    for (auto* entry : order_)
      visit(*entry);
  }

  std::size_t size() const noexcept { return order_.size(); }
  /// Any thread.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
  struct hasher {
    using is_transparent = void;
    std::size_t operator()(hashed_id const& id) const noexcept { return id.hash; }
    std::size_t operator()(actor_entry const* entry) const noexcept { return entry->hash; }
  };
  struct same_id {
    using is_transparent = void;
    bool operator()(actor_entry const* a, actor_entry const* b) const noexcept { return a == b; }
    bool operator()(hashed_id const& id, actor_entry const* entry) const noexcept {
      return id.hash == entry->hash && id.text == entry->actor_id();
    }
    bool operator()(actor_entry const* entry, hashed_id const& id) const noexcept { return (*this)(id, entry); }
  };

  static constexpr std::size_t pooled_bytes = 128;
  static std::size_t block_of(std::size_t id_bytes) noexcept;
  static std::size_t size_of(std::size_t id_bytes) noexcept;
  void destroy(actor_entry* entry) noexcept;
  void drop(actor_entry& entry) noexcept;
  void make_room() noexcept;
  void set_bytes(std::size_t bytes) noexcept { bytes_.store(bytes, std::memory_order_relaxed); }

  // Of their own: else they lie between what each save allocates and frees, and that is all over the memory then. Of
  // one size, so that what is dropped has room for what comes; a longer id's is not taken from there.
  std::pmr::unsynchronized_pool_resource memory_{std::pmr::pool_options{0, pooled_bytes}};
  boost::unordered_flat_set<actor_entry*, hasher, same_id> entries_;
  std::vector<actor_entry*> order_; // of their coming, but for what took a dropped one's place
  std::size_t hand_ = 0;            // in it: whom to look at next
  std::atomic<std::size_t> bytes_ = 0;
  std::size_t const max_bytes_;
};

} // namespace aether::nats::detail
