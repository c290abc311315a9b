// Readers: every option, back-pressure of any size, timeouts, cancelling, several at once, saves meanwhile.
#include <aether/task_group.hpp>
#include <contract/reading.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

BOOST_AUTO_TEST_SUITE(contract_reading)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

using versions = std::vector<std::int64_t>;

/// What is to come of versions 2, 4, … 20 with these options.
versions expected_of(read_options const& options) {
  versions all;
  for (std::int64_t v = 2; v <= 20; v += 2)
    if (v > options.after_version && (options.up_to_version == 0 || v <= options.up_to_version))
      all.push_back(v);
  if (options.direction == read_direction::backwards)
    std::reverse(all.begin(), all.end());
  if (options.max_events != 0 && all.size() > options.max_events)
    all.resize(options.max_events);
  return all;
}

read_options backwards() {
  read_options options;
  options.direction = read_direction::backwards;
  return options;
}

BOOST_DATA_TEST_CASE(every_option_alone_and_with_the_others, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t v = 2; v <= 20; v += 2) {
      co_await store.save_event(event_of("order-1", v));
      co_await store.save_event(event_of("order-2", v));
    }
    for (auto const direction : {read_direction::forwards, read_direction::backwards})
      for (std::int64_t after : {0, 1, 2, 7, 19, 20, 21})
        for (std::int64_t up_to : {0, 1, 2, 7, 8, 20, 50})
          for (std::size_t most : {0u, 1u, 3u, 100u}) {
            read_options options;
            options.direction = direction;
            options.after_version = after;
            options.up_to_version = up_to;
            options.max_events = most;
            versions const read = co_await read_all(store, "order-1", options);
            BOOST_TEST(read == expected_of(options),
                       "backwards " << (direction == read_direction::backwards) << ", after " << after << ", up to "
                                    << up_to << ", at most " << most << ": " << read.size() << " events");
          }
  });
}

BOOST_DATA_TEST_CASE(windows_of_one_event_and_of_one_byte, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await fill(store, "order-1", 1, 30);
    for (bool const bytes : {false, true})
      for (bool const back : {false, true}) {
        read_options options;
        (bytes ? options.window_bytes : options.window_events) = 1;
        if (back)
          options.direction = read_direction::backwards;
        versions const read = co_await read_all(store, "order-1", options);
        BOOST_TEST(read == (back ? versions_between(30, 1) : versions_between(1, 30)));
      }
  });
}

BOOST_DATA_TEST_CASE(an_unknown_actor_has_nothing_at_once, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    versions read = co_await read_all(store, "order-1");
    BOOST_TEST(read.empty());
    read = co_await read_all(store, "order-1", backwards());
    BOOST_TEST(read.empty());
    event_reader reader = store.read_events("order-1");
    for (int i = 0; i < 3; ++i) { // the end stays
      std::optional<read_item> const end = co_await reader.next_with_errors();
      BOOST_TEST(!end.has_value());
    }
    co_await store.save_snapshot(snapshot_of("order-1", 5));
    read = co_await read_all(store, "order-1");
    BOOST_TEST(read.empty());
  });
}

BOOST_DATA_TEST_CASE(what_comes_is_what_was_saved, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 7);
    time_point const before = std::chrono::system_clock::now() - std::chrono::minutes(10);
    saved const where = co_await store.save_event(e);
    event_reader reader = store.read_events("order-1");
    std::optional<recorded_event> const read = co_await reader.next();
    BOOST_TEST_REQUIRE(read.has_value());
    BOOST_TEST((read->event == e));
    BOOST_TEST(read->sequence == where.sequence);
    BOOST_TEST((read->stored > before));
    BOOST_TEST((read->stored < before + std::chrono::minutes(20)));
    position const p = read->position();
    BOOST_TEST_REQUIRE(p.places().size() == 1u);
    BOOST_TEST(p.places()[0].sequence == where.sequence);
    BOOST_TEST(p.places()[0].event_id == e.id);
    BOOST_TEST(!p.places()[0].stream.empty());
    BOOST_TEST(reader.skipped() == 0u);
  });
}

BOOST_DATA_TEST_CASE(bad_arguments_are_refused_when_awaited, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event_reader nameless = store.read_events("");
    boost::system::error_code thrown = co_await error_of(nameless.next());
    BOOST_TEST(thrown == make_error_code(errc::invalid_id));
    for (bool const after : {false, true}) {
      read_options options;
      (after ? options.after_version : options.up_to_version) = -1;
      event_reader reader = store.read_events("order-1", options);
      thrown = co_await error_of(reader.next());
      BOOST_TEST(thrown == make_error_code(errc::invalid_version));
    }
    event_reader reader = store.read_events("order-1");
    thrown = co_await error_of(reader.next(within(std::chrono::seconds(-1))));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
  });
}

