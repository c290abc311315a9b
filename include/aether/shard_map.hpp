// Which nodes own which shards, and what moves when nodes come and go.
#pragma once

#include <aether/hash_ring.hpp>

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// Zero means the default, everywhere.
struct shard_map_config {
  std::size_t shard_count = 0;        ///< 0: 1,024. At most 65,536. It never changes: other shards hold other keys
  std::size_t replication_factor = 0; ///< owners of a shard, the first one leading; 0: 1. At most 16
  std::size_t virtual_nodes = 0;      ///< places of a node on the ring; 0: 150

  /// Throws invalid_argument.
  void validate() const;
};

/// One owner more or less of one shard.
struct shard_move {
  std::size_t shard = 0;
  std::string from; ///< who gives it up; empty: it had fewer owners than it has now
  std::string to;   ///< who takes it; empty: it has fewer owners than before

  shard_move() = default;
  friend bool operator==(shard_move const&, shard_move const&) = default;
};

/// A fixed number of shards, spread over nodes by a hash_ring: a key's shard never changes, a shard's owners do. With
/// fewer nodes than replication_factor every node owns every shard.
///
/// A value. Threads: const functions may be called side by side.
class shard_map {
public:
  explicit shard_map(shard_map_config config = {});

  /// 0 of a new map; each change makes it greater by one.
  std::int64_t version() const noexcept { return version_; }
  std::size_t shard_count() const noexcept { return shard_count_; }
  std::size_t replication_factor() const noexcept { return replication_factor_; }
  hash_ring const& ring() const noexcept { return ring_; }

  /// The placement_hash of the key modulo shard_count().
  std::size_t shard_of(std::string_view key) const noexcept {
    return static_cast<std::size_t>(placement_hash(key) % shard_count_);
  }
  /// The first owner; throws invalid_argument when there is no node, or no such shard.
  std::string const& owner_of(std::size_t shard) const;
  /// min(replication_factor, nodes) of them, the first one leading; throws invalid_argument for no such shard.
  std::vector<std::string> owners_of(std::size_t shard) const;
  /// Sorted; with replicas those too that it does not lead.
  std::vector<std::size_t> shards_of(std::string_view node) const;

  /// Return what moves: with n nodes about 1/n of the shards, only to a node that is added and only from one that is
  /// removed. Adding one that is there changes its weight. Nothing changes, and the version stays, when the map is
  /// already so. Throw as hash_ring does.
  std::vector<shard_move> add_node(std::string node, std::size_t weight = 0);
  std::vector<shard_move> remove_node(std::string_view node);
  /// As if all of that happened at once: exactly these nodes from now on.
  std::vector<shard_move> set_nodes(std::vector<ring_node> nodes);

  /// What moves from one map to another with the same number of shards; throws invalid_argument for others.
  friend std::vector<shard_move> moves_between(shard_map const& from, shard_map const& to);

  /// {"format": 1, "hash", "version", "shardCount", "replicationFactor", "virtualNodes", "nodes": [{"name", "weight"}],
  /// "owners": [[index into nodes, …], …]}: who reads it needs no ring.
  boost::json::object to_json() const;
  /// Throws invalid_argument for anything but what to_json() gives, owners that the ring does not give included.
  static shard_map from_json(boost::json::object const& from);

  friend bool operator==(shard_map const&, shard_map const&) = default;

private:
  std::vector<shard_move> change(hash_ring ring);
  std::span<std::uint16_t const> owners(std::size_t shard) const noexcept;
  void check_shard(std::size_t shard) const;

  std::size_t shard_count_;
  std::size_t replication_factor_;
  std::int64_t version_ = 0;
  hash_ring ring_;
  std::vector<std::uint16_t> owners_; // of shard s: owners_each_ from s * owners_each_ on, indices into ring_.nodes()
  std::size_t owners_each_ = 0;
};

std::vector<shard_move> moves_between(shard_map const& from, shard_map const& to);

} // namespace aether
