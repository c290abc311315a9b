// What can be said of any placement.
#include <aether/placement.hpp>

#include <algorithm>

namespace aether {

std::string_view to_string(placement_state state) noexcept {
  switch (state) {
  case placement_state::joining:
    return "joining";
  case placement_state::live:
    return "live";
  case placement_state::lapsed:
    return "lapsed";
  case placement_state::observing:
    return "observing";
  case placement_state::left:
    return "left";
  case placement_state::name_taken:
    return "name_taken";
  }
  return "unknown";
}

placed_node const* placement_view::find(std::string_view node) const noexcept {
  auto const at = std::lower_bound(nodes.begin(), nodes.end(), node,
                                   [](placed_node const& n, std::string_view name) { return n.name < name; });
  return at != nodes.end() && at->name == node ? &*at : nullptr;
}

std::string placement::owner_of(std::string_view actor_id) const {
  auto const known = view();
  if (known->ring.empty())
    return {};
  auto const& owner = known->ring.node_of(actor_id);
  return owner == node() && !is_live() ? std::string() : owner; // it lapsed, and nobody had time to say so
}

bool placement::owns(std::string_view actor_id) const {
  if (!is_live())
    return false;
  auto const known = view();
  return !known->ring.empty() && known->ring.node_of(actor_id) == node();
}

} // namespace aether
