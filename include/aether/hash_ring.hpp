// Consistent hashing: which node a key belongs to, so that few keys move when nodes come and go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// The hash that places keys: SipHash-2-4 with 128 bits of output under the key 00 01 … 0f, its first 64 bits read as a
/// little-endian number. It is part of what is stored, so no release changes it.
std::uint64_t placement_hash(std::string_view text) noexcept;
/// How the configuration of a stream and a shard map name it.
inline constexpr std::string_view placement_hash_name = "siphash-2-4-128";

struct ring_node {
  std::string name;
  std::size_t weight = 1; ///< its share of the keys, relative to the others'

  ring_node() = default;
  ring_node(std::string n, std::size_t w = 1) : name(std::move(n)), weight(w) {}
  friend bool operator==(ring_node const&, ring_node const&) = default;
};

/// Nodes on a ring of 2^64 places, each at virtual_nodes × weight of them; a key belongs to the node at the first place
/// not before its own. The same nodes give the same answers in whatever order they came, in every process, on every
/// platform and in every release (test/unit/hash_ring_vectors.json). One that comes takes keys only for itself, one
/// that goes gives away only its own.
///
/// Place `i` (from 0) of a node is the SipHash of `i` as 8 little-endian bytes under the 128-bit SipHash of the node's
/// name as its key; of two nodes at one place the name that sorts first has it.
///
/// A value. Threads: const functions may be called side by side.
class hash_ring {
public:
  static constexpr std::size_t default_virtual_nodes = 150;
  static constexpr std::size_t max_virtual_nodes = 10'000;
  static constexpr std::size_t max_weight = 1'000;
  static constexpr std::size_t max_places = 4'000'000; ///< of all nodes; 16 bytes each

  /// 0: 150 places for each unit of weight. Throws invalid_argument.
  explicit hash_ring(std::size_t virtual_nodes = 0);

  /// `weight` 0: 1. Adding one that is there gives it that weight. Throws invalid_id for a name that is not 1 to 255
  /// bytes of UTF-8 without NUL, invalid_argument for a weight or a number of places beyond the limits; the ring is as
  /// before then. Costs a pass over all places.
  void add(std::string node, std::size_t weight = 0);
  /// Adds many, or gives them other weights, at the cost of one. All or none.
  void add(std::vector<ring_node> nodes);
  /// False: it is not there.
  bool remove(std::string_view node);

  /// Throws invalid_argument when there is no node. The reference holds until the ring changes.
  std::string const& node_of(std::string_view key) const;
  /// `count` distinct nodes in the order in which they stand behind the key, the first one as node_of() says; all of
  /// them when there are fewer.
  std::vector<std::string> nodes_of(std::string_view key, std::size_t count) const;

  bool contains(std::string_view node) const noexcept;
  std::size_t size() const noexcept { return nodes_.size(); }
  bool empty() const noexcept { return nodes_.empty(); }
  std::size_t virtual_nodes() const noexcept { return virtual_nodes_; }
  /// Sorted by name.
  std::vector<ring_node> const& nodes() const noexcept { return nodes_; }

  friend bool operator==(hash_ring const& a, hash_ring const& b) noexcept {
    return a.virtual_nodes_ == b.virtual_nodes_ && a.nodes_ == b.nodes_;
  }

private:
  friend class shard_map;
  struct place {
    std::uint64_t at;
    std::uint32_t node; // index into nodes_
  };

  /// Indices of distinct nodes from the key's place on.
  std::vector<std::uint32_t> walk(std::uint64_t hash, std::size_t count) const;
  std::vector<place>::const_iterator first_at(std::uint64_t hash) const noexcept;
  void rebuild(std::vector<ring_node> nodes);

  std::size_t virtual_nodes_;
  std::vector<ring_node> nodes_;
  std::vector<place> places_;
};

} // namespace aether
