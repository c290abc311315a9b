// How actors spread over streams, and shards over nodes, on more machines than one has: what moves when one is added or
// lost, and what a few hot actors do. Nothing is stored: it only places keys. Its tables stand in docs/scaling.md.
#include <aether/shard_map.hpp>
#include <aether/sharded_event_store.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace aether;

constexpr int actors = 1'000'000;

std::string actor(int i) { return "order-" + std::to_string(i); }
std::string node(int i) { return "node-" + std::to_string(i); }

/// The greatest share of all, relative to an equal share.
double peak(std::vector<double> const& loads) {
  double const all = std::accumulate(loads.begin(), loads.end(), 0.0);
  return *std::max_element(loads.begin(), loads.end()) * static_cast<double>(loads.size()) / all;
}

/// Actor `i` is written 1 / (i + 1)^skew as often as the first one.
std::vector<double> stream_loads(std::size_t streams, double skew) {
  std::vector<double> loads(streams);
  for (int i = 0; i < actors; ++i)
    loads[stream_of_actor(actor(i), streams)] += std::pow(i + 1, -skew);
  return loads;
}

void streams_table() {
  std::printf("\nActors on streams (1,000,000 actors): the busiest stream, relative to an equal share\n\n");
  std::printf("| streams | all equally busy | skew 0.5 | skew 0.8 | skew 1.0 (one actor is 7 %% of all) | moved by one "
              "more |\n");
  std::printf("|---:|---:|---:|---:|---:|---:|\n");
  for (std::size_t const streams : {1u, 8u, 16u, 32u, 64u, 256u}) {
    int moved = 0;
    for (int i = 0; i < actors; ++i)
      moved += stream_of_actor(actor(i), streams) != stream_of_actor(actor(i), streams + 1);
    std::printf("| %zu | %.3f | %.3f | %.2f | %.2f | %.2f %% |\n", streams, peak(stream_loads(streams, 0)),
                peak(stream_loads(streams, 0.5)), peak(stream_loads(streams, 0.8)), peak(stream_loads(streams, 1.0)),
                100.0 * moved / actors);
  }
}

shard_map map_of(int nodes, std::size_t shards, std::size_t virtual_nodes, std::size_t replicas = 1) {
  shard_map_config config;
  config.shard_count = shards;
  config.virtual_nodes = virtual_nodes;
  config.replication_factor = replicas;
  shard_map map(config);
  std::vector<ring_node> all;
  for (int i = 0; i < nodes; ++i)
    all.emplace_back(node(i));
  map.set_nodes(std::move(all));
  return map;
}

std::vector<double> node_loads(shard_map const& map) {
  std::vector<double> loads;
  for (ring_node const& n : map.ring().nodes())
    loads.push_back(static_cast<double>(map.shards_of(n.name).size()));
  return loads;
}

/// Of shards, or of owners where each has several.
double share(std::size_t moves, shard_map const& map) {
  return 100.0 * static_cast<double>(moves) / static_cast<double>(map.shard_count() * map.replication_factor());
}

void nodes_table() {
  std::printf("\nShards on nodes: the busiest node, relative to an equal share, and what moves\n\n");
  std::printf("| nodes | shards | virtual nodes | busiest | least busy | moved by one more (ideal) | moved by one less "
              "(ideal) |\n");
  std::printf("|---:|---:|---:|---:|---:|---:|---:|\n");
  struct row {
    int nodes;
    std::size_t shards, virtual_nodes;
  };
  for (row const r : {row{3, 1024, 150}, row{10, 1024, 150}, row{30, 1024, 150}, row{100, 1024, 150},
                      row{100, 16'384, 150}, row{10, 1024, 15}, row{10, 1024, 1500}, row{10, 16'384, 1500}}) {
    auto map = map_of(r.nodes, r.shards, r.virtual_nodes);
    auto const loads = node_loads(map);
    auto const mean = static_cast<double>(r.shards) / r.nodes;
    auto more = map;
    auto const added = more.add_node("new").size();
    auto fewer = map;
    auto const removed = fewer.remove_node(node(0)).size();
    std::printf("| %d | %zu | %zu | %.2f | %.2f | %.2f %% (%.2f %%) | %.2f %% (%.2f %%) |\n", r.nodes, r.shards,
                r.virtual_nodes, peak(loads), *std::min_element(loads.begin(), loads.end()) / mean, share(added, map),
                100.0 / (r.nodes + 1), share(removed, map), 100.0 / r.nodes);
  }
}

void failures_table() {
  std::printf("\nNodes lost together, 1,024 shards, 12 nodes: shards that lost every owner (of 200 draws, mean and "
              "worst)\n\n");
  std::printf("| replicas | 1 lost | 2 lost | 3 lost |\n|---:|---:|---:|---:|\n");
  std::mt19937 random(7);
  for (std::size_t const replicas : {1u, 2u, 3u}) {
    auto const map = map_of(12, 1024, 150, replicas);
    std::printf("| %zu |", replicas);
    for (std::size_t const lost : {1u, 2u, 3u}) {
      double sum = 0, worst = 0;
      for (int draw = 0; draw < 200; ++draw) {
        std::vector<int> all(12);
        std::iota(all.begin(), all.end(), 0);
        std::shuffle(all.begin(), all.end(), random);
        std::vector<std::string> gone;
        for (std::size_t i = 0; i < lost; ++i)
          gone.push_back(node(all[i]));
        double dark = 0;
        for (std::size_t s = 0; s < map.shard_count(); ++s) {
          auto const owners = map.owners_of(s);
          dark += std::all_of(owners.begin(), owners.end(), [&](std::string const& o) {
            return std::find(gone.begin(), gone.end(), o) != gone.end();
          });
        }
        sum += dark / 200;
        worst = std::max(worst, dark);
      }
      std::printf(" %.1f, %.0f |", sum, worst);
    }
    std::printf("\n");
  }
}

} // namespace

int main() {
  streams_table();
  nodes_table();
  failures_table();
}
