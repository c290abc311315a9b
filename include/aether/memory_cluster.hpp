// Nodes in one process: placement and transport for tests and small programs.
#pragma once

#include <aether/command_transport.hpp>
#include <aether/placement.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace aether {

namespace detail {
struct cluster_state;
} // namespace detail

/// Nodes that know each other because they share this object. A copyable handle; copies are the same cluster.
/// Thread-safe.
class memory_cluster {
public:
  memory_cluster();

  /// A new node, live at once. Throws invalid_id, invalid_argument for a weight beyond hash_ring's, node_name_taken.
  std::shared_ptr<placement> join(std::string name, std::size_t weight = 0);
  /// One that looks on.
  std::shared_ptr<placement> observe(std::string name);
  /// Between the nodes.
  std::shared_ptr<command_transport> transport() const;

  // What goes wrong elsewhere, for tests.

  /// The others take the node for dead, and it itself learns that its lease has lapsed; `knows` false: it does not.
  void expire(std::string const& node, bool knows = true);
  /// It is live again.
  void revive(std::string const& node);
  /// What is sent to it is received by nobody, and is not answered.
  void silence(std::string const& node, bool is_silent = true);

private:
  std::shared_ptr<detail::cluster_state> state_;
};

} // namespace aether
