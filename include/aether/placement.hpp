// Which node an actor belongs to: the nodes that live, a ring of them, and whether this one is still among them.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/hash_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// A node as it announced itself.
struct placed_node {
  std::string name;
  std::size_t weight = 1;
  std::string incarnation; ///< random: another one each time that a process joins under this name
  std::string data;        ///< what it says of itself, an address for example

  placed_node() = default;
  friend bool operator==(placed_node const&, placed_node const&) = default;
};

enum class placement_state {
  joining,
  live,       ///< this node owns its share of the actors
  lapsed,     ///< it could not renew its lease: it owns nothing until it can
  observing,  ///< it joined to look on
  left,       ///< for good
  name_taken, ///< for good: another process joined under its name
};

std::string_view to_string(placement_state state) noexcept;

/// What is known at one moment; it never changes.
struct placement_view {
  std::uint64_t epoch = 0; ///< greater with each change; of this object alone, not to be compared between processes
  std::uint64_t lapses = 0; ///< times that this node stopped owning, also where nobody saw the view in between
  placement_state state = placement_state::joining;
  std::vector<placed_node> nodes; ///< that live, as far as this node knows, sorted by name; itself while it is live
  hash_ring ring;                 ///< of these

  placement_view() = default;
  placed_node const* find(std::string_view node) const noexcept;
};

/// A renewal of a node's lease, by which the node itself tells how old a command is that carries it. No clock of
/// another machine takes part.
struct lease_stamp {
  std::string incarnation; ///< empty: nothing is known
  std::uint64_t renewal = 0;

  lease_stamp() = default;
};

/// Where actors are placed. It is for warmth only, so that an actor is in the memory of one process: two nodes that
/// both believe to own an actor are made safe by the store, and so is one that owns none.
///
/// Thread-safe. Implementations: memory_cluster, nats::placement.
class placement {
public:
  virtual ~placement() = default;

  std::string const& node() const noexcept { return do_node(); } ///< this node's name

  std::shared_ptr<placement_view const> view() const { return do_view(); } ///< never null
  /// This node owns its share at this moment: by the clock, whether or not anything has run since its lease lapsed.
  bool is_live() const { return do_is_live(); }
  /// The name of the live node to which an actor, or any other key, belongs; empty: none is known to live.
  std::string owner_of(std::string_view actor_id) const;
  bool owns(std::string_view actor_id) const;

  /// Returns when the view's epoch is not `seen`, with the view. Throws timed_out (0: waits without limit), and
  /// `closed` when nothing changes any more.
  awaitable<std::shared_ptr<placement_view const>> wait_for_change(std::uint64_t seen, call_options options = {}) {
    return do_wait_for_change(seen, options);
  }

  /// Owns nothing from now on, and tells the others, which take over at once. Returns when they are told, or when the
  /// lease has ended, by which they know; what telling meets is logged and tried again. Throws timed_out when neither
  /// came in time. Leaving twice is no error.
  awaitable<void> leave(call_options options = {}) { return do_leave(options); }

  /// The last renewal known of a live node.
  lease_stamp stamp_of(std::string_view node) const { return do_stamp_of(node); }
  /// Of a stamp that another node had of this one: it, and what came with it, is so old that a repetition of it may
  /// have been executed meanwhile.
  bool is_late(lease_stamp const& stamp) const { return do_is_late(stamp); }

protected:
  placement() = default;
  placement(placement const&) = default;
  placement(placement&&) = default;
  placement& operator=(placement const&) = default;
  placement& operator=(placement&&) = default;

private:
  virtual std::string const& do_node() const noexcept = 0;
  virtual std::shared_ptr<placement_view const> do_view() const = 0;
  virtual bool do_is_live() const = 0;
  virtual awaitable<std::shared_ptr<placement_view const>> do_wait_for_change(std::uint64_t seen,
                                                                              call_options options) = 0;
  virtual awaitable<void> do_leave(call_options options) = 0;
  virtual lease_stamp do_stamp_of(std::string_view node) const = 0;
  virtual bool do_is_late(lease_stamp const& stamp) const = 0;
};

} // namespace aether
