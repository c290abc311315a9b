// The one order of everything an embedded store holds, by which it is numbered, followed and listed.
#pragma once

#include "detail/spin_lock.hpp"
#include "detail/wait.hpp"
#include "event_list.hpp"
#include "stored_event.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aether::detail {

/// Who waits for something to be stored.
using memory_waiter = std::shared_ptr<wait_state<bool>>;

/// The events of one type of actors, in the order of their sequences, and each actor's first one. Guarded by the index.
struct alignas(64) indexed_type {
  event_list all;
  event_list firsts; // by which actors are listed
};

/// A place in a list, for reading on.
struct list_place {
  event_list const* events = nullptr;
  std::size_t next = 0;
};

/// Every event once, and again with its type: two pointers an event. Its lock is held for nanoseconds, as each save
/// takes it: what a save touches is mostly one cache line, which it gets from the thread that saved before. Sequences
/// have no gap, and stored times never go back. Thread-safe.
class memory_index {
public:
  /// The list of a type, made when it is new: it lives as long as the index.
  indexed_type& of_type(std::string_view type);
  event_list const& all() const noexcept { return all_; }
  event_list const& firsts() const noexcept { return firsts_; }

  /// Puts the events of one actor behind all others: sequences and stored times are set, readers see them, and who
  /// waits is moved to `woken`, to be completed without any lock. Nothing is done when it throws. The last sequence.
  std::uint64_t append(indexed_type& type, pending_event* first, std::size_t count, bool new_actor, time_point now,
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
  /// Of one list, from the `from`th on.
  std::size_t read_from(event_list const& events, std::size_t from, stored_event const** into, std::size_t most) const;

  /// Completes it when there is more than this sequence, or at the end.
  void wake_beyond(std::uint64_t sequence, memory_waiter waiter);
  /// Wakes all that wait, and from now on at once.
  void end();

private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  alignas(64) mutable spin_lock mutex_;
  bool has_waiters_ = false;
  time_point last_stored_{};
  event_list all_;

  alignas(64) event_list firsts_;
  std::unordered_map<std::string, std::unique_ptr<indexed_type>, text_hash, std::equal_to<>> types_;
  std::vector<memory_waiter> waiters_;
  std::size_t waiters_at_most_ = 64; // then those that ended otherwise are looked for
  bool ended_ = false;
};

} // namespace aether::detail
