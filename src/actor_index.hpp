// Which actors are in memory, who works for each, and which goes first when there are too many.
#pragma once

#include "actor_batch.hpp"
#include "actor_call.hpp"
#include "command_window.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace aether::detail {

/// One actor. Stays where it is in memory while it is in use.
struct actor_entry {
  actor_type const* const type;
  std::string const id;

  // The leader's alone.
  std::unique_ptr<actor_state> state; // none: it has to be loaded
  std::int64_t version = 0;
  std::chrono::nanoseconds confirmed_at{}; // by the store
  std::chrono::nanoseconds used_at{};
  std::chrono::nanoseconds contended_until{}; // others write it too: then they get their turn after each save
  std::chrono::nanoseconds others_turn_until{};
  command_window window;
  std::unique_ptr<actor_batch> batch; // of commands in hand
  std::size_t events_since_snapshot = 0;
  std::size_t bytes_since_snapshot = 0;
  bool one_at_a_time = false; // one of a batch was refused: the next one tells which
  bool distrusts_snapshots = false; // one was ahead of the events
  std::atomic<bool> snapshot_under_way{false};

  // Guarded by the host's mutex.
  std::shared_ptr<actor_call> leader; // none: it is idle
  std::shared_ptr<actor_call> first;  // those that wait, in the order they came
  actor_call* last = nullptr;
  std::size_t commands = 0, queries = 0; // among them
  bool is_evicted = false; // it leaves memory when it is idle
  actor_entry* newer = nullptr; // of those that are idle
  actor_entry* older = nullptr;

  actor_entry(actor_type const& of, std::string name) : type(&of), id(std::move(name)) {}

  void push_back(std::shared_ptr<actor_call> call) noexcept;
  void push_front(std::vector<std::shared_ptr<actor_call>> calls) noexcept;
  std::shared_ptr<actor_call> pop_front() noexcept;
  /// False: it does not wait.
  bool remove(actor_call& call) noexcept;
};

/// Not thread-safe: the host's mutex guards it.
class actor_index {
public:
  using entry_ptr = std::shared_ptr<actor_entry>;

  explicit actor_index(std::size_t most) noexcept : most_(most) {}

  /// The entry, made when there is none; it is in use until idle().
  entry_ptr use(actor_type const& type, std::string_view id);
  /// Nobody uses it now. What is to be destroyed, without the mutex, is returned: it itself when it is of no more use,
  /// and the one that was idle longest when there are too many.
  [[nodiscard]] entry_ptr idle(actor_entry& entry, bool drop);
  /// Those that have been idle since then, or longer.
  [[nodiscard]] std::vector<entry_ptr> take_idle_since(std::chrono::nanoseconds then);
  std::vector<entry_ptr> all_of(actor_type const& type) const;
  /// None: it is in use, or gone.
  [[nodiscard]] entry_ptr take_if_idle(actor_entry& entry);
  /// Since when the one that is idle longest is.
  bool has_idle() const noexcept { return oldest_ != nullptr; }
  std::chrono::nanoseconds idle_longest_since() const noexcept { return oldest_->used_at; }

  std::size_t size() const noexcept { return entries_.size(); }

private:
  struct key {
    actor_type const* type;
    std::string_view id;
  };
  static key key_of(key const& k) noexcept { return k; }
  static key key_of(entry_ptr const& e) noexcept { return {e->type, e->id}; }
  // Not noexcept: libstdc++ keeps the hashes then, and a search does not look at entries that are its bucket's
  // neighbours.
  struct hasher {
    using is_transparent = void;
    template <class K> std::size_t operator()(K const& k) const {
      auto const of = key_of(k);
      return std::hash<std::string_view>{}(of.id) ^ (std::hash<void const*>{}(of.type) >> 4);
    }
  };
  struct equal {
    using is_transparent = void;
    template <class A, class B> bool operator()(A const& a, B const& b) const noexcept {
      auto const one = key_of(a), other = key_of(b);
      return one.type == other.type && one.id == other.id;
    }
  };

  void link(actor_entry& entry) noexcept;
  void unlink(actor_entry& entry) noexcept;
  entry_ptr drop(actor_entry& entry) noexcept;
  void shrink() noexcept;

  std::size_t const most_;
  std::unordered_set<entry_ptr, hasher, equal> entries_;
  actor_entry* newest_ = nullptr; // of the idle ones
  actor_entry* oldest_ = nullptr;
};

} // namespace aether::detail
