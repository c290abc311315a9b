// What the service answers to each of its routes.
#pragma once

#include "answers.hpp"
#include "metrics.hpp"
#include "routes.hpp"

#include <aether/actor.hpp>
#include <aether/workflow_host.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace orders {

/// What requests are answered with.
struct service {
  std::shared_ptr<aether::event_store> store;
  aether::actor_host actors;
  aether::workflow_client workflows;
  std::shared_ptr<metrics> counts;
  std::shared_ptr<aether::logger> log;
  std::function<bool()> is_connected;
  std::chrono::seconds pay_within{};
  std::chrono::seconds longest_wait{5}; ///< of a request for a fulfilment's result

  service() = default;
};

/// Never throws but when it is cancelled.
aether::awaitable<http::answer> respond(std::shared_ptr<service const> in, http::request r);

} // namespace orders
