// Typed events: an order's events as structs, old ones among them, and what is done for each. Runs with --memory too.
// docs/typed-events.md shows the parts of this file.
#include "program.hpp"

#include <aether/typed_event.hpp>

#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using example::store_ptr;

namespace shop {

/// What a library of addresses has. It is part of an event below, so it is described, too.
struct address {
  std::string street;
  std::string town;
};
BOOST_DESCRIBE_STRUCT(address, (), (street, town))

enum class payment { card, transfer };
BOOST_DESCRIBE_ENUM(payment, card, transfer)

struct order_placed {
  static constexpr std::string_view event_type = "OrderPlaced";
  std::string customer;
  std::optional<address> deliver_to; // of orders that are fetched there is none
};
BOOST_DESCRIBE_STRUCT(order_placed, (), (customer, deliver_to))

struct order_paid {
  static constexpr std::string_view event_type = "OrderPaid";
  payment by = payment::card;
  aether::time_point received{};
};
BOOST_DESCRIBE_STRUCT(order_paid, (), (by, received))

/// Its third version. It was called ArticleAdded at first; then came `pieces`; then `euros` became `cents`.
struct item_added {
  static constexpr std::string_view event_type = "ItemAdded";
  static constexpr int event_version = 3;
  static constexpr std::array<std::string_view, 1> former_event_types{"ArticleAdded"};

  static void upcast(aether::from_version<1>, boost::json::object& data) { data["pieces"] = 1; }
  static void upcast(aether::from_version<2>, boost::json::object& data) {
    data["cents"] = data.at("euros").to_number<std::int64_t>() * 100;
    data.erase("euros");
  }

  std::string sku;
  int pieces = 0;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(item_added, (), (sku, pieces, cents))

using order_events = aether::event_set<order_placed, item_added, order_paid>;

} // namespace shop

/// A struct of somebody else's, which cannot say its own name.
namespace warehouse {
struct parcel {
  std::string number;
  double kilograms = 0;
};
BOOST_DESCRIBE_STRUCT(parcel, (), (number, kilograms))
} // namespace warehouse

template <> struct aether::event_traits<warehouse::parcel> {
  static constexpr std::string_view event_type = "ParcelSent";
};

aether::awaitable<void> place(store_ptr store, std::string order_id) {
  shop::order_placed const body{"Ada", shop::address{"Main Street 1", "London"}};
  auto placed = aether::to_event(order_id, 1, body);
  co_await store->save_event(placed);

  shop::item_added const tea{"tea", 2, 900};
  auto added = aether::to_event(placed, order_id, 2, tea); // caused by the first
  co_await store->save_event(std::move(added));
}

struct total {
  std::string customer;
  std::int64_t cents = 0;
  bool paid = false;
};

/// A handler for each event of the set: without one of them it does not compile. The last says what else may come.
total replay(std::vector<aether::event> const& events) {
  total sum;
  for (auto const& e : events)
    aether::visit_event<shop::order_events>(
        e, [&](shop::order_placed const& placed) { sum.customer = placed.customer; },
        [&](shop::item_added const& item) { sum.cents += item.cents; },
        [&](shop::order_paid const&) { sum.paid = true; }, //
        aether::unknown_events::error);
  return sum;
}

/// One type of interest.
std::int64_t count_pieces(std::vector<aether::event> const& events) {
  std::int64_t pieces = 0;
  for (auto const& e : events)
    if (auto const item = aether::event_if<shop::item_added>(e))
      pieces += item->pieces;
  return pieces;
}

/// A program that is older than some events chooses what to do with them.
std::string describe(aether::event const& e) {
  return aether::visit_event<shop::order_events>(
      e, [](shop::order_placed const& placed) { return "placed by " + placed.customer; },
      [](shop::item_added const& item) { return std::to_string(item.pieces) + " of " + item.sku; },
      [](shop::order_paid const&) { return std::string("paid"); },
      [](aether::event const& unknown) { return "something new: " + unknown.event_type; });
}

/// As a program of two years ago stored it.
aether::awaitable<void> add_as_of_old(store_ptr store, std::string order_id) {
  auto old = aether::make_event("ArticleAdded", order_id, 3, {{"sku", "cup"}, {"euros", 7}});
  co_await store->save_event(std::move(old));
}

aether::awaitable<void> pay_and_send(store_ptr store, std::string order_id) {
  shop::order_paid paid;
  paid.by = shop::payment::transfer;
  auto payment = aether::to_event(order_id, 4, paid);
  payment.command_id = "payment-7"; // an event like any other
  co_await store->save_event(std::move(payment));

  warehouse::parcel const parcel{"LX-4", 0.5};
  auto sent = aether::to_event(order_id, 5, parcel);
  co_await store->save_event(std::move(sent));
}

/// What does not fit says where.
std::string what_is_wrong_with(aether::event const& e) {
  try {
    auto const item = aether::event_as<shop::item_added>(e);
    return "nothing: " + item.sku;
  } catch (aether::error const& failure) { // malformed_event, or unknown_event_type
    return failure.what();
  }
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  co_await place(store, order_id);
  co_await add_as_of_old(store, order_id);
  auto const bought = co_await store->get_events(order_id);
  example::expect(replay(bought).cents == 1600, "the old event is in cents by now");
  example::expect(count_pieces(bought) == 3, "the old event is one piece");

  co_await pay_and_send(store, order_id);
  auto const events = co_await store->get_events(order_id);
  for (auto const& e : events)
    std::cout << e.version << ' ' << describe(e) << '\n';
  example::expect(aether::event_as<warehouse::parcel>(events.back()).number == "LX-4", "a parcel came back");

  auto broken = events.at(1);
  broken.data["pieces"] = "two";
  std::cout << what_is_wrong_with(broken) << '\n';
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
