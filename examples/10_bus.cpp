// Telling others that something happened, in this process and in others. docs/bus.md shows the parts of this file.
#include "order.hpp"
#include "program.hpp"

#include <boost/asio/this_coro.hpp>

#include <iostream>
#include <string>
#include <utility>
#include <variant>

using namespace std::chrono_literals;

/// Everything that happens to orders of one shop, until `count` events have come.
aether::awaitable<int> listen(aether::bus_subscription subscription, int count) {
  int gaps = 0;
  while (count > 0) {
    auto const item = co_await subscription.receive();
    if (auto const* b = std::get_if<aether::broadcast>(&*item)) {
      std::cout << *b->name_space << ": " << b->event->actor_id << ' ' << b->event->event_type << '\n';
      --count;
    } else if (auto const* m = std::get_if<aether::missed>(&*item)) {
      std::cout << (m->count ? std::to_string(*m->count) : "some") << " did not come: look into the store\n";
      ++gaps;
    } else {
      break; // the bus was closed
    }
  }
  co_return gaps;
}

/// In one process: no server, no connection.
aether::awaitable<void> in_this_process() {
  aether::event_bus bus;
  aether::bus_filter filter;
  filter.pattern = "shop.*.orders";
  filter.event_types = {"OrderPlaced", "OrderPaid"};
  filter.actor_pattern = "order-*";
  auto subscription = co_await bus.subscribe(filter);

  bus.publish("shop.berlin.orders", aether::make_event("OrderPlaced", "order-1", 1));
  bus.publish("shop.berlin.orders", aether::make_event("NoteAdded", "order-1", 2)); // not asked for
  bus.publish("shop.rome.orders", aether::make_event("OrderPaid", "order-2", 2));
  auto const gaps = co_await listen(std::move(subscription), 2);
  example::expect(gaps == 0, "nothing was lost");
}

/// Across processes: each has a connection and a bus. What one publishes, all hear, this one too.
aether::awaitable<void> across_processes(std::string url) {
  auto here = co_await aether::nats::connection::connect(url);
  auto bus = co_await aether::nats::event_bus::open(here);
  auto there = co_await aether::nats::connection::connect(url); // as another process has it
  auto others_bus = co_await aether::nats::event_bus::open(there);

  aether::bus_filter filter;
  filter.pattern = "shop.>";
  auto subscription = co_await others_bus.subscribe(filter);
  bus.publish("shop.berlin.orders", aether::make_event("OrderPlaced", "order-1", 1));
  co_await listen(std::move(subscription), 1);
  co_await here.close(); // sends what was published
}

/// A slow subscriber loses what is newest, and learns how much.
aether::awaitable<void> a_small_buffer() {
  aether::event_bus bus;
  aether::bus_filter filter;
  filter.pattern = "shop";
  filter.buffer_events = 2;
  filter.overflow = aether::overflow_policy::drop_newest;
  auto subscription = co_await bus.subscribe(filter);
  for (int version = 1; version <= 5; ++version)
    bus.publish("shop", aether::make_event("NoteAdded", "order-1", version));
  bus.close();
  auto const gaps = co_await listen(std::move(subscription), 5);
  example::expect(gaps == 1 && bus.metrics().dropped == 3, "three were dropped, and told once");
}

/// A store tells a bus of each event that it stored; who hears of it looks it up.
aether::awaitable<void> what_a_store_announces() {
  auto const bus = std::make_shared<aether::event_bus>();
  aether::memory_config config; // the same in nats::jetstream_config
  config.name_space = "shop";
  config.announce_to = bus;
  auto executor = co_await boost::asio::this_coro::executor;
  aether::memory_event_store store(executor, config);

  aether::bus_filter filter;
  filter.pattern = "shop";
  filter.event_types = {std::string(aether::event_stored_type)};
  auto subscription = co_await bus->subscribe(filter);
  auto placed = aether::make_event("OrderPlaced", "order-1", 1);
  co_await store.save_event(placed);

  auto const item = co_await subscription.receive();
  auto const announcement = std::get<aether::broadcast>(*item).event;
  auto const told = aether::as_event_stored(*announcement);
  auto const found = co_await store.find_event(told->actor_id, told->version);
  std::cout << "stored: " << told->actor_id << ' ' << found->event_type << '\n';
  example::expect(found->id == placed.id && told->event_id == placed.id, "the event that was saved is announced");
  example::expect(announcement->metadata.causation_id() == placed.id, "the announcement is caused by it");
}

aether::awaitable<void> all(example::arguments given) {
  co_await in_this_process();
  co_await what_a_store_announces();
  co_await a_small_buffer();
  if (!given.memory) // --memory: without a server
    co_await across_processes(given.url);
}

int main(int argc, char** argv) { return example::run(all(example::parse(argc, argv))); }
