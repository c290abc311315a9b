// Consistent hashing: places sorted once, found by binary search.
#include <aether/hash_ring.hpp>

#include <aether/error.hpp>

#include "detail/hash.hpp"
#include "or_default.hpp"
#include "store_checks.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace aether {

namespace {

constexpr detail::hash128 placement_key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

std::uint64_t place_number(detail::hash128 node, std::uint64_t index) noexcept {
  std::array<char, 8> bytes;
  for (char& byte : bytes) {
    byte = static_cast<char>(index & 0xFF);
    index >>= 8;
  }
  return detail::keyed_hash(std::string_view(bytes.data(), bytes.size()), node).low;
}

auto by_name() {
  return [](ring_node const& a, std::string_view name) { return a.name < name; };
}

} // namespace

std::uint64_t placement_hash(std::string_view text) noexcept { return detail::keyed_hash(text, placement_key).low; }

hash_ring::hash_ring(std::size_t virtual_nodes)
    : virtual_nodes_(detail::or_default(virtual_nodes, default_virtual_nodes)) {
  if (virtual_nodes_ > max_virtual_nodes)
    throw error(errc::invalid_argument, "virtual_nodes is " + std::to_string(virtual_nodes) + ", at most " +
                                            std::to_string(max_virtual_nodes) + " are possible");
}

void hash_ring::add(std::string node, std::size_t weight) {
  std::vector<ring_node> nodes;
  nodes.emplace_back(std::move(node), weight);
  add(std::move(nodes));
}

void hash_ring::add(std::vector<ring_node> nodes) {
  auto all = nodes_;
  for (ring_node& n : nodes) {
    detail::check_id(n.name, "a node's name");
    n.weight = detail::or_default(n.weight, std::size_t{1});
    if (n.weight > max_weight)
      throw error(errc::invalid_argument, "the weight of node " + n.name + " is " + std::to_string(n.weight) +
                                              ", at most " + std::to_string(max_weight) + " is possible");
    auto const at = std::lower_bound(all.begin(), all.end(), n.name, by_name());
    if (at != all.end() && at->name == n.name)
      at->weight = n.weight;
    else
      all.insert(at, std::move(n));
  }
  rebuild(std::move(all));
}

bool hash_ring::remove(std::string_view node) {
  auto all = nodes_;
  auto const at = std::lower_bound(all.begin(), all.end(), node, by_name());
  if (at == all.end() || at->name != node)
    return false;
  all.erase(at);
  rebuild(std::move(all));
  return true;
}

void hash_ring::rebuild(std::vector<ring_node> nodes) {
  std::size_t count = 0;
  for (ring_node const& n : nodes)
    count += n.weight * virtual_nodes_;
  if (count > max_places)
    throw error(errc::invalid_argument, "the ring would have " + std::to_string(count) +
                                            " places (the sum of virtual_nodes × weight), at most " +
                                            std::to_string(max_places) + " are possible");
  std::vector<place> places;
  places.reserve(count);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto const hash = detail::keyed_hash(nodes[i].name, placement_key);
    for (std::size_t v = 0; v < nodes[i].weight * virtual_nodes_; ++v)
      places.push_back({place_number(hash, v), static_cast<std::uint32_t>(i)});
  }
  std::sort(places.begin(), places.end(),
            [](place const& a, place const& b) { return a.at != b.at ? a.at < b.at : a.node < b.node; });
  nodes_ = std::move(nodes);
  places_ = std::move(places);
}

std::vector<hash_ring::place>::const_iterator hash_ring::first_at(std::uint64_t hash) const noexcept {
  auto const found = std::lower_bound(places_.begin(), places_.end(), hash,
                                      [](place const& p, std::uint64_t wanted) { return p.at < wanted; });
  return found == places_.end() ? places_.begin() : found;
}

std::string const& hash_ring::node_of(std::string_view key) const {
  if (places_.empty())
    throw error(errc::invalid_argument, "a ring without nodes places nothing");
  return nodes_[first_at(placement_hash(key))->node].name;
}

std::vector<std::uint32_t> hash_ring::walk(std::uint64_t hash, std::size_t count) const {
  std::vector<std::uint32_t> found;
  count = std::min(count, nodes_.size());
  if (count == 0)
    return found;
  found.reserve(count);
  for (auto at = first_at(hash); found.size() < count;) {
    if (std::find(found.begin(), found.end(), at->node) == found.end())
      found.push_back(at->node);
    if (++at == places_.end())
      at = places_.begin();
  }
  return found;
}

std::vector<std::string> hash_ring::nodes_of(std::string_view key, std::size_t count) const {
  std::vector<std::string> names;
  for (auto const node : walk(placement_hash(key), count))
    names.push_back(nodes_[node].name);
  return names;
}

bool hash_ring::contains(std::string_view node) const noexcept {
  auto const at = std::lower_bound(nodes_.begin(), nodes_.end(), node, by_name());
  return at != nodes_.end() && at->name == node;
}

} // namespace aether
