// Three users with the permissions of permissions.conf: each can do what it is for, and nothing else.
#include "program.hpp"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

using aether::nats::connection;
using aether::nats::jetstream_config;
using aether::nats::jetstream_event_store;

aether::awaitable<connection> connect_as(std::string url, std::string user) {
  aether::nats::connection_options options;
  options.servers = {std::move(url)};
  options.user = user;
  options.password = user + "-secret";
  options.inbox_prefix = "_INBOX_" + user;
  co_return co_await connection::connect(options);
}

/// A store on a stream that is there already: no permission to create it is needed.
aether::awaitable<jetstream_event_store> open_existing(connection on) {
  jetstream_config config;
  config.create = false;
  co_return co_await jetstream_event_store::open(std::move(on), "orders", config);
}

/// The error that awaiting this throws; none when it throws nothing.
aether::awaitable<boost::system::error_code> error_of(aether::awaitable<aether::saved> call) {
  try {
    co_await std::move(call);
  } catch (boost::system::system_error const& e) {
    std::cout << e.what() << '\n';
    co_return e.code();
  }
  co_return boost::system::error_code();
}

aether::awaitable<void> use_all(jetstream_event_store store, std::string order_id) {
  for (std::int64_t version = 1; version <= 300; ++version) {
    auto e = aether::make_event(version == 1 ? "OrderPlaced" : "ItemAdded", order_id, version);
    co_await store.save_event(std::move(e));
  }
  auto const snapshot = aether::make_snapshot(order_id, 300);
  co_await store.save_snapshot(snapshot);
}

aether::awaitable<void> read_all(jetstream_event_store store, std::string order_id) {
  auto const events = co_await store.get_events(order_id);
  auto const version = co_await store.latest_version(order_id);
  auto const one = co_await store.find_event(order_id, 7);
  auto const snapshot = co_await store.find_snapshot(order_id);
  example::expect(events.size() == 300 && version == 300 && one && snapshot, "a permission to read is missing");
}

aether::awaitable<void> tour(std::string url) {
  auto owner = co_await connect_as(url, "owner");
  auto created = co_await jetstream_event_store::open(owner, "orders");

  auto writer = co_await connect_as(url, "writer");
  auto store = co_await open_existing(writer);
  co_await use_all(store, "order-1");
  co_await read_all(store, "order-1");
  co_await writer.flush();

  auto reader = co_await connect_as(url, "reader");
  auto view = co_await open_existing(reader);
  co_await read_all(view, "order-1");
  auto late = aether::make_event("OrderPaid", "order-1", 301);
  auto const refused = co_await error_of(view.save_event(late));
  example::expect(refused == aether::errc::permission_denied, "a reader saved an event");
  co_await store.save_event(late); // which the writer may

  for (auto const* destructive : {"$JS.API.STREAM.DELETE.orders", "$JS.API.STREAM.PURGE.orders"}) {
    bool told = false;
    try {
      co_await writer.request(aether::nats::message(destructive, ""));
    } catch (aether::error const& e) {
      told = e.code() == aether::errc::permission_denied;
    }
    example::expect(told, "a writer may delete the stream");
  }
  std::cout << "owner, writer and reader can do what they are for, and nothing else\n";
}

int main(int argc, char** argv) { return example::run(tour(example::parse(argc, argv).url)); }
