// What was saved is there: for the same store, for another one, after the server was killed, and as it was given.
#include <integration/store_support.hpp>

#include <boost/json/serialize.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(store_persistence, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace json = boost::json;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

std::uint64_t sent(nats::connection const& on) { return on.statistics().messages_out; }
std::uint64_t received(nats::connection const& on) { return on.statistics().messages_in; }

event rich_event(std::int64_t version) {
  event const cause = event_of("customer-7", 3);
  json::object data;
  data["largest"] = std::numeric_limits<std::int64_t>::max();
  data["smallest"] = std::numeric_limits<std::int64_t>::min();
  data["half"] = 0.5;
  data["text"] = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \"quoted\" \\ \n\t \x01";
  data["list"] = json::array{1, nullptr, true, "x"};
  data["nested"] = json::object{{"a", json::object{{"b", 1}}}};
  event e = make_event("Order Placed. *>", "order-1", version, std::move(data));
  e.command_id = "command 1";
  e.metadata.caused_by(cause);
  e.metadata.user_id("user 5").trace_id("t").span_id("s").set("own key", "own value");
  e.timestamp = time_point(std::chrono::nanoseconds(1'700'000'000'123'456'789));
  return e;
}

bool same(event const& a, event const& b) {
  return a.id == b.id && a.event_type == b.event_type && a.actor_id == b.actor_id && a.command_id == b.command_id &&
         a.version == b.version && a.data == b.data && a.metadata == b.metadata && a.timestamp == b.timestamp;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_event_comes_back_as_it_was_given) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    event const e = rich_event(5);
    saved const s = co_await store.save_event(e);
    BOOST_TEST(s.version == 5);
    auto other = co_await open_store(store.stream_name());
    auto const events = co_await other.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 1u);
    BOOST_TEST(same(events[0], e));
    auto const found = co_await other.find_event("order-1", 5);
    BOOST_TEST((found && same(*found, e)));
    auto const latest = co_await other.find_latest_event("order-1");
    BOOST_TEST((latest && same(*latest, e)));
  });
}

BOOST_AUTO_TEST_CASE(the_stored_message_is_what_other_clients_expect) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    event const e = rich_event(1);
    saved const s = co_await store.save_event(e);
    auto raw = co_await raw_client::connect();
    auto const message = co_await raw.last_message(store.stream(), store.stream() + ".events.order.order-1");
    BOOST_TEST(message.at("seq").to_number<std::uint64_t>() == s.sequence);
    auto const headers = std::string(message.at("hdrs").as_string());
    BOOST_TEST(contains(headers, "Nats-Msg-Id: " + e.id + "\r\n"), headers);
    BOOST_TEST(contains(headers, "Nats-Expected-Last-Subject-Sequence: 0\r\n"), headers);
    auto const text = std::string(message.at("data").as_string());
    for (auto const* field : {"\"id\":", "\"eventType\":\"Order Placed. *>\"", "\"actorId\":\"order-1\"",
                              "\"commandId\":\"command 1\"", "\"version\":1", "\"data\":{", "\"metadata\":{",
                              "\"causationId\":", "\"timestamp\":\"2023-11-14T22:13:20.123456789Z\""})
      BOOST_TEST(contains(text, field), field << " is not in " << text);
  });
}

BOOST_AUTO_TEST_CASE(events_are_in_version_order_and_their_sequences_grow) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    std::uint64_t last = 0;
    for (std::int64_t i = 1; i <= 40; ++i) // actors take turns, and versions may have gaps
      for (auto const* actor : {"order-1", "order-2", "invoice-1"}) {
        saved const s = co_await store.save_event(event_of(actor, i * 3));
        BOOST_TEST(s.sequence > last);
        last = s.sequence;
      }
    auto const versions = co_await versions_of(store, "order-2", 30);
    BOOST_TEST_REQUIRE(versions.size() == 30u);
    for (std::size_t i = 0; i < versions.size(); ++i)
      BOOST_TEST(versions[i] == static_cast<std::int64_t>(33 + 3 * i));
  });
}

