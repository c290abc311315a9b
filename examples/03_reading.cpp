// Reading: histories, single events, snapshots, and what is malformed. docs/reading.md shows the parts of this file.
#include "order.hpp"
#include "program.hpp"

#include <iostream>
#include <string>
#include <utility>

using example::store_ptr;

/// An order as it is now: the latest snapshot, if there is one, and what happened since.
aether::awaitable<shop::order> load(store_ptr store, std::string order_id) {
  shop::order state;
  auto const snapshot = co_await store->find_snapshot(order_id);
  if (snapshot)
    state = shop::order_from(*snapshot);
  auto const events = co_await store->get_events(order_id, state.version);
  co_return shop::replay(events, std::move(state));
}

aether::awaitable<void> keep_snapshot(store_ptr store, std::string order_id) {
  auto const state = co_await load(store, order_id);
  auto snapshot = shop::snapshot_of(order_id, state);
  co_await store->save_snapshot(std::move(snapshot));
}

/// What is stored and is no event: written by another program, or by hand.
aether::awaitable<std::size_t> report_malformed(store_ptr store, std::string order_id) {
  auto const history = co_await store->get_events_with_errors(order_id);
  for (auto const& bad : history.errors)
    std::cout << "message " << bad.sequence << ": " << bad.reason << "\n  " << bad.raw_data << '\n';
  co_return history.errors.size();
}

aether::awaitable<void> look_up(store_ptr store, std::string order_id) {
  auto const version = co_await store->latest_version(order_id); // 0: there is no event
  auto const last = co_await store->find_latest_event(order_id);
  auto const second = co_await store->find_event(order_id, 2);
  std::cout << "version " << version << ", last " << (last ? last->event_type : "nothing") << ", second "
            << (second ? second->event_type : "nothing") << '\n';
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  boost::json::object data{{"customer", "Grace"}};
  auto const placed = aether::make_event("OrderPlaced", order_id, 1, std::move(data));
  co_await store->save_event(placed);
  for (std::int64_t version = 2; version <= 10; ++version) {
    boost::json::object item{{"sku", "tea"}, {"cents", 450}};
    auto added = aether::make_event(placed, "ItemAdded", order_id, version, std::move(item));
    co_await store->save_event(std::move(added));
  }
  co_await look_up(store, order_id);

  auto const before = co_await load(store, order_id);
  co_await keep_snapshot(store, order_id);
  auto const after = co_await load(store, order_id); // the same state, from the snapshot alone
  example::expect(before == after, "a snapshot changed an order");
  std::cout << to_string(after) << '\n';

  auto const malformed = co_await report_malformed(store, order_id);
  example::expect(malformed == 0, "an order of this library's own has malformed events");
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
