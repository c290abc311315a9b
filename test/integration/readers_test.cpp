// Reading one actor's history from JetStream event by event: round trips, windows, backwards, wrong order.
#include <integration/raw_stream.hpp>
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <bit>

BOOST_AUTO_TEST_SUITE(readers, *boost::unit_test::precondition(aether::test::has_nats_server))

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

// Of the test that counts what is asked: a sanitized build takes its time to fill it.
#ifdef AETHER_TEST_SANITIZED
constexpr std::int64_t stream_length = 50'000;
#else
constexpr std::int64_t stream_length = 1'000'000;
#endif

bool has_batches() { return shared_server().at_least(2, 11); }

} // namespace

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
    BOOST_TEST(now - 1 - sent <= (has_batches() ? 2u : 3u));
    sent = now;
    versions = co_await versions_read(store.read_events("nobody-1"));
    BOOST_TEST(versions.empty());
    now = co_await sent_by(connection, store);
    BOOST_TEST(now - 1 - sent == (has_batches() ? 1u : 2u));
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

// By another writer, who expects nothing.
BOOST_AUTO_TEST_CASE(tells_what_is_malformed_and_what_stands_in_the_wrong_order) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const actor = new_stream() + "-1";
    auto raw = co_await raw_stream::open(shared_server().url(), {}, {});
    auto store = co_await open_store("S");
    std::vector<std::uint64_t> bad;
    co_await raw.store_events(actor, 1, 5);
    auto sequence = co_await raw.store(actor, "no event");
    bad.push_back(sequence);
    sequence = co_await raw.store(actor, event_text(actor, 5));
    bad.push_back(sequence);
    auto const late = event_text(actor, 3);
    sequence = co_await raw.store(actor, late);
    bad.push_back(sequence);
    co_await raw.store_events(actor, 6, 8);
    auto reader = store.read_events(actor);
    std::vector<std::int64_t> versions;
    std::vector<replay_error> errors;
    for (;;) {
      auto item = co_await reader.next_with_errors();
      if (!item)
        break;
      if (auto* e = std::get_if<recorded_event>(&*item))
        versions.push_back(e->event.version);
      else
        errors.push_back(std::get<replay_error>(*item));
    }
    BOOST_TEST(versions == row(1, 8), boost::test_tools::per_element());
    BOOST_REQUIRE(errors.size() == 3u);
    for (std::size_t i = 0; i < errors.size(); ++i)
      BOOST_TEST(errors[i].sequence == bad[i]);
    BOOST_TEST((errors[0].error == errc::malformed_event));
    BOOST_TEST((errors[1].error == errc::version_order));
    BOOST_TEST((errors[2].error == errc::version_order));
    BOOST_TEST(errors[0].raw_data == "no event");
    BOOST_TEST(errors[2].raw_data == late);
    reader = store.read_events(actor);
    versions = co_await versions_read(std::move(reader));
    BOOST_TEST(versions == row(1, 8), boost::test_tools::per_element());
    read_options options;
    options.direction = read_direction::backwards;
    versions = co_await versions_read(store.read_events(actor, options));
    std::vector<std::int64_t> const back{8, 7, 6, 3, 2, 1}; // whoever comes from behind meets 3 before 5
    BOOST_TEST(versions == back, boost::test_tools::per_element());
    auto const history = co_await store.get_events_with_errors(actor);
    BOOST_TEST(history.errors.size() == 3u);
    BOOST_TEST((history.errors[1].error == errc::version_order));
  });
}

// What is asked grows with the logarithm of the stream's length, two questions for each halving at most, and nothing of
// the history before is read.
BOOST_AUTO_TEST_CASE(begins_behind_a_version_without_reading_what_is_before) {
  run(
      [](boost::asio::io_context&) -> awaitable<void> {
        constexpr std::int64_t blocks = 5;
        constexpr std::int64_t length = stream_length / 5 * 4; // of the actor's history; the rest is others'
        auto const actor = new_stream() + "-1";
        nats_server server;
        auto raw = co_await raw_stream::open(server.url(), {}, {});
        for (std::int64_t block = 0; block < blocks; ++block) {
          co_await raw.store_events(actor, block * length / blocks + 1, (block + 1) * length / blocks, 10);
          co_await raw.store_others(static_cast<std::size_t>((stream_length - length) / blocks));
        }
        auto client = co_await raw_client::connect(server.url());
        auto const connection = client.connection();
        auto store = co_await jetstream_event_store::open(connection, "S");
        auto const most = 2u * static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(stream_length))) + 6;
        for (std::int64_t const after :
             {std::int64_t{1}, std::int64_t{63}, length / 5, length / 2 - 1, length - 10, length, length + 10'000}) {
          auto const sent = co_await sent_by(connection, store);
          read_options options;
          options.after_version = after;
          options.max_events = 5;
          auto const versions = co_await versions_read(store.read_events(actor, options));
          auto const now = co_await sent_by(connection, store);
          BOOST_TEST_CONTEXT("after " << after) {
            auto const expected =
                after < length ? row(after + 1, std::min(after + 5, length)) : std::vector<std::int64_t>();
            BOOST_TEST(versions == expected, boost::test_tools::per_element());
            BOOST_TEST(now - 1 - sent <= most);
          }
        }
      },
      on(1, std::chrono::seconds(180)));
}

BOOST_AUTO_TEST_SUITE_END()
