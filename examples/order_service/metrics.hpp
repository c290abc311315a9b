// What the service counts, as Prometheus reads it: its own requests, and what the library counts.
#pragma once

#include "http_server.hpp"

#include <aether/actor.hpp>
#include <aether/event_store.hpp>
#include <aether/nats/connection.hpp>
#include <aether/workflow_host.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace orders {

/// Thread-safe.
class metrics {
public:
  metrics();
  ~metrics();

  void count(std::string_view route, unsigned status, std::chrono::nanoseconds took);

  // What is asked at each scrape, until forget().
  void watch(std::shared_ptr<http::server> server);
  void watch(std::shared_ptr<aether::event_store> store);
  void watch(aether::nats::connection connection);
  void watch(aether::actor_host actors, aether::workflow_host workflows);
  void forget();

  std::string page() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace orders
