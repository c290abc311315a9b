// The domain of the examples: an order, as the events that happened to it and as the state they add up to.
#pragma once

#include <aether/event.hpp>
#include <aether/snapshot.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value_to.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace shop {

/// What is known about one order: nothing but what its events say.
struct order {
  std::string customer;
  std::string status = "unknown";
  std::int64_t items = 0;
  std::int64_t cents = 0;
  std::int64_t version = 0; // of the last event that is part of this

  /// Takes in what happened. Never refuses: an event is a fact.
  void apply(aether::event const& e) {
    version = e.version;
    if (e.event_type == "OrderPlaced") {
      customer = boost::json::value_to<std::string>(e.data.at("customer"));
      status = "placed";
    } else if (e.event_type == "ItemAdded") {
      items += 1;
      cents += e.data.at("cents").to_number<std::int64_t>();
    } else if (e.event_type == "OrderPaid") {
      status = "paid";
    } else if (e.event_type == "OrderShipped") {
      status = "shipped";
    }
  }

  friend bool operator==(order const&, order const&) = default;
};

/// The state after these events, which go on from `state`.
inline order replay(std::vector<aether::event> const& events, order state = order()) {
  for (auto const& e : events)
    state.apply(e);
  return state;
}

/// The state as a snapshot holds it, and back.
inline aether::actor_snapshot snapshot_of(std::string order_id, order const& o) {
  boost::json::object state{{"customer", o.customer}, {"status", o.status}, {"items", o.items}, {"cents", o.cents}};
  return aether::make_snapshot(std::move(order_id), o.version, std::move(state));
}

inline order order_from(aether::actor_snapshot const& s) {
  order o;
  o.customer = boost::json::value_to<std::string>(s.state.at("customer"));
  o.status = boost::json::value_to<std::string>(s.state.at("status"));
  o.items = s.state.at("items").to_number<std::int64_t>();
  o.cents = s.state.at("cents").to_number<std::int64_t>();
  o.version = s.version;
  return o;
}

inline std::string to_string(order const& o) {
  std::string const cents = std::to_string(o.cents % 100);
  return "version " + std::to_string(o.version) + ": " + o.status + ", " + std::to_string(o.items) +
         (o.items == 1 ? " item, " : " items, ") + std::to_string(o.cents / 100) + (cents.size() == 1 ? ".0" : ".") +
         cents + " EUR, for " + o.customer;
}

} // namespace shop
