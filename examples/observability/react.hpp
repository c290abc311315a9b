// What a reacting node does: it hears at once of what was stored, keeps a board of orders, and writes an audit log.
#pragma once

#include "common.hpp"

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>

namespace shop {

/// How far each order got. An event may come twice, and a later one first: the newest version is what counts.
class order_board {
public:
  order_board(prometheus::Registry& page, std::string const& name)
      : family_(prometheus::BuildGauge().Name("shop_orders").Help("Orders by how far they got.").Register(page)),
        placed_(family_.Add({{"node", name}, {"status", "placed"}})),
        paid_(family_.Add({{"node", name}, {"status", "paid"}})) {}

  void apply(aether::event const& e) {
    auto& order = orders_[e.actor_id];
    if (e.version <= order.version)
      return;
    if (order.counted)
      order.counted->Decrement();
    order.version = e.version;
    order.counted = e.event_type == "OrderPaid" ? &paid_ : &placed_;
    order.counted->Increment();
  }

  aether::position read_until; ///< everything before it has been applied

private:
  struct entry {
    std::int64_t version = 0;
    prometheus::Gauge* counted = nullptr;
  };

  prometheus::Family<prometheus::Gauge>& family_;
  prometheus::Gauge& placed_; // the registry has them
  prometheus::Gauge& paid_;
  std::map<std::string, entry> orders_;
};

/// What the parts of one reacting node share.
struct reactor {
  std::string name;
  store_ptr store;
  bus_ptr bus;
  std::shared_ptr<order_board> board;
  logger_ptr log;
  std::size_t buffer_events = 0;

  reactor() = default;
};

/// Reads what was stored since it last did.
inline aether::awaitable<void> catch_up(store_ptr store, std::shared_ptr<order_board> board) {
  aether::subscribe_options options;
  options.filter.actor_types = {"order"};
  options.start = aether::start_from::position(board->read_until);
  options.on_expired = aether::expired_start::first; // the board shows what the stream still has
  options.malformed = aether::malformed_messages::skip;
  auto stored = co_await store->subscribe(std::move(options));
  for (;;) {
    auto const item = co_await stored.next();
    if (auto const* recorded = std::get_if<aether::recorded_event>(&*item))
      board->apply(recorded->event);
    else if (std::holds_alternative<aether::caught_up>(*item))
      break;
  }
  board->read_until = stored.position();
}

/// An announcement says which event was stored; the store has it.
inline aether::awaitable<void> look_up(store_ptr store, std::shared_ptr<order_board> board,
                                       std::shared_ptr<aether::event const> announcement) {
  auto const told = aether::as_event_stored(*announcement);
  if (!told)
    co_return; // not well-formed: somebody else publishes there
  auto const found = co_await store->find_event(told->actor_id, told->version);
  if (found)
    board->apply(*found);
}

/// Until the bus is closed.
inline aether::awaitable<void> hear(reactor self) {
  aether::bus_filter filter;
  filter.pattern = "shop";
  filter.event_types = {std::string(aether::event_stored_type)};
  filter.actor_pattern = "order-*";
  filter.buffer_events = self.buffer_events;
  auto announcements = co_await self.bus->subscribe(filter);
  co_await catch_up(self.store, self.board); // behind subscribing: what is stored meanwhile is announced

  aether::call_options silence;
  silence.timeout = std::chrono::seconds(10);
  for (;;) {
    auto const item = co_await announcements.receive(silence);
    if (item && std::holds_alternative<aether::bus_closed>(*item))
      co_return;
    if (item && std::holds_alternative<aether::broadcast>(*item)) {
      auto const announcement = std::get<aether::broadcast>(*item).event;
      co_await look_up(self.store, self.board, announcement);
      continue;
    }
    if (item) {
      auto const count = std::get<aether::missed>(*item).count;
      self.log->log(aether::log_level::info, "announcements were missed",
                    {{"count", count ? std::to_string(*count) : "unknown"}});
    }
    // In silence too: what a publisher that died lost last of all, nobody tells.
    co_await catch_up(self.store, self.board);
  }
}

/// The same, and again when the store or the bus could not be asked for a while.
inline aether::awaitable<void> react(reactor self) {
  for (;;) {
    try {
      co_await hear(self);
      co_return;
    } catch (aether::error const& failed) {
      if (!aether::is_retryable(failed.code()))
        throw;
      self.log->log(aether::log_level::warning, "reacting begins anew", {{"error", failed.what()}});
    }
    co_await pause(std::chrono::seconds(1));
  }
}

inline aether::awaitable<void> write_down(std::string who, aether::event e) {
  std::cout << who << " audit: " << e.event_type << ' ' << e.actor_id << ' ' << e.version << " by "
            << e.metadata.user_id() << " cause=" << e.metadata.causation_id() << " trace=" << e.metadata.trace_id()
            << '\n';
  co_return;
}

/// An audit log needs every event, in order: that is no matter of a bus, but of a projection.
inline aether::projection make_audit(reactor self) {
  aether::projection_options options;
  options.name = self.name + "-audit";
  options.filter.actor_types = {"order"};
  options.on_failure = aether::failed_event_policy::retry_then_stop;
  options.log = self.log;
  return aether::projection(self.store, std::make_shared<aether::memory_checkpoint_store>(), std::move(options),
                            [who = self.name](aether::recorded_event const& e) { return write_down(who, e.event); });
}

} // namespace shop
