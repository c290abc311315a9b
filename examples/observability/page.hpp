// The page of a node: what the library counts in it, and a number of its own.
#pragma once

#include "common.hpp"

#include <aether/prometheus/collector.hpp>

#include <prometheus/exposer.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shop {

using collector_ptr = std::shared_ptr<aether::prometheus::collector>;

/// The page, and what is on it for as long as this lives.
struct metrics_page {
  collector_ptr collector = std::make_shared<aether::prometheus::collector>();
  std::shared_ptr<prometheus::Registry> own = std::make_shared<prometheus::Registry>();
  std::vector<aether::prometheus::registration> sources;
  prometheus::Exposer exposer;

  explicit metrics_page(std::string const& address) : exposer(address) {
    exposer.RegisterCollectable(collector);
    exposer.RegisterCollectable(own); // the program's own metrics, beside the library's
  }

  void add_store(store_ptr store) { sources.push_back(collector->add_store("shop", store)); }
  void add_bus(bus_ptr bus) { sources.push_back(collector->add_bus("shop", bus)); }
  void add_projection(std::string name, aether::projection p) {
    sources.push_back(collector->add_projection(std::move(name), [p] { return p.progress(); }));
  }
  void add_connection(aether::nats::connection c) {
    sources.push_back(collector->add_connection("main", [c] { return aether::prometheus::connection_metrics(c); }));
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(exposer.GetListeningPorts().at(0)) + "/metrics";
  }
};

} // namespace shop
