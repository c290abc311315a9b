// The ids of the events stored last, by which the reuse of an id for another event is noticed.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

namespace aether::detail {

/// A window over the last ids, as a NATS server keeps one: about `shard_count` * `per_shard` of them at least, twice as
/// many at most. The views must live as long as the window. Thread-safe; ids are spread over shards by their hash.
class recent_ids {
public:
  /// False when the id is in the window.
  bool claim(std::string_view id) {
    entry const e{id, std::hash<std::string_view>{}(id)};
    shard& s = shard_of(e.hash);
    std::lock_guard lock(s.mutex);
    if (s.older.contains(e) || !s.newer.insert(e).second)
      return false;
    if (s.newer.size() >= per_shard) {
      std::swap(s.newer, s.older);
      s.newer.clear(); // keeps its room
    }
    return true;
  }

  /// Takes back a claim: its event was not stored after all.
  void release(std::string_view id) noexcept {
    entry const e{id, std::hash<std::string_view>{}(id)};
    shard& s = shard_of(e.hash);
    std::lock_guard lock(s.mutex);
    if (s.newer.erase(e) == 0)
      s.older.erase(e);
  }

  static constexpr std::size_t shard_count = 64;
  static constexpr std::size_t per_shard = 1024;

private:
  struct entry {
    std::string_view id;
    std::size_t hash = 0;

    friend bool operator==(entry const& a, entry const& b) noexcept { return a.hash == b.hash && a.id == b.id; }
  };
  struct hash_of_entry {
    std::size_t operator()(entry const& e) const noexcept { return e.hash; }
  };
  using ids = boost::unordered_flat_set<entry, hash_of_entry>;

  struct alignas(64) shard {
    std::mutex mutex;
    ids newer;
    ids older;
  };

  shard& shard_of(std::size_t hash) noexcept { return shards_[hash % shard_count]; }

  std::array<shard, shard_count> shards_;
};

} // namespace aether::detail
