// Events and snapshots in memory, for any number of threads: what the embedded store is, without its coroutines.
#pragma once

#include "announcer.hpp"
#include "memory_index.hpp"
#include "recent_ids.hpp"
#include "version_rules.hpp"

#include <aether/event_store.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aether::detail {

/// Versions of an actor that are read: above one, up to another.
struct version_range {
  std::int64_t above = 0;
  std::int64_t up_to = std::numeric_limits<std::int64_t>::max();
};

/// Actors are spread over shards by their hash, each with its own mutex, so that different actors are saved side by
/// side. A sequence is drawn and its event put in place under the same lock: versions of an actor rise with their
/// sequences, and who has read the last sequence and then taken a lock meets all of its actors' events up to it.
class memory_log {
public:
  memory_log();

  /// Stores all or none, and announces what was stored, in order per actor. The events are checked, of one actor, and
  /// their versions increase. Throws closed and duplicate_event_id.
  save_outcome append(std::vector<pending_event> batch, version_demand const& demand,
                      prepared_announcements announcements);
  save_outcome append(pending_event e, version_demand const& demand, prepared_announcements announcements);

  /// The actor's events with a version above `after_version`, in order; more than `limit` are history_too_long.
  std::vector<stored_event const*> read(std::string_view actor_id, std::int64_t after_version, std::size_t limit);
  stored_event const* find(std::string_view actor_id, std::int64_t version);
  stored_event const* latest(std::string_view actor_id);

  /// The first events of the range, backwards the last ones, in that direction: at most `most`.
  std::size_t read_piece(std::string_view actor_id, version_range range, bool backwards, stored_event const** into,
                         std::size_t most);
  /// How many events of the actor have a version above this one.
  std::uint64_t count_above(std::string_view actor_id, std::int64_t version);
  /// The actor's last event up to this sequence; none: nullptr.
  stored_event const* latest_at(std::string_view actor_id, std::uint64_t sequence);
  /// Of each actor of one shard, in no order; of these types only, unless there are none.
  std::vector<stored_event const*> latest_of_shard(std::size_t part, std::vector<std::string> const& types,
                                                   std::uint64_t sequence);
  static constexpr std::size_t shard_count = 64;

  memory_index& index() noexcept { return index_; }
  std::shared_ptr<stream_identity const> const& stream() const noexcept { return stream_; }

  /// Ignored when the actor has one of a later version.
  void put_snapshot(std::shared_ptr<actor_snapshot const> snapshot);
  std::shared_ptr<actor_snapshot const> snapshot(std::string_view actor_id);

  /// Once it returns, nothing more is stored.
  void close();
  void check_open() const; ///< throws closed
  bool is_closed() const noexcept { return closed_.load(std::memory_order_acquire); }

private:
  struct entry {
    std::int64_t version = 0;
    std::unique_ptr<stored_event const> stored;
  };
  struct actor {
    std::vector<entry> events; // versions increase
    indexed_type* type = nullptr; // from its first event on
    std::shared_ptr<actor_snapshot const> snapshot;

    std::int64_t version() const noexcept { return events.empty() ? 0 : events.back().version; }
    /// The first entry of a version above this one.
    std::vector<entry>::const_iterator after(std::int64_t version) const noexcept;
    stored_event const* find(std::int64_t version) const noexcept;
    stored_event const* latest_at(std::uint64_t sequence) const noexcept;
    bool holds_all(pending_event const* first, std::size_t count) const noexcept;
  };

  struct hashed_id {
    std::string_view text;
    std::size_t hash;
  };
  struct id_hash {
    using is_transparent = void;
    std::size_t operator()(std::string const& id) const noexcept { return std::hash<std::string_view>{}(id); }
    std::size_t operator()(hashed_id const& id) const noexcept { return id.hash; }
  };
  struct id_equal {
    using is_transparent = void;
    bool operator()(std::string const& a, std::string const& b) const noexcept { return a == b; }
    bool operator()(hashed_id const& a, std::string const& b) const noexcept { return a.text == b; }
    bool operator()(std::string const& a, hashed_id const& b) const noexcept { return a == b.text; }
  };
  struct alignas(64) shard {
    std::mutex mutex;
    boost::unordered_flat_map<std::string, actor, id_hash, id_equal> actors;

    actor* find(hashed_id const& id);
  };

  /// What is known of an actor, or null, for as long as the lock is held.
  struct locked_actor {
    std::unique_lock<std::mutex> lock;
    actor const* known = nullptr;
  };
  locked_actor locked(std::string_view actor_id);

  static hashed_id hashed(std::string_view id) noexcept { return {id, std::hash<std::string_view>{}(id)}; }
  shard& shard_of(hashed_id const& id) noexcept { return shards_[id.hash % shards_.size()]; }
  save_outcome append(pending_event* first, std::size_t count, version_demand const& demand,
                      prepared_announcements announcements);
  save_outcome append_locked(shard& s, hashed_id const& id, pending_event* first, std::size_t count,
                             version_demand const& demand, time_point now, std::vector<memory_waiter>& woken);
  void claim_ids(pending_event const* first, std::size_t count);
  void release_ids(pending_event const* first, std::size_t count) noexcept;

  std::array<shard, shard_count> shards_;
  recent_ids ids_;
  memory_index index_;
  std::shared_ptr<stream_identity const> const stream_;
  std::atomic<bool> closed_ = false;
};

} // namespace aether::detail