BOOST_AUTO_TEST_CASE(a_killed_server_keeps_what_it_acknowledged) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    for (std::int64_t version = 1; version <= 200; ++version)
      co_await store.save_event(event_of("order-1", version));
    co_await store.save_snapshot(snapshot_of("order-1", 150, 7));
    event const last = event_of("order-1", 201);
    co_await store.save_event(last);
    server.kill();
    server.start();
    auto outcome = co_await store.try_save_event(last); // the same store, after its connection was lost
    BOOST_TEST(already(outcome, 201));
    outcome = co_await store.try_save_event(event_of("order-1", 202));
    BOOST_TEST(stored(outcome, 202));
    auto other = co_await open_store(server.url(), "orders");
    for (auto* reader : {&store, &other}) {
      auto const versions = co_await versions_of(*reader, "order-1");
      BOOST_TEST_REQUIRE(versions.size() == 202u);
      BOOST_TEST(versions.back() == 202);
      auto const snapshot = co_await reader->latest_snapshot("order-1");
      BOOST_TEST(snapshot.version == 150);
      auto const version = co_await reader->latest_version("order-1");
      BOOST_TEST(version == 202);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_stops_in_order_and_comes_back_is_waited_for) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders");
    co_await store.save_event(event_of("order-1", 1));
    server.restart();
    auto const versions = co_await versions_of(store, "order-1"); // a read waits for the connection too
    BOOST_TEST(versions.size() == 1u);
    server.restart();
    auto const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 1);
    server.restart();
    co_await store.save_snapshot(snapshot_of("order-1", 1, 3));
    server.restart();
    auto const snapshot = co_await store.latest_snapshot("order-1");
    BOOST_TEST(snapshot.version == 1);
    server.restart();
    auto const found = co_await store.find_event("order-1", 1);
    BOOST_TEST(found.has_value());
  });
}

BOOST_AUTO_TEST_CASE(the_latest_version_costs_the_same_however_long_the_history) {
  with_new_store([](jetstream_event_store writer) -> awaitable<void> {
    co_await writer.save_event(event_of("short-1", 1));
    for (std::int64_t version = 1; version <= 500; ++version)
      co_await writer.save_event(event_of("long-1", version));
    auto raw = co_await raw_client::connect();
    auto const on = raw.connection();
    auto store = co_await jetstream_event_store::open(on, writer.stream_name());
    for (auto const* actor : {"none-1", "short-1", "long-1"}) {
      auto const requests = sent(on), answers = received(on);
      auto const version = co_await store.latest_version(actor);
      BOOST_TEST(version == (actor[0] == 'n' ? 0 : actor[0] == 's' ? 1 : 500));
      BOOST_TEST(sent(on) - requests == 1u);
      BOOST_TEST(received(on) - answers == 1u);
    }
  });
}

