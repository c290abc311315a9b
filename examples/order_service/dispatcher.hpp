// Tells fulfilments what happened to their orders.
#pragma once

#include <aether/event_store.hpp>
#include <aether/logging.hpp>
#include <aether/workflow_host.hpp>

#include <memory>
#include <utility>

namespace orders {

/// One of any number, in any number of processes, that share the work.
///
/// A request that stored an event does not tell the workflow itself: a crash between the two would leave an order that
/// nobody fulfils. The stored event is what counts; the group hands it out until it was handled.
///
/// Everything on one strand.
class dispatcher {
public:
  dispatcher(std::shared_ptr<aether::event_store> store, aether::workflow_client workflows,
             std::shared_ptr<aether::logger> log)
      : store_(std::move(store)), workflows_(std::move(workflows)), log_(std::move(log)) {}

  static aether::awaitable<void> run(std::shared_ptr<dispatcher> self);
  /// run() ends when the event in work was handled. One that was cut off would be handed out again half a minute later.
  void stop();

private:
  static aether::awaitable<void> work(std::shared_ptr<dispatcher> self);

  std::shared_ptr<aether::event_store> const store_;
  aether::workflow_client const workflows_;
  std::shared_ptr<aether::logger> const log_;
  aether::event_group group_;
  bool stopping_ = false;
};

} // namespace orders
