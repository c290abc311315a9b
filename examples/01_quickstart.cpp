// The quickstart: orders kept as events, from the first save to a killed server. Start it with examples/quickstart.sh.
#include "order.hpp"

#include <aether/aether.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/serialize.hpp>

#include <csignal>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using store_ptr = std::shared_ptr<aether::event_store>;
using shop::order;

constexpr int thread_count = 4;

struct settings {
  std::string url = "nats://127.0.0.1:4222";
  bool memory = false;
  bool parent_restarts_server = false; // on SIGUSR1; quickstart.sh does
};

// A store, and how it is reached: in memory there is no connection.
struct opened_store {
  store_ptr store;
  aether::nats::connection connection;

  opened_store() = default;
};

void heading(int number, char const* text) { std::cout << '\n' << number << ". " << text << '\n' << std::flush; }
void say(std::string const& text) { std::cout << "   " << text << '\n' << std::flush; }

std::string time_since(std::chrono::steady_clock::time_point start) {
  char text[32];
  std::chrono::duration<double, std::milli> const passed = std::chrono::steady_clock::now() - start;
  if (passed < 1ms)
    std::snprintf(text, sizeof text, "%.0f us", passed.count() * 1000);
  else
    std::snprintf(text, sizeof text, "%.0f ms", passed.count());
  return text;
}

void check(bool holds, char const* what) {
  if (!holds)
    throw std::logic_error(std::string("this should not happen: ") + what);
}

// Both stores keep the same contract, so everything below takes either.
aether::awaitable<opened_store> open_store(settings chosen) {
  opened_store out;
  if (chosen.memory) {
    auto executor = co_await asio::this_coro::executor;
    out.store = std::make_shared<aether::memory_event_store>(executor);
    co_return out;
  }
  out.connection = co_await aether::nats::connection::connect(chosen.url);
  aether::nats::jetstream_config config;
  config.stream_retention = 24h;
  auto opened = co_await aether::nats::jetstream_event_store::open(out.connection, "quickstart", config);
  out.store = std::make_shared<aether::nats::jetstream_event_store>(std::move(opened));
  co_return out;
}

// One order, placed by a coroutine of its own: events with the versions 1, 2, 3 …, each an immutable fact.
aether::awaitable<void> place_order(store_ptr store, std::string order_id, std::string customer, int items) {
  boost::json::object data{{"customer", customer}};
  auto const placed = aether::make_event("OrderPlaced", order_id, 1, std::move(data));
  co_await store->save_event(placed);

  std::int64_t version = 1;
  for (int i = 0; i < items; ++i) {
    boost::json::object item{{"sku", "tea-" + std::to_string(i + 1)}, {"cents", 450 + 25 * i}};
    // Made in answer to `placed`: the metadata says so.
    auto added = aether::make_event(placed, "ItemAdded", order_id, ++version, std::move(item));
    co_await store->save_event(std::move(added));
  }
  auto paid = aether::make_event(placed, "OrderPaid", order_id, ++version);
  co_await store->save_event(std::move(paid));
}

aether::awaitable<void> place_orders(store_ptr store, std::vector<std::string> order_ids) {
  heading(1, "Three orders are placed, each by a coroutine of its own");
  std::vector<std::string> const customers{"Ada", "Grace", "Edsger"};
  aether::task_group group(co_await asio::this_coro::executor);
  for (std::size_t i = 0; i < order_ids.size(); ++i)
    group.spawn(place_order(store, order_ids[i], customers[i], static_cast<int>(i) + 1));
  co_await group.join(); // all three have ended here; an error of one would be thrown

  for (auto const& id : order_ids) {
    auto const events = co_await store->get_events(id);
    say(id + ": " + std::to_string(events.size()) + " events, from " + events.front().event_type + " to " +
        events.back().event_type);
  }
}

aether::awaitable<void> save_twice(store_ptr store, std::string order_id) {
  heading(2, "A save that is repeated is stored once");
  auto const last = co_await store->find_latest_event(order_id);
  check(last.has_value(), "a placed order has no event");
  auto const again = co_await store->save_event(*last);
  check(again.already_saved, "the same event was stored twice");
  say(last->event_type + ", saved again: already saved, as number " + std::to_string(again.sequence) +
      " of the store. A retry is always safe.");
}

