// Other NATS clients on the same stream: what they find there, and how they write. docs/interoperability.md shows it.
#include "program.hpp"

#include <boost/json/parse.hpp>

#include <iostream>
#include <string>
#include <utility>

using aether::nats::connection;
using aether::nats::jetstream_event_store;

// An event as it stands in the stream, on the subject `examples.events.order.order-42`.
constexpr char const* stored_event = R"(
{
  "id": "5b0e2f7a-6a7c-4f5e-9d43-0c1b5f0a7d11",
  "eventType": "ItemAdded",
  "actorId": "order-42",
  "commandId": "add-item-7",
  "version": 2,
  "data": {"sku": "tea", "cents": 450},
  "metadata": {"causationId": "0a52b4c9-4b8a-4f7e-8d0c-6d6c0d3f2b10", "correlationId": "web-1138"},
  "timestamp": "2026-01-31T12:00:00.25Z"
}
)";

// A snapshot, on the subject `examples.snapshots.order.order-42`.
constexpr char const* stored_snapshot = R"(
{
  "actorId": "order-42",
  "version": 2,
  "state": {"customer": "Ada", "status": "placed", "items": 1, "cents": 450},
  "timestamp": "2026-01-31T12:00:05Z"
}
)";

/// What is written above is what this library writes and reads.
void check_format() {
  auto const e = aether::event_from_json(stored_event);
  example::expect(boost::json::parse(to_json(e)) == boost::json::parse(stored_event), "events look different");
  auto const s = aether::snapshot_from_json(stored_snapshot);
  example::expect(boost::json::parse(to_json(s)) == boost::json::parse(stored_snapshot), "snapshots look different");
  std::cout << to_json(e) << '\n';
}

/// An event written without this library, by any client that can send a request with headers. The expectation makes
/// the server refuse it when somebody else was faster; without it promises end.
aether::awaitable<std::string> write_by_hand(connection on, std::string order_id) {
  auto const e = aether::make_event("OrderPlaced", order_id, 1);
  aether::nats::message m("examples.events.order." + order_id, to_json(e));
  m.headers.emplace_back("Nats-Msg-Id", e.id);
  m.headers.emplace_back("Nats-Expected-Last-Subject-Sequence", "0"); // of the last message on the subject; 0: none
  auto const answer = co_await on.request(std::move(m));
  co_return answer.data;
}

/// A stream as the Go library makes it, with an event as it writes one.
aether::awaitable<void> make_go_stream(connection on) {
  aether::nats::message create("$JS.API.STREAM.CREATE.shared", R"({
    "name": "shared", "subjects": ["shared.events.>", "shared.snapshots.>"], "retention": "limits", "storage": "file",
    "max_age": 31536000000000000, "num_replicas": 1})");
  co_await on.request(std::move(create));
  aether::nats::message written("shared.events.order.order-1", R"({"id": "e-1", "eventType": "OrderPlaced",
    "actorId": "order-1", "version": 1, "data": null, "timestamp": "2026-01-31T12:00:00.123456789+01:00"})");
  written.headers.emplace_back("Nats-Msg-Id", "e-1");
  co_await on.request(std::move(written));
}

/// A stream shared with the Go library: taken as that made it, and with its way to write subjects.
aether::awaitable<jetstream_event_store> open_shared(connection on) {
  aether::nats::jetstream_config config;
  config.on_existing = aether::nats::existing_stream::adopt;
  config.subject_encoding = aether::nats::subject_encoding::underscore;
  co_return co_await jetstream_event_store::open(on, "shared", config);
}

aether::awaitable<void> share_with_go(connection on) {
  co_await make_go_stream(on);
  auto store = co_await open_shared(on);
  auto const placed = co_await store.find_event("order-1", 1);
  example::expect(placed && placed->data.empty(), "an event of the Go library is not read");
  auto paid = aether::make_event(*placed, "OrderPaid", "order-1", 2);
  co_await store.save_event(std::move(paid));
  auto const version = co_await store.latest_version("order-1");
  example::expect(version == 2, "the Go library's stream does not take an event");
  for (auto const& w : store.weakened())
    std::cout << w.setting << " is " << w.actual << ", not " << w.wanted << '\n';
}

aether::awaitable<void> tour(example::arguments given) {
  check_format();
  if (given.memory)
    co_return;
  auto on = co_await connection::connect(given.url);
  auto store = co_await jetstream_event_store::open(on, "examples");
  auto const order_id = example::new_order_id();

  auto answer = co_await write_by_hand(on, order_id);
  std::cout << answer << '\n'; // {"stream":"examples","seq":…}
  auto const events = co_await store.get_events(order_id);
  example::expect(events.size() == 1 && events.front().event_type == "OrderPlaced", "another client's event is lost");

  answer = co_await write_by_hand(on, order_id); // the same version again
  std::cout << answer << '\n';                   // {"error":{…,"err_code":10071,…
  example::expect(answer.find("10071") != std::string::npos, "the server took a version twice");

  aether::nats::message garbage("examples.events.order." + order_id, "by hand");
  co_await on.publish(std::move(garbage));
  co_await on.flush();
  auto const history = co_await store.get_events_with_errors(order_id);
  for (auto const& bad : history.errors)
    std::cout << "message " << bad.sequence << " is no event: " << bad.reason << '\n';
  example::expect(history.events.size() == 1 && history.errors.size() == 1, "a malformed event is not reported");

  auto next = aether::make_event("OrderPaid", order_id, 2); // a malformed message blocks nobody
  co_await store.save_event(std::move(next));
  auto const version = co_await store.latest_version(order_id);
  example::expect(version == 2, "a malformed message blocked an order");

  co_await share_with_go(on);
}

int main(int argc, char** argv) {
  auto const given = example::parse(argc, argv);
  return example::run(tour(given));
}