BOOST_AUTO_TEST_CASE(the_cache_learns_what_another_store_wrote) {
  with_new_store([](jetstream_event_store mine) -> awaitable<void> {
    auto theirs = co_await open_store(mine.stream_name());
    co_await mine.save_event(event_of("order-1", 1));
    for (std::int64_t version = 2; version <= 5; ++version)
      co_await theirs.save_event(event_of("order-1", version));
    auto outcome = co_await mine.try_save_event(event_of("order-1", 3)); // the cache still says 1
    BOOST_TEST(refused(outcome, 5));
    outcome = co_await mine.try_save_event(event_of("order-1", 6));
    BOOST_TEST(stored(outcome, 6));
    co_await theirs.save_event(event_of("order-1", 7));
    outcome = co_await mine.try_save_event(event_of("order-1", 9)); // a greater version is stored behind theirs
    BOOST_TEST(stored(outcome, 9));
    auto const versions = co_await versions_of(theirs, "order-1");
    std::vector<std::int64_t> const expected{1, 2, 3, 4, 5, 6, 7, 9};
    BOOST_TEST(versions == expected, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(reading_the_latest_version_spares_the_next_save_a_question) {
  with_new_store([](jetstream_event_store theirs) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const on = raw.connection();
    auto mine = co_await jetstream_event_store::open(on, theirs.stream_name());
    co_await mine.save_event(event_of("order-1", 1));
    co_await theirs.save_event(event_of("order-1", 2));
    auto const version = co_await mine.latest_version("order-1");
    BOOST_TEST(version == 2);
    auto before = sent(on);
    co_await mine.save_event(event_of("order-1", 3));
    BOOST_TEST(sent(on) - before == 1u);
    before = sent(on);
    auto const outcome = co_await mine.try_save_event(event_of("order-1", 3)); // from the cache
    BOOST_TEST(refused(outcome, 3));
    BOOST_TEST(sent(on) == before);
  });
}

BOOST_AUTO_TEST_CASE(several_stores_share_a_connection) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const first = new_stream(), second = new_stream();
    auto a = co_await jetstream_event_store::open(raw.connection(), first);
    auto b = co_await jetstream_event_store::open(raw.connection(), first);
    auto c = co_await jetstream_event_store::open(raw.connection(), second);
    co_await a.save_event(event_of("order-1", 1));
    co_await b.save_event(event_of("order-1", 2));
    co_await c.save_event(event_of("order-1", 1));
    co_await a.close();
    a = jetstream_event_store();
    auto outcome = co_await b.try_save_event(event_of("order-1", 3));
    BOOST_TEST(stored(outcome, 3));
    auto versions = co_await versions_of(b, "order-1");
    BOOST_TEST(versions.size() == 3u);
    versions = co_await versions_of(c, "order-1");
    BOOST_TEST(versions.size() == 1u);
    b = jetstream_event_store();
    raw = raw_client(); // the store keeps the connection open
    outcome = co_await c.try_save_event(event_of("order-1", 2));
    BOOST_TEST(stored(outcome, 2));
  });
}

BOOST_AUTO_TEST_CASE(namespaces_do_not_see_each_other) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    std::vector<jetstream_event_store> stores;
    for (auto const* name_space : {"", "red", "blue", "red_blue"}) {
      nats::jetstream_config config;
      config.name_space = name_space;
      auto store = co_await open_store(name, config);
      stores.push_back(std::move(store));
    }
    for (std::size_t i = 0; i < stores.size(); ++i) {
      event e = event_of("order-1", static_cast<std::int64_t>(i) + 1, "the same id");
      auto const outcome = co_await stores[i].try_save_event(std::move(e));
      BOOST_TEST(stored(outcome, static_cast<std::int64_t>(i) + 1));
      auto s = snapshot_of("order-1", static_cast<std::int64_t>(i) + 1);
      co_await stores[i].save_snapshot(std::move(s));
    }
    for (std::size_t i = 0; i < stores.size(); ++i) {
      auto const versions = co_await versions_of(stores[i], "order-1");
      BOOST_TEST_REQUIRE(versions.size() == 1u);
      BOOST_TEST(versions[0] == static_cast<std::int64_t>(i) + 1);
      auto const snapshot = co_await stores[i].latest_snapshot("order-1");
      BOOST_TEST(snapshot.version == static_cast<std::int64_t>(i) + 1);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_closed_connection_closes_its_stores) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto other = co_await jetstream_event_store::open(raw.connection(), store.stream_name());
    co_await other.save_event(event_of("order-1", 1));
    auto on = raw.connection();
    co_await on.close();
    auto code = co_await error_of(other.save_event(event_of("order-1", 2)));
    BOOST_TEST(code == errc::closed);
    code = co_await error_of(other.try_save_event(event_of("order-1", 1))); // not even from the cache
    BOOST_TEST(code == errc::closed);
    code = co_await error_of(other.get_events("order-1"));
    BOOST_TEST(code == errc::closed);
    auto const report = co_await other.close();
    BOOST_TEST(report.unknown.empty());
    auto const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_AUTO_TEST_SUITE_END()