struct race_result {
  std::atomic<int> saved{0};
  std::atomic<int> conflicts{0};
};

// What each of the fifty does: decide on what it has seen, and try to be the one.
aether::awaitable<void> ship(store_ptr store, std::string order_id, std::int64_t version, int clerk,
                             std::shared_ptr<race_result> result) {
  boost::json::object data{{"clerk", clerk}};
  auto shipped = aether::make_event("OrderShipped", order_id, version, std::move(data));
  auto const outcome = co_await store->try_save_event(std::move(shipped));
  if (std::holds_alternative<aether::saved>(outcome))
    ++result->saved;
  else
    ++result->conflicts;
}

aether::awaitable<void> race(store_ptr store, store_ptr other, std::string order_id) {
  heading(3, "50 clerks ship the same order at once, on 4 threads");
  if (store != other)
    say("Half of them through a second connection, as those of another process would.");
  auto const version = co_await store->latest_version(order_id) + 1;
  auto const result = std::make_shared<race_result>();
  auto const start = std::chrono::steady_clock::now();
  aether::task_group group(co_await asio::this_coro::executor);
  for (int clerk = 1; clerk <= 50; ++clerk)
    group.spawn(ship(clerk % 2 != 0 ? store : other, order_id, version, clerk, result));
  co_await group.join();
  auto const took = time_since(start);

  say(std::to_string(result->saved) + " saved, " + std::to_string(result->conflicts) + " conflicts");
  check(result->saved == 1 && result->conflicts == 49, "a version was not won exactly once");
  auto const winner = co_await store->find_event(order_id, version);
  check(winner.has_value(), "the winner's event is not there");
  say("Clerk " + boost::json::serialize(winner->data.at("clerk")) + " won version " + std::to_string(version) +
      ", in " + took + " for all 50. The parcel leaves once.");
}

aether::awaitable<void> replay_order(store_ptr store, std::string order_id) {
  heading(4, "An order's state is what its events add up to");
  auto const events = co_await store->get_events(order_id);
  for (auto const& e : events)
    say(std::to_string(e.version) + "  " + e.event_type + "  " + boost::json::serialize(e.data));
  say("-> " + to_string(shop::replay(events)));
}

aether::awaitable<void> use_snapshot(store_ptr store, std::string order_id) {
  heading(5, "A snapshot shortens the replay of a long history");
  co_await place_order(store, order_id, "Barbara", 500);
  auto const start = std::chrono::steady_clock::now();
  auto const events = co_await store->get_events(order_id);
  auto const full = shop::replay(events);
  say("Replayed from the start: " + std::to_string(events.size()) + " events in " + time_since(start));

  auto snapshot = shop::snapshot_of(order_id, full);
  co_await store->save_snapshot(std::move(snapshot));
  auto shipped = aether::make_event("OrderShipped", order_id, full.version + 1);
  co_await store->save_event(std::move(shipped));

  auto const restart = std::chrono::steady_clock::now();
  auto const kept = co_await store->latest_snapshot(order_id);
  auto const tail = co_await store->get_events(order_id, kept.version); // what came after it
  auto const state = shop::replay(tail, shop::order_from(kept));
  say("From the snapshot at version " + std::to_string(kept.version) + ": " + std::to_string(tail.size()) +
      " event in " + time_since(restart));
  say("-> " + to_string(state));
  auto const all = co_await store->get_events(order_id);
  check(state == shop::replay(all), "snapshot and tail differ from the full replay");
}

// Killed without warning, and started again on the same directory. The connection finds it again by itself.
aether::awaitable<void> kill_and_restart_server(aether::nats::connection connection) {
  auto const start = std::chrono::steady_clock::now();
  auto const before = connection.statistics().reconnects;
  ::kill(::getppid(), SIGUSR1);
  aether::call_options patience;
  patience.timeout = 10s;
  while (connection.statistics().reconnects == before)
    co_await connection.wait_for_change(connection.state(), patience);
  say("The connection found it again by itself, " + time_since(start) + " after the kill.");
}

