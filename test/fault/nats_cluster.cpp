// The nodes' configuration, and what STREAM.INFO tells of their state.
#include "fault/nats_cluster.hpp"

#include "fault/wire_client.hpp"

#include <support/run.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

namespace aether::fault {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

std::string name_of(std::size_t node) { return "n" + std::to_string(node); }

// An empty object when the node is down, or does not answer, or answers with an error.
json::object ask(test::nats_server const& node, std::string const& subject, std::string const& body = {}) {
  try {
    wire_client client(node.port(), 1s);
    auto const answer = client.request(subject, body);
    if (!answer || answer->status() != 0)
      return {};
    auto told = json::parse(answer->data).as_object();
    return told.contains("error") ? json::object() : told;
  } catch (std::exception const&) {
    return {};
  }
}

void pause_until_ready(clock::time_point until, std::string const& log) {
  if (clock::now() > until)
    throw std::runtime_error("JetStream does not come up: " + log);
  std::this_thread::sleep_for(20ms);
}

json::object cluster_of(json::object const& info) {
  auto const* cluster = info.if_contains("cluster");
  return cluster && cluster->is_object() ? cluster->get_object() : json::object();
}

bool is_whole(json::object const& info, std::size_t nodes) {
  if (info.empty())
    return false;
  if (nodes == 1)
    return true;
  auto const cluster = cluster_of(info);
  auto const* leader = cluster.if_contains("leader");
  auto const* replicas = cluster.if_contains("replicas");
  if (!leader || !replicas || replicas->as_array().size() + 1 < nodes)
    return false;
  for (auto const& r : replicas->as_array())
    if (!r.at("current").as_bool() || r.as_object().contains("lag"))
      return false;
  return true;
}

} // namespace

std::size_t nodes_of_environment() {
  auto const* given = std::getenv("AETHER_REPLICAS");
  return given && *given ? std::stoul(given) : 1;
}

nats_cluster::nats_cluster(nats_cluster_options options) {
  // Between looking for free ports and the servers' binds others may take them.
  for (int attempt = 0;; ++attempt) {
    try {
      start_all(options);
      break;
    } catch (std::runtime_error const&) {
      if (attempt == 4)
        throw;
      nodes_.clear();
      routes_.clear();
    }
  }
  wait_until_answering();
}

void nats_cluster::start_all(nats_cluster_options const& options) {
  auto const n = options.nodes;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < n; ++i)
    ports.push_back(test::free_port());
  for (std::size_t from = 0; from < n && options.breakable; ++from)
    for (std::size_t to = 0; to < n; ++to)
      if (from != to)
        routes_.push_back({from, to, std::make_unique<proxy>(ports[to])});
  auto const way_from_to = [&](std::size_t from, std::size_t to) {
    for (auto const& r : routes_)
      if (r.from == from && r.to == to)
        return r.way->port();
    return ports[to];
  };
  for (std::size_t i = 0; i < n; ++i) {
    test::nats_server_options one;
    one.jetstream_config = options.jetstream_config;
    one.extra_config = options.extra_config;
    if (i < options.node_configs.size())
      one.extra_config += '\n' + options.node_configs[i] + '\n';
    one.store_dir = options.store_dir;
    if (n > 1) {
      std::string routes;
      for (std::size_t to = 0; to < n; ++to)
        if (to != i)
          routes += "    nats-route://127.0.0.1:" + std::to_string(way_from_to(i, to)) + "\n";
      // What others are told by gossip leads nowhere, so that no route goes past the proxies.
      std::string const advertised = options.breakable ? "  advertise: \"127.0.0.1:1\"\n" : "";
      one.extra_config += "server_name: " + name_of(i) +
                          "\ncluster {\n  name: c\n  listen: \"127.0.0.1:" + std::to_string(ports[i]) + "\"\n" +
                          advertised + "  routes = [\n" + routes + "  ]\n}\n";
    }
    nodes_.push_back(std::make_unique<test::nats_server>(std::move(one)));
  }
}

