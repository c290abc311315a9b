// Saves that ended unknown: what the store needs to resolve them when the same event is saved again.
#pragma once

#include "detail/hash.hpp"

#include <aether/event_store.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aether::nats::detail {

struct remembered_save {
  unknown_save save;
  std::uint64_t sequence = 0;         ///< the highest expectation among its unanswered attempts
  std::vector<std::string> batch_ids; ///< of its attempts, when it was a batch
  bool under_way = false; ///< its caller was told that it is unknown, and the store still works at it
  std::chrono::steady_clock::time_point since{};
};

/// Thread-safe; cheap while empty. Bounded: beyond it the oldest is dropped, and the set is forgetful from then on.
class remembered_saves {
public:
  remembered_saves(std::size_t most, std::chrono::nanoseconds max_age) : most_(most), max_age_(max_age) {}

  /// Returns the one that was dropped for space.
  std::optional<unknown_save> remember(remembered_save save);
  /// False: it was not there, here and in ended().
  bool forget(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  /// What is to be resolved first: none that is under way.
  std::optional<remembered_save> find(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  /// Whether any is, so that no call may say that the event is not stored.
  bool is_open(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  /// Notes one that is under way, unless the event is noted already.
  void note_under_way(unknown_save save);
  /// It has ended and is not unknown: takes the note back.
  bool ended(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  bool empty() const noexcept { return size() == 0; }
  /// Some attempt was dropped for space: a version alone proves no conflict any more.
  bool is_forgetful() const noexcept { return forgetful_.load(std::memory_order_acquire); }
  std::vector<unknown_save> all() const;

private:
  using key = aether::detail::hash128;
  bool take_out(std::string_view actor_id, std::int64_t version, std::string_view event_id,
                bool (*wanted)(remembered_save const&));
  remembered_save const* find_with_lock(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  static key key_of(std::string_view actor_id, std::int64_t version, std::string_view event_id);
  /// Leaves size_ to its caller: one that is replaced must not seem to be gone to those who ask empty() without the
  /// lock.
  void drop(std::unordered_map<key, std::list<remembered_save>::iterator, aether::detail::hash128_hasher>::iterator at);

  std::size_t const most_;
  std::chrono::nanoseconds const max_age_; // of the stream; 0: for ever
  mutable std::mutex mutex_;
  std::list<remembered_save> saves_; // the oldest first
  std::unordered_map<key, std::list<remembered_save>::iterator, aether::detail::hash128_hasher> by_key_;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> forgetful_{false};
};

} // namespace aether::nats::detail
