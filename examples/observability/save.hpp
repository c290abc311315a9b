// What a saving node does: orders are placed and paid, each as one request of a customer, with its trace.
#pragma once

#include "common.hpp"

#include <chrono>
#include <cstdint>
#include <random>

namespace shop {

/// Where a server has the header `traceparent` of a request, this begins a trace.
inline aether::trace_context begin_trace() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  aether::trace_context begun;
  for (auto& byte : begun.trace_id)
    byte = static_cast<std::uint8_t>(random());
  for (auto& byte : begun.span_id)
    byte = static_cast<std::uint8_t>(random());
  begun.flags = 1;
  return begun;
}

/// Until it is known to be stored: the same event each time, with the same id, is stored once.
inline aether::awaitable<void> save_surely(store_ptr store, aether::event e, logger_ptr log) {
  for (;;) {
    try {
      co_await store->save_event(e);
      co_return;
    } catch (aether::error const& failed) {
      if (!aether::is_retryable(failed.code()))
        throw;
      log->log(aether::log_level::warning, "a save is repeated", {{"event_id", e.id}, {"error", failed.what()}});
    }
    co_await pause(std::chrono::seconds(1));
  }
}

inline aether::awaitable<void> save_orders(store_ptr store, int orders, logger_ptr log) {
  for (int n = 0; n < orders; ++n) {
    auto placed = aether::make_event("OrderPlaced", example::new_order_id(), 1);
    placed.metadata.user_id("ada");
    set_trace(placed.metadata, begin_trace());
    auto paid = aether::make_event(placed, "OrderPaid", placed.actor_id, 2); // caused by it, of the same trace
    co_await save_surely(store, std::move(placed), log);
    co_await save_surely(store, std::move(paid), log);
    co_await pause(std::chrono::milliseconds(1));
  }
}

} // namespace shop
