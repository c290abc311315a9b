// Streams added to a sharded store: what moves, what stays, and an adding that is interrupted wherever it tells of
// itself.
#include <integration/store_support.hpp>

#include <aether/nats/add_streams.hpp>
#include <aether/task_group.hpp>

#include <map>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(adding_streams, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;

namespace {

constexpr int actors = 60;
constexpr std::int64_t versions = 4;

std::string actor_name(int i) { return "order-" + std::to_string(i); }

awaitable<sharded_event_store> opened(std::string name, std::size_t streams = 0) {
  auto on = co_await nats::connection::connect(shared_server().url());
  nats::sharded_config config;
  config.stream_count = streams;
  co_return co_await nats::open_sharded_store(std::move(on), std::move(name), config);
}

using teller = std::function<void(nats::added_streams const&)>;

awaitable<nats::added_streams> add(std::string name, std::size_t streams, teller progress = nullptr) {
  std::vector<nats::connection> connections;
  connections.push_back(co_await nats::connection::connect(shared_server().url()));
  nats::sharded_config const config;
  co_return co_await nats::add_streams(std::move(connections), std::move(name), streams, config, std::move(progress));
}

awaitable<void> fill(sharded_event_store store) {
  for (std::int64_t version = 1; version <= versions; ++version)
    for (int i = 0; i < actors; ++i)
      co_await store.save_event(event_of(actor_name(i), version));
  for (int i = 0; i < actors; i += 3)
    co_await store.save_snapshot(snapshot_of(actor_name(i), versions));
}

/// Every actor reads as before, wherever one looks, and goes on.
awaitable<void> is_whole(sharded_event_store store, std::int64_t last) {
  std::map<std::string, std::int64_t> followed, listed;
  auto all = co_await store.subscribe();
  for (;;) {
    auto const item = co_await all.next(call_options{std::chrono::seconds(20)});
    BOOST_TEST_REQUIRE(item.has_value());
    if (std::holds_alternative<caught_up>(*item))
      break;
    auto const& e = std::get<recorded_event>(*item).event;
    BOOST_TEST(e.version == ++followed[e.actor_id]);
  }
  auto list = store.list_actors();
  for (auto next = co_await list.next(); next; next = co_await list.next())
    BOOST_TEST(listed.emplace(next->actor_id, next->events).second);
  BOOST_TEST(followed.size() == static_cast<std::size_t>(actors));
  BOOST_TEST(listed.size() == static_cast<std::size_t>(actors));
  for (int i = 0; i < actors; ++i) {
    auto const actor = actor_name(i);
    BOOST_TEST(followed[actor] == last);
    BOOST_TEST(listed[actor] == last);
    auto const events = co_await store.get_events(actor);
    BOOST_TEST(events.size() == static_cast<std::size_t>(last));
    auto const snapshot = co_await store.find_snapshot(actor);
    BOOST_TEST(snapshot.has_value() == (i % 3 == 0));
    auto const taken = co_await store.try_save_event(event_of(actor, last));
    BOOST_TEST(refused(taken, last));
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(what_moves_reads_as_before) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    {
      auto store = co_await opened(name, 2);
      co_await fill(store);
    }
    auto const done = co_await add(name, 5);
    BOOST_TEST(done.streams == 5u);
    BOOST_TEST(done.layout_version == 2);
    BOOST_TEST(done.events_read == static_cast<std::uint64_t>(actors * versions));
    BOOST_TEST(done.events_copied == done.actors_moved * versions);
    BOOST_TEST((done.actors_moved > actors / 3 && done.actors_moved < actors), done.actors_moved);
    BOOST_TEST(done.snapshots_copied > 0u);
    BOOST_TEST(done.events_there + done.stale + done.malformed == 0u);
    auto store = co_await opened(name);
    BOOST_TEST(store.stream_count() == 5u);
    co_await is_whole(store, versions);
    for (int i = 0; i < actors; ++i)
      co_await store.save_event(event_of(actor_name(i), versions + 1));
    co_await is_whole(store, versions + 1);

    auto const again = co_await add(name, 5); // nothing to do
    BOOST_TEST(again.events_read == 0u);
    auto const more = co_await add(name, 8); // what moved before does not come back
    BOOST_TEST(more.layout_version == 3);
    auto grown = co_await opened(name);
    co_await is_whole(grown, versions + 1);
    auto const fewer = co_await error_of(add(name, 2));
    BOOST_TEST(fewer == errc::invalid_argument);
    auto const none = co_await error_of(add(new_stream(), 2));
    BOOST_TEST(none == errc::stream_not_found);
  });
}

// Nobody has to tell it with what settings the store was made.
BOOST_AUTO_TEST_CASE(new_streams_are_made_like_the_first) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto on = co_await nats::connection::connect(shared_server().url());
    nats::sharded_config config;
    config.stream_count = 2;
    config.stream.stream_retention = nats::retention::forever;
    config.stream.duplicate_window = std::chrono::minutes(5);
    config.stream.subject_encoding = nats::subject_encoding::underscore;
    {
      auto store = co_await nats::open_sharded_store(on, name, config);
      co_await fill(store);
    }
    auto const done = co_await add(name, 4);
    BOOST_TEST(done.actors_moved > 0u);
    config.stream_count = 4;
    auto store = co_await nats::open_sharded_store(on, name, config);
    co_await is_whole(store, versions);
  });
}

BOOST_AUTO_TEST_CASE(interrupted_anywhere_it_goes_on) {
  run(
      [](boost::asio::io_context&) -> awaitable<void> {
        auto const name = new_stream();
        {
          auto store = co_await opened(name, 2);
          co_await fill(store);
        }
        int told_in_all = 0;
        for (int stop_at = 1;; ++stop_at) {
          int told = 0;
          auto const stop = [&](nats::added_streams const&) {
            if (++told == stop_at)
              throw std::runtime_error("interrupted");
          };
          bool interrupted = false;
          try {
            (void)co_await add(name, 4, stop);
          } catch (std::runtime_error const&) {
            interrupted = true;
          }
          told_in_all += told;
          if (!interrupted)
            break;
          auto const closed = co_await error_of(opened(name));
          BOOST_TEST(closed == errc::stream_settings_differ);
          auto const other = co_await error_of(add(name, 6));
          BOOST_TEST(other == errc::stream_settings_differ);
        }
        BOOST_TEST(told_in_all > 4);
        auto store = co_await opened(name);
        co_await is_whole(store, versions);
      },
      on(2));
}

BOOST_AUTO_TEST_CASE(events_that_come_meanwhile_are_copied_too) {
  run([](boost::asio::io_context& context) -> awaitable<void> {
    auto const name = new_stream();
    auto old = co_await opened(name, 1); // a writer that was not stopped
    co_await fill(old);
    bool written = false;
    auto const write_one = [&]() -> awaitable<void> {
      for (int i = 0; i < actors; ++i)
        co_await old.save_event(event_of(actor_name(i), versions + 1));
      written = true;
    };
    task_group writer(context.get_executor());
    auto const done = co_await add(name, 3, [&](nats::added_streams const& so_far) {
      if (so_far.actors_moved > 0 && !written) {
        written = true;
        writer.spawn(write_one());
      }
    });
    co_await writer.join();
    BOOST_TEST(done.streams == 3u);
    auto store = co_await opened(name);
    co_await is_whole(store, versions + 1);
  });
}

BOOST_AUTO_TEST_SUITE_END()
