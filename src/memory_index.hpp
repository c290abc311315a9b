// The one order of everything an embedded store holds, by which it is numbered, followed and listed.
#pragma once

#include "detail/wait.hpp"
#include "event_list.hpp"
#include "stored_event.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aether::detail {

/// Who waits for something to be stored.
using memory_waiter = std::shared_ptr<wait_state<bool>>;

/// The events of all actors or of those of one type, in the order of their sequences, and each actor's first one.
/// Guarded by the index it belongs to.
struct indexed_events {
  event_list all;
  event_list firsts; // by which actors are listed
};

/// A place in a list, for reading on.
struct list_place {
  indexed_events const* events = nullptr;
  std::size_t next = 0;
};

/// Every event once, and again with its type: two pointers an event. Its mutex is held for nanoseconds, as each save
/// takes it; sequences have no gap, and stored times never go back. Thread-safe.
class memory_index {
public:
  /// The list of a type, made when it is new: it lives as long as the index.
  indexed_events& of_type(std::string_view type);
  indexed_events const& everything() const noexcept { return everything_; }

  /// Puts the events of one actor behind all others: sequences and stored times are set, readers see them, and who
  /// waits is moved to `woken`, to be completed without any lock. Nothing is done when it throws. The last sequence.
  std::uint64_t append(indexed_events& type, pending_event* first, std::size_t count, bool new_actor, time_point now,
                       std::vector<memory_waiter>& woken);

  std::uint64_t last_sequence() const;
  /// The event of a sequence that is there.
  stored_event const& at(std::uint64_t sequence) const;
  /// The last sequence that was stored before this time; 0: none.
  std::uint64_t last_before(time_point t) const;

  /// Sets each place behind this sequence.
  void go_behind(std::uint64_t sequence, std::vector<list_place>& places) const;
  /// What comes next of the lists together, in order: at most `most`. Moves the places on.
  std::size_t read(std::vector<list_place>& places, stored_event const** into, std::size_t most) const;
  /// How much is left behind the places.
  std::uint64_t left(std::vector<list_place> const& places) const;
  /// Each actor's first event, from the `from`th on.
  std::size_t read_firsts(indexed_events const& events, std::size_t from, stored_event const** into,
                          std::size_t most) const;

  /// Completes it when there is more than this sequence, or at the end.
  void wake_beyond(std::uint64_t sequence, memory_waiter waiter);
  /// Wakes all that wait, and from now on at once.
  void end();

private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  mutable std::mutex mutex_;
  indexed_events everything_;
  std::unordered_map<std::string, std::unique_ptr<indexed_events>, text_hash, std::equal_to<>> types_;
  time_point last_stored_{};
  std::vector<memory_waiter> waiters_;
  std::size_t waiters_at_most_ = 64; // then those that ended otherwise are looked for
  bool ended_ = false;
};

} // namespace aether::detail
