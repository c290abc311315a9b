// Reading one actor's history from JetStream event by event: round trips, windows, backwards, wrong order.
#include <integration/raw_stream.hpp>
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

awaitable<std::vector<std::int64_t>> versions_read(event_reader reader) {
  std::vector<std::int64_t> versions;
  for (;;) {
    auto const e = co_await reader.next();
    if (!e)
      co_return versions;
    versions.push_back(e->event.version);
  }
}

std::vector<std::int64_t> row(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> out;
  for (auto v = first; first <= last ? v <= last : v >= last; v += first <= last ? 1 : -1)
    out.push_back(v);
  return out;
}

/// How many messages the connection has sent, with all that was handed over before.
awaitable<std::uint64_t> sent_by(nats::connection connection, event_store& store) {
  co_await store.latest_version("nobody-0");
  co_return connection.statistics().messages_out;
}

bool has_batches() { return shared_server().at_least(2, 11); }

} // namespace

BOOST_AUTO_TEST_SUITE(readers, *boost::unit_test::precondition(has_nats_server))

BOOST_AUTO_TEST_CASE(reads_forwards_and_backwards) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto raw = co_await raw_stream::open(shared_server().url(), {}, {});
    auto store = co_await open_store("S");
    auto const actor = name + "-1";
    co_await raw.store_others(500);
    co_await raw.store_events(actor, 1, 1000);
    co_await raw.store_others(500);
    co_await raw.store_events(actor, 1001, 1500);
    auto versions = co_await versions_read(store.read_events(actor));
    BOOST_TEST(versions == row(1, 1500), boost::test_tools::per_element());
    read_options options;
    options.after_version = 700;
    options.up_to_version = 1200;
    versions = co_await versions_read(store.read_events(actor, options));
    BOOST_TEST(versions == row(701, 1200), boost::test_tools::per_element());
    options.direction = read_direction::backwards;
    versions = co_await versions_read(store.read_events(actor, options));
    BOOST_TEST(versions == row(1200, 701), boost::test_tools::per_element());
    options = {};
    options.direction = read_direction::backwards;
    options.max_events = 10;
    versions = co_await versions_read(store.read_events(actor, options));
    BOOST_TEST(versions == row(1500, 1491), boost::test_tools::per_element());
    for (std::size_t window : {1, 2, 3}) {
      options = {};
      options.window_events = window;
      options.window_bytes = window == 3 ? 1 : 0;
      options.up_to_version = 50;
      versions = co_await versions_read(store.read_events(actor, options));
      BOOST_TEST(versions == row(1, 50), boost::test_tools::per_element());
    }
    versions = co_await versions_read(store.read_events("nobody-" + name));
    BOOST_TEST(versions.empty());
  });
}

// Sent by this connection, answers not counted; what is not waited for counts too.
BOOST_AUTO_TEST_CASE(takes_few_requests) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const actor = new_stream() + "-1";
    auto raw = co_await raw_stream::open(shared_server().url(), {}, {});
    co_await raw.store_others(2'000);
    co_await raw.store_events(actor, 1, 100);
    auto client = co_await raw_client::connect();
    auto const connection = client.connection();
    auto store = co_await jetstream_event_store::open(connection, "S");
    auto sent = co_await sent_by(connection, store);
    auto versions = co_await versions_read(store.read_events(actor));
    BOOST_TEST(versions == row(1, 100), boost::test_tools::per_element());
    auto now = co_await sent_by(connection, store);
    BOOST_TEST(now - 1 - sent <= (has_batches() ? 2u : 4u));
    sent = now;
    versions = co_await versions_read(store.read_events("nobody-1"));
    BOOST_TEST(versions.empty());
    now = co_await sent_by(connection, store);
    BOOST_TEST(now - 1 - sent == 1u);
    for (std::int64_t version = 101; version <= 120;
         ++version) // by the library: each tells where the one before stands
      co_await store.save_event(event_of(actor, version));
    sent = co_await sent_by(connection, store);
    read_options options;
    options.direction = read_direction::backwards;
    options.max_events = 10;
    versions = co_await versions_read(store.read_events(actor, options));
    BOOST_TEST(versions == row(120, 111), boost::test_tools::per_element());
    now = co_await sent_by(connection, store);
    BOOST_TEST(now - 1 - sent == 10u);
  });
}

BOOST_AUTO_TEST_SUITE_END()
