// Snapshots on a real server: what their messages hold, and that a tail is read from where they stand.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

BOOST_AUTO_TEST_SUITE(store_snapshots, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

awaitable<std::string> snapshot_headers(raw_client raw, std::string stream, std::string actor) {
  auto const message = co_await raw.last_message(stream, stream + ".snapshots.order." + actor);
  auto const* headers = message.if_contains("hdrs");
  co_return headers ? std::string(headers->as_string()) : std::string();
}

} // namespace

BOOST_AUTO_TEST_CASE(the_message_names_the_sequence_of_its_event_when_it_is_known) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await store.save_event(event_of("other-1", 1));
    co_await store.save_event(event_of("order-1", 1));
    saved const s = co_await store.save_event(event_of("order-1", 2));
    co_await store.save_snapshot(snapshot_of("order-1", 2));
    auto headers = co_await snapshot_headers(raw, store.stream(), "order-1");
    BOOST_TEST(contains(headers, "Aether-Event-Sequence: " + std::to_string(s.sequence) + "\r\n"), headers);
    co_await store.save_snapshot(snapshot_of("order-2", 1)); // of an actor without events
    headers = co_await snapshot_headers(raw, store.stream(), "order-2");
    BOOST_TEST(!contains(headers, "Aether-Event-Sequence"), headers);
  });
}

BOOST_AUTO_TEST_CASE(a_tail_is_read_from_where_the_snapshot_stands) {
  with_new_store([](jetstream_event_store writer) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 300; ++version) {
      co_await writer.save_event(event_of("order-1", version));
      if (version == 290)
        co_await writer.save_snapshot(snapshot_of("order-1", version));
    }
    auto raw = co_await raw_client::connect();
    auto const on = raw.connection();
    auto store = co_await jetstream_event_store::open(on, writer.stream_name());
    auto before = on.statistics().messages_in;
    auto versions = co_await versions_of(store, "order-1", 290);
    auto const whole = on.statistics().messages_in - before;
    BOOST_TEST(versions.size() == 10u);
    auto const snapshot = co_await store.latest_snapshot("order-1");
    before = on.statistics().messages_in;
    versions = co_await versions_of(store, "order-1", snapshot.version);
    auto const tail = on.statistics().messages_in - before;
    BOOST_TEST_REQUIRE(versions.size() == 10u);
    BOOST_TEST(versions.front() == 291);
    BOOST_TEST(versions.back() == 300);
    BOOST_TEST(whole >= 300u);
    BOOST_TEST(tail <= 20u);
    versions = co_await versions_of(store, "order-1", 280); // from before the snapshot
    BOOST_TEST_REQUIRE(versions.size() == 20u);
    BOOST_TEST(versions.front() == 281);
  });
}

BOOST_AUTO_TEST_CASE(a_header_that_is_wrong_costs_no_event) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    for (std::int64_t version = 1; version <= 10; ++version)
      co_await store.save_event(event_of("order-1", version));
    for (std::string const value : {"9999999", "7", "0", "-1", "x", "18446744073709551615", "99999999999999999999"}) {
      nats::header_list headers;
      headers.emplace_back("Aether-Event-Sequence", value);
      co_await raw.publish(store.stream() + ".snapshots.order.order-1",
                           R"({"actorId":"order-1","version":5,"state":{},"timestamp":"2024-05-06T07:08:09Z"})",
                           std::move(headers));
      auto fresh = co_await open_store(store.stream_name());
      auto const snapshot = co_await fresh.latest_snapshot("order-1");
      BOOST_TEST(snapshot.version == 5);
      auto const versions = co_await versions_of(fresh, "order-1", 5);
      std::vector<std::int64_t> const expected{6, 7, 8, 9, 10};
      BOOST_TEST_CONTEXT("header " << value) BOOST_TEST(versions == expected, boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(of_many_at_once_the_latest_stays) {
  std::int64_t version = 0;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto const name = new_stream();
        std::vector<jetstream_event_store> stores;
        for (int i = 0; i < 4; ++i) {
          auto store = co_await open_store(name);
          stores.push_back(std::move(store));
        }
        task_group group(context.get_executor());
        for (std::int64_t v = 1; v <= 100; ++v)
          group.spawn(stores[static_cast<std::size_t>(v % 4)].save_snapshot(snapshot_of("order-1", v)));
        co_await group.join();
        auto const latest = co_await stores[0].latest_snapshot("order-1");
        version = latest.version;
      },
      on(4));
  BOOST_TEST(version == 100);
}

BOOST_AUTO_TEST_CASE(a_malformed_one_is_named_and_replaced) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    auto const subject = store.stream() + ".snapshots.order.order-1";
    for (std::string const text : {"", "not JSON", "[]", R"({"actorId":"order-1","version":"5","state":{}})"}) {
      co_await raw.publish(subject, text);
      auto const f = co_await failure_of(store.latest_snapshot("order-1"));
      BOOST_TEST(f.code == errc::malformed_snapshot, text << ": " << f.text);
    }
    auto f = co_await failure_of(store.find_snapshot("order-1"));
    BOOST_TEST(f.code == errc::malformed_snapshot);
    co_await store.save_snapshot(snapshot_of("order-1", 3));
    auto const snapshot = co_await store.latest_snapshot("order-1");
    BOOST_TEST(snapshot.version == 3);
    co_await raw.publish(subject, R"({"actorId":"other-1","version":5,"state":{},"timestamp":"2024-05-06T07:08:09Z"})");
    f = co_await failure_of(store.latest_snapshot("order-1"));
    BOOST_TEST(f.code == errc::actor_mismatch, f.text);
  });
}

BOOST_AUTO_TEST_CASE(one_that_is_too_large_is_refused) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto s = snapshot_of("order-1", 1);
    s.state["text"] = std::string(1024 * 1024, 'x');
    auto const code = co_await error_of(store.save_snapshot(s));
    BOOST_TEST(code == errc::event_too_large);
    co_await store.save_snapshot(snapshot_of("order-1", 1));
  });
}

BOOST_AUTO_TEST_SUITE_END()
