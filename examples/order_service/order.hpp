// An order as a decider: what may be asked of it in which state, and which events it leads to.
#pragma once

#include <aether/decision.hpp>
#include <aether/event.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace orders {

// What happens to an order.

struct order_placed {
  static constexpr std::string_view event_type = "OrderPlaced";
  std::string customer;
  std::string article;
  std::int64_t quantity = 0;
  std::int64_t cents = 0;
  aether::time_point pay_by; ///< later than this nobody waits for the payment
};
BOOST_DESCRIBE_STRUCT(order_placed, (), (customer, article, quantity, cents, pay_by))

struct order_paid {
  static constexpr std::string_view event_type = "OrderPaid";
  std::string reference;
};
BOOST_DESCRIBE_STRUCT(order_paid, (), (reference))

struct stock_reserved {
  static constexpr std::string_view event_type = "StockReserved";
};
BOOST_DESCRIBE_STRUCT(stock_reserved, (), ())

struct order_shipped {
  static constexpr std::string_view event_type = "OrderShipped";
  std::string tracking;
};
BOOST_DESCRIBE_STRUCT(order_shipped, (), (tracking))

enum class canceller { customer, fulfilment };
BOOST_DESCRIBE_ENUM(canceller, customer, fulfilment)

struct order_cancelled {
  static constexpr std::string_view event_type = "OrderCancelled";
  std::string reason;
  canceller by = canceller::customer;
};
BOOST_DESCRIBE_STRUCT(order_cancelled, (), (reason, by))

// What is asked of it. Customers place, pay, ship and cancel; the fulfilment does the rest.

struct place_order {
  order_placed order;
  explicit place_order(order_placed what) : order(std::move(what)) {}
};
struct pay_order {
  std::string reference;
};
struct confirm_stock {};
struct ship_order {
  std::string tracking;
};
struct cancel_order {
  std::string reason;
  canceller by = canceller::customer;
};
struct expire_order {};

enum class order_status { none, placed, paid, reserved, shipped, cancelled };
BOOST_DESCRIBE_ENUM(order_status, none, placed, paid, reserved, shipped, cancelled)

/// The order itself decides, on its state: that it is paid, shipped and cancelled at most once, and never shipped and
/// cancelled both, holds whoever asks, in how many processes. The workflow does not decide this: its journal says how
/// far the fulfilment is, it may lag behind, and no request should wait for it.
struct order {
  struct state {
    order_status status = order_status::none;
    order_placed placed;
    std::string reference, tracking, reason;
  };
  using event = std::variant<order_placed, order_paid, stock_reserved, order_shipped, order_cancelled>;
  using decision = aether::decision<event>;

  static decision decide(place_order const& command, state const& now) {
    if (now.status != order_status::none)
      return aether::rejection("order_exists");
    return command.order;
  }

  static decision decide(pay_order const& command, state const& now) {
    if (now.status == order_status::placed)
      return order_paid{command.reference};
    if (now.status == order_status::none || now.status == order_status::cancelled)
      return refusal(now.status);
    if (now.reference == command.reference)
      return aether::no_events; // the same payment
    return aether::rejection("already_paid", "with the reference " + now.reference);
  }

  static decision decide(confirm_stock const&, state const& now) {
    if (now.status == order_status::paid)
      return stock_reserved();
    if (now.status == order_status::reserved)
      return aether::no_events;
    return refusal(now.status);
  }

  static decision decide(ship_order const& command, state const& now) {
    if (now.status == order_status::reserved)
      return order_shipped{command.tracking};
    if (now.status == order_status::shipped && now.tracking == command.tracking)
      return aether::no_events;
    return refusal(now.status);
  }

  static decision decide(cancel_order const& command, state const& now) {
    if (now.status == order_status::cancelled)
      return aether::no_events;
    if (now.status == order_status::none || now.status == order_status::shipped)
      return refusal(now.status);
    return order_cancelled{command.reason, command.by};
  }

  static decision decide(expire_order const&, state const& now) {
    if (now.status != order_status::placed)
      return aether::no_events; // paid, or cancelled, at the last moment
    return order_cancelled{"not paid in time", canceller::fulfilment};
  }

  static void evolve(state& now, order_placed const& e) {
    now.status = order_status::placed;
    now.placed = e;
  }
  static void evolve(state& now, order_paid const& e) {
    now.status = order_status::paid;
    now.reference = e.reference;
  }
  static void evolve(state& now, stock_reserved const&) { now.status = order_status::reserved; }
  static void evolve(state& now, order_shipped const& e) {
    now.status = order_status::shipped;
    now.tracking = e.tracking;
  }
  static void evolve(state& now, order_cancelled const& e) {
    now.status = order_status::cancelled;
    now.reason = e.reason;
  }

private:
  static aether::rejection refusal(order_status status) {
    switch (status) {
    case order_status::none:
      return aether::rejection("no_such_order");
    case order_status::placed:
      return aether::rejection("not_paid", "the order waits for its payment");
    case order_status::paid:
      return aether::rejection("not_reserved", "no stock is reserved for the order yet");
    case order_status::reserved:
      return aether::rejection("already_reserved");
    case order_status::shipped:
      return aether::rejection("already_shipped");
    case order_status::cancelled:
      break;
    }
    return aether::rejection("order_cancelled");
  }
};
BOOST_DESCRIBE_STRUCT(order::state, (), (status, placed, reference, tracking, reason))

} // namespace orders
