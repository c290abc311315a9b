// The stock of one article as a decider: what is there, and what of it is promised to which order.
#pragma once

#include <aether/decision.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

namespace orders {

struct stock_delivered {
  static constexpr std::string_view event_type = "StockDelivered";
  std::int64_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(stock_delivered, (), (quantity))

struct pieces_reserved {
  static constexpr std::string_view event_type = "PiecesReserved";
  std::string order;
  std::int64_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(pieces_reserved, (), (order, quantity))

struct pieces_released {
  static constexpr std::string_view event_type = "PiecesReleased";
  std::string order;
};
BOOST_DESCRIBE_STRUCT(pieces_released, (), (order))

struct pieces_taken {
  static constexpr std::string_view event_type = "PiecesTaken";
  std::string order;
};
BOOST_DESCRIBE_STRUCT(pieces_taken, (), (order))

struct deliver_stock {
  std::int64_t quantity = 0;
};
struct reserve_pieces {
  std::string order;
  std::int64_t quantity = 0;
};
struct release_pieces {
  std::string order;
};
struct take_pieces {
  std::string order;
};

/// Reservations are kept by their order, so that a repeated step changes nothing, however late it comes.
struct stock {
  struct state {
    std::int64_t available = 0;
    std::map<std::string, std::int64_t> reserved; ///< by order
  };
  using event = std::variant<stock_delivered, pieces_reserved, pieces_released, pieces_taken>;
  using decision = aether::decision<event>;

  static decision decide(deliver_stock const& command, state const&) { return stock_delivered{command.quantity}; }
  static decision decide(reserve_pieces const& command, state const& now) {
    if (now.reserved.contains(command.order))
      return aether::no_events;
    if (now.available < command.quantity)
      return aether::rejection("sold_out", "there are " + std::to_string(now.available) + " pieces");
    return pieces_reserved{command.order, command.quantity};
  }
  static decision decide(release_pieces const& command, state const& now) {
    if (!now.reserved.contains(command.order))
      return aether::no_events; // it may never have been reserved
    return pieces_released{command.order};
  }
  static decision decide(take_pieces const& command, state const& now) {
    if (!now.reserved.contains(command.order))
      return aether::no_events;
    return pieces_taken{command.order};
  }

  static void evolve(state& now, stock_delivered const& e) { now.available += e.quantity; }
  static void evolve(state& now, pieces_reserved const& e) {
    now.available -= e.quantity;
    now.reserved[e.order] = e.quantity;
  }
  static void evolve(state& now, pieces_released const& e) {
    now.available += now.reserved[e.order];
    now.reserved.erase(e.order);
  }
  static void evolve(state& now, pieces_taken const& e) { now.reserved.erase(e.order); }
};
BOOST_DESCRIBE_STRUCT(stock::state, (), (available, reserved))

} // namespace orders
