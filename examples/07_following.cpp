// Reading at any length, and following a store. docs/reading.md and docs/following.md show the parts of this file.
#include "order.hpp"
#include "program.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iostream>
#include <map>
#include <string>
#include <utility>

using example::store_ptr;
using namespace std::chrono_literals;

/// Event by event, however many there are: a window of them is in memory.
aether::awaitable<std::int64_t> total_of(store_ptr store, std::string order_id) {
  std::int64_t cents = 0;
  auto reader = store->read_events(order_id);
  for (;;) {
    auto const next = co_await reader.next();
    if (!next) // the end
      co_return cents;
    if (next->event.event_type == "ItemAdded")
      cents += next->event.data.at("cents").as_int64();
  }
}

/// The latest first. It costs the same however long the history is.
aether::awaitable<void> show_last(store_ptr store, std::string order_id, std::size_t count) {
  aether::read_options options;
  options.direction = aether::read_direction::backwards;
  options.max_events = count;
  auto reader = store->read_events(order_id, options);
  for (;;) {
    auto const next = co_await reader.next();
    if (!next)
      co_return;
    std::cout << next->event.version << ' ' << next->event.event_type << '\n';
  }
}

/// What is wrong in a history, beside what is right.
aether::awaitable<std::size_t> check(store_ptr store, std::string order_id) {
  std::size_t errors = 0;
  auto reader = store->read_events(order_id);
  for (;;) {
    auto const item = co_await reader.next_with_errors();
    if (!item)
      co_return errors;
    if (auto const* bad = std::get_if<aether::replay_error>(&*item)) {
      ++errors;
      std::cout << "message " << bad->sequence << ": " << bad->error.message() << '\n';
    }
  }
}

aether::awaitable<std::map<std::string, std::uint64_t>> orders_in(store_ptr store) {
  std::map<std::string, std::uint64_t> events_of;
  aether::list_options options;
  options.type = "order";
  auto actors = store->list_actors(options);
  for (;;) {
    auto const next = co_await actors.next();
    if (!next)
      co_return events_of;
    events_of.emplace(next->actor_id, next->events);
  }
}

/// Everything there is, then what is saved, until there have been `count` events. Returns where it stopped.
aether::awaitable<std::string> follow(store_ptr store, std::string checkpoint, int count) {
  aether::subscribe_options options;
  options.filter.actor_types = {"order"};
  if (!checkpoint.empty())
    options.start = aether::start_from::position(aether::position::from_text(checkpoint));
  auto subscription = co_await store->subscribe(options);
  while (count > 0) {
    auto const item = co_await subscription.next();
    if (auto const* e = std::get_if<aether::recorded_event>(&*item)) {
      std::cout << e->event.actor_id << ' ' << e->event.version << ' ' << e->event.event_type << '\n';
      --count;
    } else if (std::holds_alternative<aether::caught_up>(*item)) {
      std::cout << "caught up\n"; // from here on it is live
    } else {
      std::cout << "malformed: " << std::get<aether::replay_error>(*item).reason << '\n';
    }
  }
  co_return subscription.position().to_text();
}

/// Beside something else that is waited for: wait() and try_next() lose nothing, whoever comes first.
aether::awaitable<int> follow_for(store_ptr store, std::chrono::milliseconds time) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto subscription = co_await store->subscribe();
  boost::asio::steady_timer over(co_await boost::asio::this_coro::executor, time);
  int events = 0;
  for (;;) {
    auto const first = co_await (subscription.wait() || over.async_wait(boost::asio::use_awaitable));
    if (first.index() == 1)
      co_return events;
    while (auto const item = subscription.try_next())
      events += std::holds_alternative<aether::recorded_event>(*item) ? 1 : 0;
  }
}

aether::awaitable<void> save_items(store_ptr store, std::string order_id, std::int64_t first, std::int64_t last) {
  for (auto version = first; version <= last; ++version) {
    boost::json::object item{{"sku", "tea"}, {"cents", 450}};
    auto added = aether::make_event("ItemAdded", order_id, version, std::move(item));
    co_await store->save_event(std::move(added));
  }
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  co_await save_items(store, order_id, 1, 100);
  auto const cents = co_await total_of(store, order_id);
  example::expect(cents == 45'000, "a reader does not read everything");
  co_await show_last(store, order_id, 3);
  auto const errors = co_await check(store, order_id);
  example::expect(errors == 0, "there is an error in a history");
  auto const orders = co_await orders_in(store);
  example::expect(orders.at(order_id) == 100, "a listing does not count");

  auto checkpoint = co_await follow(store, "", 3);
  std::cout << "stopped at " << checkpoint << '\n';
  aether::task_group live(co_await boost::asio::this_coro::executor);
  live.spawn(save_items(store, order_id, 101, 105));
  checkpoint = co_await follow(store, checkpoint, 102);
  co_await live.join();
  auto const events = co_await follow_for(store, 200ms);
  example::expect(events >= 105, "a subscription does not begin at the beginning");
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
