// Saving: what a save can end with, and what to do in each case. docs/saving.md shows the parts of this file.
#include "order.hpp"
#include "program.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using example::store_ptr;

aether::awaitable<void> place(store_ptr store, std::string order_id) {
  boost::json::object data{{"customer", "Ada"}};
  auto placed = aether::make_event("OrderPlaced", order_id, 1, std::move(data));
  auto const outcome = co_await store->try_save_event(placed);
  if (auto const* done = std::get_if<aether::saved>(&outcome))
    std::cout << "saved as number " << done->sequence << (done->already_saved ? ", by an earlier attempt\n" : "\n");
  else if (auto const* lost = std::get_if<aether::version_conflict>(&outcome))
    std::cout << "conflict: the order is at version " << lost->current_version << " already\n";
}

/// Reads, decides and saves, and starts again when somebody else was faster. False: it was shipped before.
aether::awaitable<bool> ship_once(store_ptr store, std::string order_id) {
  for (;;) {
    auto const events = co_await store->get_events(order_id);
    auto const order = shop::replay(events);
    if (order.status == "shipped")
      co_return false;
    auto shipped = aether::make_event("OrderShipped", order_id, order.version + 1);
    auto const outcome = co_await store->try_save_event(std::move(shipped));
    if (std::holds_alternative<aether::saved>(outcome))
      co_return true;
  }
}

/// Saves until it is known how that ended. It is the same event each time, with the same id: it is stored once.
aether::awaitable<aether::save_outcome> save_surely(store_ptr store, aether::event e, int attempts) {
  auto executor = co_await asio::this_coro::executor;
  for (int attempt = 1;; ++attempt) {
    try {
      auto outcome = co_await store->try_save_event(e);
      co_return outcome;
    } catch (aether::error const& failure) {
      if (!aether::is_retryable(failure.code()) || attempt == attempts)
        throw;
    }
    asio::steady_timer pause(executor, attempt * 100ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

/// Pays only the order that was seen: not one that changed since, though the version would still be free.
aether::awaitable<void> pay(store_ptr store, std::string order_id, std::int64_t seen_version) {
  auto paid = aether::make_event("OrderPaid", order_id, seen_version + 1);
  aether::save_options options;
  options.expected_version = seen_version;
  options.timeout = 3s;
  co_await store->save_event(std::move(paid), options); // a conflict is thrown as version_conflict_error
}

/// All of them or none, as one write.
aether::awaitable<void> add_items(store_ptr store, std::string order_id, std::int64_t version) {
  std::vector<aether::event> items;
  for (auto const* sku : {"tea", "cup", "spoon"}) {
    boost::json::object data{{"sku", sku}, {"cents", 450}};
    items.push_back(aether::make_event("ItemAdded", order_id, ++version, std::move(data)));
  }
  auto const last = co_await store->save_events(std::move(items));
  std::cout << "three items saved, the order is at version " << last.version << '\n';
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  co_await place(store, order_id);
  co_await place(store, order_id); // another event at the same version: a conflict
  co_await pay(store, order_id, 1);

  bool told = false;
  try {
    co_await pay(store, order_id, 1);
  } catch (aether::version_conflict_error const& e) {
    std::cout << e.what() << '\n';
    told = e.current_version() == 2;
  }
  example::expect(told, "an order was paid twice");

  bool const first = co_await ship_once(store, order_id);
  bool const second = co_await ship_once(store, order_id);
  example::expect(first && !second, "an order was shipped twice, or never");

  auto late = aether::make_event("OrderReturned", order_id, 4);
  auto outcome = co_await save_surely(store, late, 3);
  example::expect(std::holds_alternative<aether::saved>(outcome), "a free version was not saved");
  outcome = co_await save_surely(store, late, 3);
  auto const* again = std::get_if<aether::saved>(&outcome);
  example::expect(again && again->already_saved, "a repeated save was stored twice");
  std::cout << "saved again: already saved, number " << again->sequence << '\n';

  if (store->supports_batches())
    co_await add_items(store, order_id, 4);
  else
    std::cout << "this server has no atomic batches: events are saved one by one\n";
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
