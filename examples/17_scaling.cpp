// Scaling: one store over several streams, read as one, moved to other servers, and given more streams while nobody
// writes. docs/scaling.md shows its parts.
#include "program.hpp"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

using aether::nats::connection;

/// Eight streams for the beginning; who opens it later need not say how many: 0 takes what is there.
aether::awaitable<aether::sharded_event_store> open_orders(connection on, std::string name, std::size_t streams) {
  aether::nats::sharded_config config;
  config.stream_count = streams;
  config.stream.stream_retention = aether::nats::retention::forever;
  co_return co_await aether::nats::open_sharded_store(on, name, config);
}

/// Everything in it, from a place on: the position has a place for each stream.
aether::awaitable<int> count_from(aether::sharded_event_store store, aether::position& where) {
  aether::subscribe_options options;
  options.start = aether::start_from::position(where);
  auto events = co_await store.subscribe(options);
  int count = 0;
  for (;;) {
    auto const item = co_await events.next();
    if (std::holds_alternative<aether::caught_up>(*item))
      break;
    count += std::holds_alternative<aether::recorded_event>(*item);
  }
  where = events.position();
  co_return count;
}

/// To servers with this tag; with several replicas while the store is written.
aether::awaitable<void> move_part(connection on, std::string store, std::size_t index, std::string tag) {
  auto const stream = aether::nats::sharded_stream_name(store, index);
  aether::nats::stream_placement to;
  to.tags.push_back(tag);
  aether::nats::move_options options;
  options.progress = [](aether::nats::stream_move const& so_far) { std::cout << so_far.missing << '\n'; };
  auto const done = co_await aether::nats::move_stream(on, stream, to, options);
  std::cout << stream << " is led by " << done.copies.front().server << '\n';
}

/// With every program that uses the store stopped.
aether::awaitable<void> grow(connection on, std::string name) {
  std::vector<connection> connections{on};
  auto const done = co_await aether::nats::add_streams(connections, name, 16);
  std::cout << done.actors_moved << " actors moved, " << done.events_copied << " events\n";
}

aether::awaitable<void> tour(example::arguments given) {
  auto on = co_await connection::connect(given.url);
  auto const name = "scaled-" + aether::make_uuid().substr(0, 8);
  aether::position where;
  {
    auto store = co_await open_orders(on, name, 8);
    for (int i = 0; i < 100; ++i) {
      auto placed = aether::make_event("OrderPlaced", "order-" + std::to_string(i), 1);
      co_await store.save_event(std::move(placed)); // as with any other store
    }
    std::cout << "order-42 is in stream " << store.stream_of("order-42") << '\n';
    int const counted = co_await count_from(store, where);
    example::expect(counted == 100, "an event is missing");
    int const more = co_await count_from(store, where);
    example::expect(more == 0, "an event came twice");
    co_await store.close();
  }
  try {
    co_await move_part(on, name, 3, "disk:new");
  } catch (aether::error const& e) { // there is one server
    example::expect(e.code() == aether::errc::not_enough_replicas, "it failed otherwise");
    std::cout << e.what() << '\n';
  }
  co_await grow(on, name);
  auto store = co_await open_orders(on, name, 0);
  example::expect(store.stream_count() == 16, "no streams were added");
  auto const events = co_await store.get_events("order-42");
  example::expect(events.size() == 1, "an order is not as it was");
  co_await store.close();
}

int main(int argc, char** argv) { return example::run(tour(example::parse(argc, argv))); }
