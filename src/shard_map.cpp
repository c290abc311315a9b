// Shards on a ring: each shard is a key of its own there.
#include <aether/shard_map.hpp>

#include <aether/error.hpp>

#include "or_default.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <limits>

namespace aether {

namespace {

constexpr std::size_t max_shard_count = 65'536;
constexpr std::size_t max_replication_factor = 16;

std::string shard_key(std::size_t shard) { return "shard-" + std::to_string(shard); }

[[noreturn]] void refuse(std::string what) { throw error(errc::invalid_argument, "a shard map: " + std::move(what)); }

void check_at_most(std::size_t value, std::size_t most, char const* name) {
  if (value > most)
    refuse(std::string(name) + " is " + std::to_string(value) + ", at most " + std::to_string(most) + " is possible");
}

boost::json::value const& field(boost::json::object const& from, char const* name) {
  auto const* found = from.if_contains(name);
  if (!found)
    refuse(std::string(name) + " is missing");
  return *found;
}

std::size_t number(boost::json::object const& from, char const* name) {
  boost::system::error_code wrong;
  auto const value = field(from, name).to_number<std::uint64_t>(wrong);
  if (wrong || field(from, name).is_double())
    refuse(std::string(name) + " is no number of 0 or more");
  return static_cast<std::size_t>(value);
}

std::size_t number_above_zero(boost::json::object const& from, char const* name) {
  auto const value = number(from, name);
  if (value == 0)
    refuse(std::string(name) + " is 0");
  return value;
}

template <class Kind> Kind const& typed(Kind const* value, char const* what) {
  if (!value)
    refuse(std::string(what) + " is of another kind");
  return *value;
}

/// hash_ring says invalid_id of a name that is none.
void set_nodes_of(shard_map& map, std::vector<ring_node> nodes) {
  try {
    map.set_nodes(std::move(nodes));
  } catch (error const& e) {
    refuse(e.what());
  }
}

std::vector<ring_node> nodes_in(boost::json::object const& from) {
  std::vector<ring_node> nodes;
  for (auto const& item : typed(field(from, "nodes").if_array(), "nodes")) {
    auto const& node = typed(item.if_object(), "a node");
    auto const& name = typed(field(node, "name").if_string(), "a node's name");
    nodes.emplace_back(std::string(std::string_view(name)), number_above_zero(node, "weight"));
    if (nodes.size() > 1 && !(nodes[nodes.size() - 2].name < nodes.back().name))
      refuse("its nodes are not sorted by name, or one is there twice");
  }
  return nodes;
}

bool holds(boost::json::array const& indices, std::span<std::uint16_t const> owners) {
  return indices.size() == owners.size() &&
         std::equal(owners.begin(), owners.end(), indices.begin(),
                    [](std::uint16_t owner, auto const& item) { return item.is_int64() && item.get_int64() == owner; });
}

} // namespace

void shard_map_config::validate() const {
  check_at_most(shard_count, max_shard_count, "shard_count");
  check_at_most(replication_factor, max_replication_factor, "replication_factor");
  check_at_most(virtual_nodes, hash_ring::max_virtual_nodes, "virtual_nodes");
}

shard_map::shard_map(shard_map_config config)
    : shard_count_((config.validate(), detail::or_default(config.shard_count, std::size_t{1024}))),
      replication_factor_(detail::or_default(config.replication_factor, std::size_t{1})), ring_(config.virtual_nodes) {}

std::span<std::uint16_t const> shard_map::owners(std::size_t shard) const noexcept {
  return std::span(owners_).subspan(shard * owners_each_, owners_each_);
}

void shard_map::check_shard(std::size_t shard) const {
  if (shard >= shard_count_)
    refuse("it has " + std::to_string(shard_count_) + " shards, from 0 on, and none of number " +
           std::to_string(shard));
}

std::string const& shard_map::owner_of(std::size_t shard) const {
  check_shard(shard);
  if (owners_each_ == 0)
    refuse("without nodes its shards have no owners");
  return ring_.nodes()[owners(shard).front()].name;
}

std::vector<std::string> shard_map::owners_of(std::size_t shard) const {
  check_shard(shard);
  std::vector<std::string> names;
  for (auto const owner : owners(shard))
    names.push_back(ring_.nodes()[owner].name);
  return names;
}

std::vector<std::size_t> shard_map::shards_of(std::string_view node) const {
  std::vector<std::size_t> found;
  for (std::size_t s = 0; s < shard_count_; ++s)
    for (auto const owner : owners(s))
      if (ring_.nodes()[owner].name == node)
        found.push_back(s);
  return found;
}

std::vector<shard_move> shard_map::change(hash_ring ring) {
  if (ring == ring_)
    return {};
  check_at_most(ring.size(), std::numeric_limits<std::uint16_t>::max(), "the number of nodes");
  shard_map next(*this);
  next.ring_ = std::move(ring);
  next.owners_each_ = std::min(replication_factor_, next.ring_.size());
  next.owners_.clear();
  for (std::size_t s = 0; s < shard_count_; ++s)
    for (auto const node : next.ring_.walk(placement_hash(shard_key(s)), next.owners_each_))
      next.owners_.push_back(static_cast<std::uint16_t>(node));
  ++next.version_;
  auto moves = moves_between(*this, next);
  *this = std::move(next);
  return moves;
}

std::vector<shard_move> shard_map::add_node(std::string node, std::size_t weight) {
  auto ring = ring_;
  ring.add(std::move(node), weight);
  return change(std::move(ring));
}

std::vector<shard_move> shard_map::remove_node(std::string_view node) {
  auto ring = ring_;
  ring.remove(node);
  return change(std::move(ring));
}

std::vector<shard_move> shard_map::set_nodes(std::vector<ring_node> nodes) {
  hash_ring ring(ring_.virtual_nodes());
  ring.add(std::move(nodes));
  return change(std::move(ring));
}

std::vector<shard_move> moves_between(shard_map const& from, shard_map const& to) {
  if (from.shard_count_ != to.shard_count_)
    refuse("nothing moves between one of " + std::to_string(from.shard_count_) + " shards and one of " +
           std::to_string(to.shard_count_));
  std::vector<shard_move> moves;
  for (std::size_t s = 0; s < to.shard_count_; ++s) {
    auto const before = from.owners_of(s), after = to.owners_of(s);
    auto const first = moves.size();
    for (std::string const& owner : after)
      if (std::find(before.begin(), before.end(), owner) == before.end()) {
        auto& move = moves.emplace_back();
        move.shard = s;
        move.to = owner;
      }
    std::size_t paired = first;
    for (std::string const& owner : before)
      if (std::find(after.begin(), after.end(), owner) == after.end()) {
        if (paired == moves.size())
          moves.emplace_back().shard = s;
        moves[paired++].from = owner;
      }
  }
  return moves;
}

boost::json::object shard_map::to_json() const {
  boost::json::object out;
  out["format"] = 1;
  out["hash"] = placement_hash_name;
  out["version"] = version_;
  out["shardCount"] = shard_count_;
  out["replicationFactor"] = replication_factor_;
  out["virtualNodes"] = ring_.virtual_nodes();
  auto& nodes = out["nodes"].emplace_array();
  for (ring_node const& n : ring_.nodes()) {
    boost::json::object node;
    node["name"] = n.name;
    node["weight"] = n.weight;
    nodes.push_back(std::move(node));
  }
  auto& shards = out["owners"].emplace_array();
  for (std::size_t s = 0; s < shard_count_; ++s) {
    boost::json::array indices;
    for (auto const owner : owners(s))
      indices.push_back(owner);
    shards.push_back(std::move(indices));
  }
  return out;
}

shard_map shard_map::from_json(boost::json::object const& from) {
  if (number(from, "format") != 1)
    refuse("its format is not 1: a newer release wrote it");
  if (auto const& hash = typed(field(from, "hash").if_string(), "hash"); std::string_view(hash) != placement_hash_name)
    refuse("its hash is none that is known here: a newer release wrote it");
  shard_map_config config;
  config.shard_count = number_above_zero(from, "shardCount");
  config.replication_factor = number_above_zero(from, "replicationFactor");
  config.virtual_nodes = number_above_zero(from, "virtualNodes");
  shard_map map(config);
  set_nodes_of(map, nodes_in(from));
  auto const version = number(from, "version");
  if (version > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()))
    refuse("its version is too great");
  map.version_ = static_cast<std::int64_t>(version);
  auto const& shards = typed(field(from, "owners").if_array(), "owners");
  bool same = shards.size() == map.shard_count_;
  for (std::size_t s = 0; same && s < map.shard_count_; ++s)
    same = holds(typed(shards[s].if_array(), "the owners of a shard"), map.owners(s));
  if (!same)
    refuse("its owners are not those that its nodes give");
  return map;
}

} // namespace aether