void nats_cluster::wait_until_answering() {
  auto const until = clock::now() + test::scaled(60s);
  for (auto const& node : nodes_)
    while (ask(*node, "$JS.API.INFO").empty())
      pause_until_ready(until, node->log());
  if (size() == 1)
    return;
  // The leader takes some time to learn of the others; until then it has "no suitable peers" for a stream.
  std::string const replicas = std::to_string(size());
  std::string const stream =
      R"({"name":"READY","subjects":["READY"],"storage":"memory","num_replicas":)" + replicas + '}';
  while (ask(*nodes_.front(), "$JS.API.STREAM.CREATE.READY", stream).empty())
    pause_until_ready(until, last_logs());
  while (ask(*nodes_.front(), "$JS.API.STREAM.DELETE.READY").empty() &&
         !ask(*nodes_.front(), "$JS.API.STREAM.INFO.READY").empty())
    pause_until_ready(until, last_logs());
}

std::string nats_cluster::last_logs() const {
  constexpr std::size_t shown = 6000;
  std::string all;
  for (std::size_t i = 0; i < size(); ++i) {
    auto const log = nodes_[i]->log();
    all += "\n" + name_of(i) + ": …" + log.substr(log.size() - std::min(log.size(), shown));
  }
  return all;
}

std::string nats_cluster::urls() const {
  std::string all;
  for (auto const& node : nodes_)
    all += (all.empty() ? "" : ",") + node->url();
  return all;
}

std::optional<std::size_t> nats_cluster::leader_of(std::string const& stream, std::optional<std::size_t> but_not) {
  if (size() == 1)
    return 0;
  for (std::size_t asked = 0; asked < size(); ++asked) {
    auto const& node = nodes_[asked];
    if (node->pid() == 0 || asked == but_not)
      continue;
    auto const cluster = cluster_of(ask(*node, "$JS.API.STREAM.INFO." + stream));
    auto const* leader = cluster.if_contains("leader");
    if (!leader)
      continue;
    for (std::size_t i = 0; i < size(); ++i)
      if (leader->as_string() == name_of(i))
        return i;
  }
  return {};
}

void nats_cluster::wait_until_whole(std::string const& stream) {
  auto const until = clock::now() + test::scaled(60s);
  for (;;) {
    auto const info = ask(*nodes_.front(), "$JS.API.STREAM.INFO." + stream);
    if (is_whole(info, size()))
      return;
    if (clock::now() > until)
      throw std::runtime_error("stream " + stream + " does not become whole: " + json::serialize(info) + last_logs());
    std::this_thread::sleep_for(50ms);
  }
}

void nats_cluster::with_only(std::size_t i, std::function<void()> const& ask) {
  for (std::size_t other = 0; other < size(); ++other)
    if (other != i)
      node(other).kill();
  std::exception_ptr failed;
  try {
    ask();
  } catch (...) {
    failed = std::current_exception();
  }
  for (std::size_t other = 0; other < size(); ++other)
    if (other != i)
      node(other).start();
  if (failed)
    std::rethrow_exception(failed);
}

void nats_cluster::isolate(std::size_t i, break_kind kind) {
  for (auto& r : routes_) {
    if (r.from != i && r.to != i)
      continue;
    if (kind == break_kind::refused) {
      r.way->refuse(true);
      r.way->cut(cut_kind::reset);
    } else {
      r.way->stall(way::to_server);
      r.way->stall(way::to_client);
    }
  }
}

bool nats_cluster::is_isolated(std::size_t i) {
  wire_client here(node(i).port());
  for (std::size_t other = 0; other < size(); ++other) {
    if (other == i)
      continue;
    wire_client there(node(other).port());
    there.publish(here.inbox() + "1", "are you there?");
    there.request("nobody.listens", ""); // answered once the server has handled what came before
  }
  return !here.next_answer(clock::now() + 200ms);
}

void nats_cluster::rejoin(std::size_t i) {
  for (auto& r : routes_) {
    if (r.from != i && r.to != i)
      continue;
    r.way->refuse(false);
    r.way->go_on(way::to_server);
    r.way->go_on(way::to_client);
  }
}

} // namespace aether::fault
