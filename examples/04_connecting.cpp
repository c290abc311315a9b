// Connecting: options, several stores on one connection, streams and namespaces. docs/configuration.md shows its parts.
#include "program.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using aether::nats::connection;
using aether::nats::jetstream_config;
using aether::nats::jetstream_event_store;

/// A cluster, TLS, and a credentials file as `nsc` writes it.
aether::nats::connection_options production() {
  aether::nats::connection_options options;
  options.servers = {"tls://nats-1.example.com:4222", "tls://nats-2.example.com:4222"};
  options.name = "order-service";
  options.credentials_file = "/etc/order-service/nats.creds";
  options.tls.ca_file = "/etc/order-service/ca.pem";
  options.validate(); // connect() does it too: a mistake is told by name
  return options;
}

aether::awaitable<jetstream_event_store> open_orders(connection on, std::string tenant) {
  jetstream_config config;
  config.name_space = tenant; // the stream is {tenant}_orders: tenants never meet
  config.stream_retention = 5 * 365 * 24h;
  config.version_policy = aether::version_policy::contiguous; // no gaps between versions
  config.max_stream_bytes = 10'000'000'000; // a full stream refuses saves, and never drops an event
  co_return co_await jetstream_event_store::open(on, "orders", config);
}

/// Takes a stream that another library or another team has made, as it is, and tells what it lacks.
aether::awaitable<jetstream_event_store> adopt(connection on, std::string stream) {
  jetstream_config config;
  config.on_existing = aether::nats::existing_stream::adopt;
  auto store = co_await jetstream_event_store::open(on, stream, config);
  for (auto const& w : store.weakened())
    std::cout << w.setting << " is " << w.actual << ", not " << w.wanted << '\n';
  co_return store;
}

/// For monitoring: returns when the connection has been closed.
aether::awaitable<void> watch(connection watched) {
  auto seen = watched.state();
  while (seen != aether::nats::connection_state::closed) {
    seen = co_await watched.wait_for_change(seen);
    std::cout << "connection: " << to_string(seen) << ' ' << watched.last_error_text() << '\n';
  }
}

/// A stream as another program could have made it: no direct get, and nobody is kept from deleting.
aether::awaitable<void> make_foreign_stream(connection on) {
  aether::nats::message question("$JS.API.STREAM.CREATE.archive",
                                 R"({"name":"archive","subjects":["archive.events.>","archive.snapshots.>"]})");
  auto const answer = co_await on.request(std::move(question));
  std::cout << answer.data.substr(0, 60) << " ...\n";
}

aether::awaitable<void> tour(example::arguments given) {
  if (given.memory) {
    std::cout << "The embedded store has no connection; run this on a server.\n";
    co_return;
  }
  auto on = co_await connection::connect(given.url);
  auto red = co_await open_orders(on, "red");
  auto blue = co_await open_orders(on, "blue"); // on the same connection
  std::cout << red.stream() << " and " << blue.stream() << " on " << on.connected_server() << '\n';

  auto const order_id = example::new_order_id();
  auto placed = aether::make_event("OrderPlaced", order_id, 1);
  co_await red.save_event(placed);
  auto const there = co_await red.latest_version(order_id);
  auto const here = co_await blue.latest_version(order_id);
  example::expect(there == 1 && here == 0, "two tenants met");

  // Begun work ends first; what could not be brought to an end is told.
  auto const report = co_await red.close();
  for (auto const& u : report.unknown)
    std::cout << "unknown: " << u.actor_id << " version " << u.version << '\n';
  co_await blue.close();

  co_await make_foreign_stream(on);
  auto adopted = co_await adopt(on, "archive");
  example::expect(!adopted.weakened().empty(), "a foreign stream is as strong as our own");
  co_await adopted.close();
  co_await on.close();
  co_await watch(on);
}

int main(int argc, char** argv) {
  auto const options = production();
  std::cout << "production would use " << options.servers.size() << " servers\n";
  return example::run(tour(example::parse(argc, argv)));
}
