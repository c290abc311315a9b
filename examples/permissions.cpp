// Five users with the permissions of permissions.conf: each can do what it is for, and nothing else.
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

aether::group_options invoicing() {
  aether::group_options options;
  options.name = "invoicing";
  return options;
}

/// Makes what the others use: the stream of the events, those beside it, and the group.
aether::awaitable<void> set_up(connection administrator) {
  auto events = co_await jetstream_event_store::open(std::move(administrator), "orders");
  auto const checkpoints = co_await aether::nats::checkpoint_store::open(events);
  auto const group = co_await events.join_group(invoicing());
}

aether::awaitable<void> be_refused(connection user, std::string subject) {
  boost::system::error_code told;
  try {
    co_await user.request(aether::nats::message(subject, ""));
  } catch (aether::error const& e) {
    told = e.code();
  }
  example::expect(told == aether::errc::permission_denied, ("not refused: " + subject).c_str());
}

/// A read model that counts what there is.
aether::awaitable<void> project(connection on) {
  auto const store = co_await open_existing(on);
  auto const checkpoints = co_await aether::nats::checkpoint_store::open(store);
  aether::projection_options options;
  options.name = "totals";
  aether::projection totals;
  int counted = 0;
  auto count = [&](aether::recorded_event const&) -> aether::awaitable<void> {
    if (++counted == 301)
      totals.stop();
    co_return;
  };
  totals = aether::projection(std::make_shared<jetstream_event_store>(store),
                              std::make_shared<aether::nats::checkpoint_store>(checkpoints), options, count);
  co_await totals.run();
  auto const kept = co_await checkpoints.find("totals");
  example::expect(kept.has_value(), "a permission to project is missing");
}

/// One event handled, one given up and tried again.
aether::awaitable<void> work(connection on) {
  auto store = co_await open_existing(on);
  auto group = co_await store.join_group(invoicing());
  auto first = co_await group.next();
  co_await first->acknowledge();
  auto second = co_await group.next();
  co_await second->reject("for a person to look at");
  auto letters = store.dead_letters("invoicing");
  auto const letter = co_await letters.next();
  example::expect(letter.has_value(), "a permission to list dead letters is missing");
  co_await store.retry_dead_letter(*letter);
}

aether::awaitable<void> tour(std::string url) {
  auto administrator = co_await connect_as(url, "administrator");
  co_await set_up(administrator);

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

  auto projection = co_await connect_as(url, "projection");
  co_await project(projection);
  auto worker = co_await connect_as(url, "worker");
  co_await work(worker);

  for (auto const* destructive : {"$JS.API.STREAM.DELETE.orders", "$JS.API.STREAM.PURGE.orders"})
    for (auto const& user : {administrator, writer, reader, projection, worker})
      co_await be_refused(user, destructive);
  co_await be_refused(reader, "orders_checkpoints.totals");
  co_await be_refused(worker, "$JS.API.CONSUMER.DELETE.orders.group-invoicing");
  auto events = co_await open_existing(administrator);
  co_await events.delete_group("invoicing");
  std::cout << "administrator, writer, reader, projection and worker can do what they are for, and nothing else\n";
}

int main(int argc, char** argv) { return example::run(tour(example::parse(argc, argv).url)); }