BOOST_DATA_TEST_CASE(readers_side_by_side_and_saves_meanwhile, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await fill(store, "order-1", 1, 20);
    event_reader one = store.read_events("order-1");
    event_reader two = store.read_events("order-1");
    event_reader last = store.read_events("order-1", backwards());
    for (std::int64_t v = 1; v <= 20; ++v) {
      std::optional<recorded_event> const a = co_await one.next();
      std::optional<recorded_event> const b = co_await two.next();
      std::optional<recorded_event> const c = co_await last.next();
      BOOST_TEST_REQUIRE((a && b && c));
      BOOST_TEST(a->event.version == v);
      BOOST_TEST(b->event.version == v);
      BOOST_TEST(c->event.version == 21 - v);
      co_await fill(store, "order-1", 20 + v, 20 + v);
    }
    // What was saved after the first next() may come or not, in order and without a gap.
    versions const more = co_await rest_of(one);
    BOOST_TEST((more.empty() || more == versions_between(21, 20 + static_cast<std::int64_t>(more.size()))));
    versions const none = co_await rest_of(last);
    BOOST_TEST(none.empty());
  });
}

BOOST_DATA_TEST_CASE(closing_ends_readers_under_way, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await fill(store, "order-1", 1, 3);
    read_options options;
    options.window_events = 1;
    event_reader reader = store.read_events("order-1", options);
    co_await reader.next();
    event_reader later = store.read_events("order-1");
    co_await store.close();
    boost::system::error_code thrown = co_await error_of(later.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
    for (int i = 0; i < 4 && !thrown; ++i)
      thrown = co_await error_of(reader.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
  });
}

BOOST_DATA_TEST_CASE(a_reader_outlives_its_handle, all_readers(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const kept = co_await data.open(context.get_executor(), settings);
    store_ptr gone = data.copy(*kept);
    co_await fill(*kept, "order-1", 1, 10);
    event_reader reader = gone->read_events("order-1");
    gone.reset();
    event_reader moved = std::move(reader);
    versions const read = co_await rest_of(moved);
    BOOST_TEST(read == versions_between(1, 10));
    boost::system::error_code const thrown = co_await error_of(reader.next());
    BOOST_TEST(thrown == make_error_code(errc::not_open));
  });
}

// Reads on behind whatever a cancelled call left.
awaitable<void> read_into(std::shared_ptr<event_reader> reader, std::shared_ptr<versions> read,
                          std::shared_ptr<bool> ended) {
  while (!*ended) {
    std::optional<recorded_event> const next = co_await reader->next();
    *ended = !next;
    if (next)
      read->push_back(next->event.version);
  }
}

BOOST_DATA_TEST_CASE(cancelled_calls_lose_nothing, all_readers() * one_and_four_threads(), provider, threads) {
  run_options on;
  on.threads = threads;
  auto const read = std::make_shared<versions>();
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    co_await store->save_events(events_of("order-1", 1, 1000));
    for (std::int64_t v = 1001; v <= 3000; v += 1000)
      co_await store->save_events(events_of("order-1", v, v + 999));
    read_options options;
    options.window_events = 16;
    auto const reader = std::make_shared<event_reader>(store->read_events("order-1", options));
    auto const ended = std::make_shared<bool>(false);
    while (!*ended) {
      task_group group(context.get_executor());
      group.spawn(read_into(reader, read, ended));
      co_await asio::post(context, asio::use_awaitable);
      group.cancel();
      co_await group.join();
    }
  };
  if (!provider.batches())
    return;
  with_data(provider, body, on);
  BOOST_TEST(*read == versions_between(1, 3000));
}

BOOST_DATA_TEST_CASE(saves_while_reading_are_a_prefix, all_readers(), provider) {
  run_options on;
  on.threads = 4;
  std::atomic<int> wrong = 0;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    auto const write = [](store_ptr to) -> awaitable<void> { co_await fill(*to, "order-1", 1, 300); };
    auto const read = [](store_ptr from, bool back, std::atomic<int>& bad) -> awaitable<void> {
      read_options options;
      if (back)
        options.direction = read_direction::backwards;
      for (std::size_t seen = 0; seen < 300;) {
        versions const all = co_await read_all(*from, "order-1", options);
        auto const count = static_cast<std::int64_t>(all.size());
        bad += all.size() < seen;
        bad += count > 0 && all != (back ? versions_between(count, 1) : versions_between(1, count));
        seen = all.size();
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      }
    };
    task_group group(context.get_executor());
    group.spawn(write(store));
    group.spawn(read(store, false, wrong));
    group.spawn(read(store, true, wrong));
    co_await group.join();
  };
  with_data(provider, body, on);
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