using histories = std::vector<std::vector<aether::event>>;

aether::awaitable<histories> read_all(store_ptr store, std::vector<std::string> order_ids) {
  histories all;
  for (auto const& id : order_ids) {
    auto events = co_await store->get_events(id);
    all.push_back(std::move(events));
  }
  co_return all;
}

aether::awaitable<void> survive_restart(settings chosen, opened_store opened, std::vector<std::string> order_ids) {
  if (chosen.memory || !chosen.parent_restarts_server) {
    heading(6, "Left out: the server is killed and started again");
    say(chosen.memory ? "The embedded store lives and ends with this process. Run without --memory to see it."
                      : "This server is not the quickstart's own to kill. Run without --url to see it.");
    co_return;
  }
  heading(6, "The server is killed and started again");
  auto const before = co_await read_all(opened.store, order_ids);
  co_await kill_and_restart_server(opened.connection);
  auto const after = co_await read_all(opened.store, order_ids);
  check(before == after, "the restarted server has other events");
  std::size_t count = 0;
  for (auto const& events : after)
    count += events.size();
  say("All " + std::to_string(count) + " events of " + std::to_string(after.size()) +
      " orders read again: " + "each is as it was.");

  auto const version = after.front().back().version;
  auto late = aether::make_event("OrderShipped", order_ids.front(), version);
  auto const outcome = co_await opened.store->try_save_event(std::move(late));
  check(std::holds_alternative<aether::version_conflict>(outcome), "a version was won twice");
  say("And clerk 51, who ships at version " + std::to_string(version) + " now, is still too late: conflict.");
}

aether::awaitable<void> tour(settings chosen) {
  auto opened = co_await open_store(chosen);
  auto other = opened;
  if (!chosen.memory)
    other = co_await open_store(chosen);
  std::cout << "aether " AETHER_VERSION_STRING " quickstart: orders kept as events, "
            << (chosen.memory ? "in this process's memory" : "on " + opened.connection.connected_server()) << '\n';

  std::vector<std::string> order_ids; // new ones, as a server may hold those of an earlier run
  for (int i = 0; i < 3; ++i)
    order_ids.push_back("order-" + aether::make_uuid().substr(0, 8));
  auto const long_order = "order-" + aether::make_uuid().substr(0, 8);

  co_await place_orders(opened.store, order_ids);
  co_await save_twice(opened.store, order_ids[1]);
  co_await race(opened.store, other.store, order_ids[0]);
  co_await replay_order(opened.store, order_ids[0]);
  co_await use_snapshot(opened.store, long_order);
  order_ids.push_back(long_order);
  co_await survive_restart(chosen, opened, order_ids);
  co_await opened.store->close();
  co_await other.store->close();
  // The connections close with their last copies, here.
}

settings parse(int argc, char** argv) {
  settings chosen;
  for (int i = 1; i < argc; ++i) {
    std::string const option = argv[i];
    if (option == "--memory")
      chosen.memory = true;
    else if (option == "--parent-restarts-server")
      chosen.parent_restarts_server = true;
    else if (option == "--url" && i + 1 < argc)
      chosen.url = argv[++i];
    else
      throw std::invalid_argument("usage: " + std::string(argv[0]) + " [--memory | --url nats://host:port]");
  }
  return chosen;
}

int main(int argc, char** argv) try {
  auto const chosen = parse(argc, argv);
  asio::io_context context;
  std::exception_ptr failure;
  asio::co_spawn(context, tour(chosen), [&failure](std::exception_ptr e) { failure = e; });
  std::vector<std::jthread> threads;
  for (int i = 1; i < thread_count; ++i)
    threads.emplace_back([&context] { context.run(); });
  context.run();
  threads.clear(); // joins
  if (failure)
    std::rethrow_exception(failure);
  return EXIT_SUCCESS;
} catch (std::exception const& e) {
  std::cerr << "quickstart: " << e.what() << '\n';
  return EXIT_FAILURE;
}
