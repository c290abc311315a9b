// One nats-server or several that form a cluster, with ways between them that can be broken.
#pragma once

#include "fault/proxy.hpp"

#include <support/nats_server.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::fault {

struct nats_cluster_options {
  std::size_t nodes = 1;
  bool breakable = false;       ///< the routes go through proxies, for isolate()
  std::string jetstream_config; ///< of each node, see nats_server_options
  std::string extra_config;     ///< of each node, the same
  std::vector<std::string> node_configs; ///< likewise, of node 0, 1, …
  std::string store_dir;        ///< of a single node; empty: its own

  nats_cluster_options() = default;
};

/// AETHER_REPLICAS in the environment: how many servers a run is about; 1 by default.
std::size_t nodes_of_environment();

/// Not thread-safe.
class nats_cluster {
public:
  /// Starts the nodes and waits until JetStream answers. Throws std::runtime_error.
  explicit nats_cluster(nats_cluster_options options = {});

  std::size_t size() const noexcept { return nodes_.size(); }
  test::nats_server& node(std::size_t i) { return *nodes_.at(i); }
  std::string urls() const; ///< of all nodes, separated by commas

  /// Which node leads the stream; nothing when no node that answers knows of a leader.
  /// `but_not`: a node that is not asked and may believe anything.
  std::optional<std::size_t> leader_of(std::string const& stream, std::optional<std::size_t> but_not = {});
  /// Waits until the stream has a leader and every replica has caught up; throws when that takes longer than a minute.
  void wait_until_whole(std::string const& stream);

  /// The ends of the nodes' logs, for reports.
  std::string last_logs() const;

  /// Runs what asks one node while the others are down, so that nobody else can answer.
  void with_only(std::size_t i, std::function<void()> const& ask);

  enum class break_kind {
    refused, ///< the routes are reset and cannot be made again
    stalled, ///< nothing passes; what was sent arrives after the end
  };
  /// Parts a node from the others, not from its clients. Needs `breakable`.
  void isolate(std::size_t i, break_kind kind);
  void rejoin(std::size_t i);
  /// Whether no message from another node reaches this one.
  bool is_isolated(std::size_t i);

private:
  struct route {
    std::size_t from, to;
    std::unique_ptr<proxy> way;
  };
  void start_all(nats_cluster_options const& options);
  void wait_until_answering();

  std::vector<route> routes_;
  std::vector<std::unique_ptr<test::nats_server>> nodes_;
};

} // namespace aether::fault
