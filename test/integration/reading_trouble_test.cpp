// Readers and subscriptions on JetStream where something goes wrong, or is slow: nothing is lost, told wrongly, or
// hangs.
#include <integration/raw_stream.hpp>
#include <integration/store_support.hpp>

#include "fault/proxy.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/json/array.hpp>

#include <random>

BOOST_AUTO_TEST_SUITE(reading_trouble, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

using clock_type = std::chrono::steady_clock;

awaitable<std::vector<std::string>> consumers_of(raw_client client, std::string stream) {
  auto const answer = co_await client.api("CONSUMER.NAMES." + stream);
  std::vector<std::string> names;
  if (auto const* found = answer.if_contains("consumers"); found && found->is_array())
    for (auto const& name : found->get_array())
      names.emplace_back(name.as_string());
  co_return names;
}

/// Until the stream has none any more, as a deletion is not waited for.
awaitable<bool> consumers_go(raw_client client, std::string stream) {
  for (auto const until = clock_type::now() + scaled(10s); clock_type::now() < until;) {
    auto const left = co_await consumers_of(client, stream);
    if (left.empty())
      co_return true;
    co_await pause(10ms);
  }
  co_return false;
}

awaitable<void> delete_consumers(raw_client client, std::string stream) {
  auto const names = co_await consumers_of(client, stream);
  for (auto const& name : names)
    co_await client.api("CONSUMER.DELETE." + stream + '.' + name);
}

/// What comes within the time, asked for in short turns.
awaitable<std::optional<subscription_item>> next_in_turns(event_subscription& subscription,
                                                          std::chrono::nanoseconds turn, std::chrono::seconds limit) {
  std::optional<subscription_item> item;
  call_options const options{.timeout = turn};
  for (auto const until = clock_type::now() + scaled(limit); !item && clock_type::now() < until;)
    item = co_await subscription.next(options);
  co_return item;
}

std::string text_of(std::optional<subscription_item> const& item) {
  if (!item)
    return "nothing";
  if (auto const* e = std::get_if<recorded_event>(&*item))
    return e->event.actor_id + ':' + std::to_string(e->event.version);
  return std::holds_alternative<caught_up>(*item) ? "caught up" : "malformed";
}

/// Everything, each call with a timeout in which no answer comes; and how often it had to be called.
awaitable<std::vector<std::int64_t>> versions_in_turns(event_reader reader, std::chrono::nanoseconds turn) {
  std::vector<std::int64_t> versions;
  call_options const options{.timeout = turn};
  for (auto const until = clock_type::now() + scaled(20s); clock_type::now() < until;) {
    std::optional<recorded_event> e;
    auto timed_out = false;
    try {
      e = co_await reader.next(options);
    } catch (error const& failed) {
      if (failed.code() != errc::timed_out)
        throw;
      timed_out = true;
    }
    if (timed_out)
      continue;
    if (!e)
      co_return versions;
    versions.push_back(e->event.version);
  }
  versions.push_back(-1); // it does not come to an end
  co_return versions;
}

std::vector<std::int64_t> row(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> out;
  for (auto v = first; first <= last ? v <= last : v >= last; v += first <= last ? 1 : -1)
    out.push_back(v);
  return out;
}

/// wait(), cancelled by a timer.
awaitable<void> wait_a_moment(event_subscription& subscription, std::chrono::nanoseconds moment) {
  using namespace boost::asio::experimental::awaitable_operators;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, moment);
  co_await (subscription.wait() || timer.async_wait(boost::asio::use_awaitable));
}

awaitable<void> save_row(jetstream_event_store store, std::string actor_id, std::int64_t last) {
  for (std::int64_t version = 1; version <= last; ++version)
    co_await store.save_event(event_of(actor_id, version));
}

struct followed {
  std::uint64_t last = 0;
  std::uint64_t wrong = 0; // not the one behind the last
  int caught_up = 0;
};

/// Takes 5,300 events, of which the last 300 are saved meanwhile, while consumers are lost and connections cut.
awaitable<void> follow_in_moments(nats_server& server, fault::proxy& way, followed& got) {
  auto client = co_await raw_client::connect(server.url());
  auto direct = co_await open_store(server.url(), "S");
  jetstream_config config;
  config.request_timeout = 400ms; // what server 2.9 is silent about shows soon
  auto store = co_await open_store(way.url(), "S", config);
  subscribe_options options;
  options.window_events = 64;
  auto subscription = co_await store.subscribe(options);
  task_group live(co_await boost::asio::this_coro::executor);
  live.spawn(save_row(direct, "live-1", 300));
  std::mt19937 random(5);
  for (auto const until = clock_type::now() + scaled(40s); got.last < 5'300 && clock_type::now() < until;) {
    co_await wait_a_moment(subscription, std::chrono::microseconds(random() % 400));
    auto const item = subscription.try_next();
    if (!item)
      continue;
    if (std::holds_alternative<caught_up>(*item))
      ++got.caught_up;
    auto const* e = std::get_if<recorded_event>(&*item);
    if (!e)
      continue;
    got.wrong += e->sequence == got.last + 1 ? 0 : 1;
    got.last = e->sequence;
    if (got.last % 500 == 250)
      co_await delete_consumers(client, "S");
    if (got.last % 1'000 == 700)
      way.cut(fault::cut_kind::reset);
  }
  co_await live.join();
}

/// The caught-up mark may still have come.
awaitable<void> end_of_wait(awaitable<bool> wait, boost::system::error_code& ended) {
  ended = boost::asio::error::operation_aborted;
  try {
    co_await std::move(wait);
  } catch (boost::system::system_error const& e) {
    ended = e.code();
  }
}

} // namespace

// Servers from 2.10 on say that a pull was fulfilled, which is no trouble.
BOOST_AUTO_TEST_CASE(one_consumer_reads_everything) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto client = co_await raw_client::connect();
    for (int version = 1; version <= 200; ++version)
      co_await store.save_event(event_of("order-1", version));
    subscribe_options options;
    options.window_events = 10;
    auto subscription = co_await store.subscribe(options);
    auto const names = co_await consumers_of(client, store.stream());
    BOOST_TEST(names.size() == 1u);
    for (int version = 1; version <= 200; ++version) {
      auto const item = co_await subscription.next();
      BOOST_REQUIRE(text_of(item) == "order-1:" + std::to_string(version));
    }
    auto const now = co_await consumers_of(client, store.stream());
    BOOST_TEST(now == names, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(a_consumer_goes_with_its_handle_and_else_with_its_process) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto client = co_await raw_client::connect();
    for (int version = 1; version <= 20; ++version)
      co_await store.save_event(event_of("order-1", version));
    auto const has_batches = shared_server().at_least(2, 11);
    {
      read_options options;
      options.window_events = 4;
      auto reader = store.read_events("order-1", options);
      auto subscription = co_await store.subscribe();
      auto const e = co_await reader.next();
      BOOST_TEST(e->event.version == 1);
      auto const item = co_await subscription.next();
      BOOST_TEST(text_of(item) == "order-1:1");
      auto const names = co_await consumers_of(client, store.stream());
      BOOST_TEST(names.size() == (has_batches ? 1u : 2u));
      for (auto const& name : names) { // what is left of a process that is killed
        auto const info = co_await client.api("CONSUMER.INFO." + store.stream() + '.' + name);
        auto const& config = info.at("config").as_object();
        BOOST_TEST(config.at("inactive_threshold").to_number<std::int64_t>() == 30'000'000'000);
        BOOST_TEST(config.if_contains("durable_name") == nullptr);
      }
    }
    auto const gone = co_await consumers_go(client, store.stream());
    BOOST_TEST(gone);
  });
}

BOOST_AUTO_TEST_CASE(loads_of_one_actor_make_no_consumer) {
  if (!shared_server().at_least(2, 11))
    return;
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_stream::open(server.url(), {}, {});
    co_await raw.store_events("order-1", 1, 5'000);
    auto store = co_await open_store(server.url(), "S");
    auto client = co_await raw_client::connect(server.url());
    read_options options;
    options.window_events = 500;
    auto reader = store.read_events("order-1", options);
    for (std::int64_t version = 1; version <= 5'000; ++version) {
      auto const e = co_await reader.next();
      BOOST_REQUIRE((e && e->event.version == version));
      if (version % 500 != 250)
        continue;
      auto const names = co_await consumers_of(client, "S");
      BOOST_TEST(names.empty());
    }
    auto const end = co_await reader.next();
    BOOST_TEST(!end.has_value());
  });
}

// What is missing shows by silence on server 2.9 only: whoever looks for a moment each time has to notice it too.
BOOST_AUTO_TEST_CASE(short_turns_notice_that_the_consumer_is_lost) {
  jetstream_config config;
  config.request_timeout = 400ms;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, config);
    auto client = co_await raw_client::connect();
    for (int version = 1; version <= 9; ++version)
      co_await store.save_event(event_of("order-1", version));
    subscribe_options options;
    options.window_events = 2;
    auto subscription = co_await store.subscribe(options);
    auto item = co_await subscription.next();
    for (int version = 2; version <= 9; ++version) {
      co_await pause(20ms); // so that what was asked for has come, and nothing is asked when the consumer goes
      co_await delete_consumers(client, store.stream());
      item = co_await next_in_turns(subscription, 20ms, 10s);
      BOOST_REQUIRE(text_of(item) == "order-1:" + std::to_string(version));
    }
  });
}

// What is quiet for longer than the stream keeps anything has missed nothing, whatever else was stored meanwhile.
BOOST_AUTO_TEST_CASE(a_quiet_subscription_outlives_the_retention) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    auto client = co_await raw_client::connect();
    co_await store.save_event(event_of("rare-1", 1));
    subscribe_options options;
    options.filter.actor_types = {"rare"};
    auto subscription = co_await store.subscribe(options);
    auto item = co_await subscription.next();
    item = co_await subscription.next();
    BOOST_TEST(text_of(item) == "caught up");
    std::int64_t other = 0;
    for (std::int64_t version = 2; version <= 3; ++version) {
      for (auto const until = clock_type::now() + 2500ms; clock_type::now() < until;) {
        co_await store.save_event(event_of("stock-1", ++other));
        item = co_await subscription.next(call_options{.timeout = 100ms});
        BOOST_REQUIRE(!item.has_value());
      }
      if (version == 3)
        co_await delete_consumers(client, store.stream());
      co_await store.save_event(event_of("rare-1", version));
      item = co_await next_in_turns(subscription, 500ms, 10s);
      BOOST_TEST(text_of(item) == "rare-1:" + std::to_string(version));
    }
  });
}

BOOST_AUTO_TEST_CASE(what_expires_before_the_first_is_taken_is_told) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    auto client = co_await raw_client::connect();
    for (int version = 1; version <= 9; ++version)
      co_await store.save_event(event_of("order-1", version));
    auto whole = co_await store.subscribe();
    auto item = co_await whole.next();
    subscribe_options options;
    options.start = start_from::position(whole.position());
    auto subscription = co_await store.subscribe(options);
    co_await until_expired(client, store.stream());
    co_await store.save_event(event_of("order-2", 1));
    auto const f = co_await failure_of(subscription.next(call_options{.timeout = 10s}));
    BOOST_TEST(f.code == errc::start_expired, f.text);
  });
}

// All that has expired is older.
BOOST_AUTO_TEST_CASE(begins_at_a_time_in_a_stream_that_expired) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    auto client = co_await raw_client::connect();
    co_await store.save_event(event_of("order-1", 1));
    co_await until_expired(client, store.stream());
    subscribe_options options;
    options.start = start_from::time(std::chrono::system_clock::now() - 200ms);
    co_await store.save_event(event_of("order-2", 1));
    auto subscription = co_await store.subscribe(options);
    auto const item = co_await subscription.next();
    BOOST_TEST(text_of(item) == "order-2:1");
    options.start = start_from::time(std::chrono::system_clock::now() - 10s);
    auto const f = co_await failure_of(store.subscribe(options));
    BOOST_TEST(f.code == errc::start_expired, f.text);
  });
}

BOOST_AUTO_TEST_CASE(catches_up_where_everything_has_expired) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    auto client = co_await raw_client::connect();
    for (int version = 1; version <= 9; ++version)
      co_await store.save_event(event_of("order-1", version));
    subscribe_options options;
    options.on_expired = expired_start::first;
    auto subscription = co_await store.subscribe(options);
    co_await until_expired(client, store.stream());
    auto item = co_await next_in_turns(subscription, 50ms, 10s);
    BOOST_TEST(text_of(item) == "caught up");
    co_await store.save_event(event_of("order-2", 1));
    item = co_await next_in_turns(subscription, 50ms, 10s);
    BOOST_TEST(text_of(item) == "order-2:1");
  });
}

BOOST_AUTO_TEST_CASE(events_that_are_larger_than_the_window) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_stream::open(server.url(), {}, {});
    co_await raw.store_events("order-1", 1, 6, 500'000);
    auto store = co_await open_store(server.url(), "S");
    for (std::size_t const bytes : {1, 600'000, 1'200'000}) {
      read_options options;
      options.window_bytes = bytes;
      auto reader = store.read_events("order-1", options);
      subscribe_options following;
      following.window_bytes = bytes;
      auto subscription = co_await store.subscribe(following);
      for (std::int64_t version = 1; version <= 6; ++version) {
        auto const e = co_await reader.next();
        BOOST_REQUIRE((e && e->event.version == version));
        auto const item = co_await subscription.next(call_options{.timeout = 10s});
        BOOST_REQUIRE(text_of(item) == "order-1:" + std::to_string(version));
      }
      auto const end = co_await reader.next();
      BOOST_TEST(!end.has_value());
    }
  });
}

// No answer comes within one call: what was asked has to go on being asked.
BOOST_AUTO_TEST_CASE(short_timeouts_get_somewhere_on_a_slow_link) {
  nats_server server;
  fault::proxy way(server.port());
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto raw = co_await raw_stream::open(server.url(), {}, {});
    co_await raw.store_events("order-1", 1, 40);
    for (std::int64_t version = 41; version <= 50; ++version) {
      auto store = co_await open_store(server.url(), "S");
      co_await store.save_event(event_of("order-1", version));
    }
    auto store = co_await open_store(way.url(), "S");
    subscribe_options following;
    auto subscription = co_await store.subscribe(following);
    way.delay(fault::way::to_server, 15ms);
    read_options options;
    auto versions = co_await versions_in_turns(store.read_events("order-1", options), 1ms);
    BOOST_TEST(versions == row(1, 50), boost::test_tools::per_element());
    options.after_version = 20;
    versions = co_await versions_in_turns(store.read_events("order-1", options), 1ms);
    BOOST_TEST(versions == row(21, 50), boost::test_tools::per_element());
    options.direction = read_direction::backwards;
    options.up_to_version = 47;
    versions = co_await versions_in_turns(store.read_events("order-1", options), 1ms);
    BOOST_TEST(versions == row(47, 21), boost::test_tools::per_element());
    for (std::int64_t version = 1; version <= 50; ++version) {
      auto const item = co_await next_in_turns(subscription, 1ms, 20s);
      BOOST_REQUIRE(text_of(item) == "order-1:" + std::to_string(version));
    }
    way.cut(fault::cut_kind::reset);
    auto item = co_await next_in_turns(subscription, 1ms, 20s);
    BOOST_TEST(text_of(item) == "caught up");
    auto direct = co_await open_store(server.url(), "S");
    co_await direct.save_event(event_of("order-1", 51));
    item = co_await next_in_turns(subscription, 1ms, 20s);
    BOOST_TEST(text_of(item) == "order-1:51");
  });
}

// Deleted, or deleted and made again, under a reader.
BOOST_AUTO_TEST_CASE(a_reader_tells_that_the_stream_went) {
  for (auto const direction : {read_direction::forwards, read_direction::backwards})
    for (auto const again : {false, true}) {
      nats_server server;
      run([&](boost::asio::io_context&) -> awaitable<void> {
        auto raw = co_await raw_stream::open(server.url(), {}, {});
        co_await raw.store_events("order-1", 1, 500);
        auto store = co_await open_store(server.url(), "S");
        read_options options;
        options.direction = direction;
        options.window_events = 20;
        auto reader = store.read_events("order-1", options);
        auto e = co_await reader.next();
        BOOST_REQUIRE(e.has_value());
        co_await raw.api("STREAM.DELETE.S");
        if (again) {
          raw = co_await raw_stream::open(server.url(), {}, {});
          co_await raw.store_events("order-1", 1, 600);
        }
        boost::system::error_code ended;
        for (int i = 0; i < 1'000 && e && !ended; ++i) {
          try {
            e = co_await reader.next(call_options{.timeout = 10s});
          } catch (error const& failed) {
            ended = failed.code();
          }
        }
        BOOST_TEST_CONTEXT("backwards " << (direction == read_direction::backwards) << ", again " << again)
        BOOST_TEST(ended == (again ? errc::position_invalid : errc::stream_not_found), ended.message());
      });
    }
}

// On several threads, over lost consumers and cut connections, with a wait that ends whenever it likes.
BOOST_AUTO_TEST_CASE(a_wait_that_is_cancelled_anywhere_loses_nothing) {
  nats_server server;
  fault::proxy way(server.port());
  followed got;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto raw = co_await raw_stream::open(server.url(), {}, {});
        co_await raw.store_events("order-1", 1, 5'000);
        auto const strand = boost::asio::make_strand(context); // which Asio's `||` asks for
        co_await boost::asio::co_spawn(strand, follow_in_moments(server, way, got), boost::asio::use_awaitable);
      },
      on(3));
  BOOST_TEST(got.last == 5'300u);
  BOOST_TEST(got.wrong == 0u);
  BOOST_TEST(got.caught_up == 1);
}

// The handle goes, on whatever thread, while another one waits, whatever it waits for just then.
BOOST_AUTO_TEST_CASE(a_handle_goes_under_its_wait_at_any_time) {
  std::vector<boost::system::error_code> ends(200);
  auto left = false;
  nats_server server;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto raw = co_await raw_stream::open(server.url(), {}, {});
        co_await raw.store_events("order-1", 1, 500);
        auto client = co_await raw_client::connect(server.url());
        auto store = co_await open_store(server.url(), "S");
        std::mt19937 random(7);
        for (auto& ended : ends) {
          subscribe_options options;
          options.window_events = 1 + random() % 64;
          auto held = std::make_unique<event_subscription>();
          *held = co_await store.subscribe(options);
          for (auto taken = random() % 100; taken > 0; --taken)
            co_await held->next();
          while (auto const item = held->try_next())
            ;
          if (random() % 4 == 0)
            co_await delete_consumers(client, "S");
          auto const moment = std::chrono::microseconds(random() % 2'000);
          task_group waiting(context.get_executor());
          waiting.spawn(end_of_wait(held->wait(), ended));
          co_await pause(moment);
          held.reset();
          co_await waiting.join();
        }
        left = !co_await consumers_go(client, "S");
      },
      on(3));
  BOOST_TEST(!left);
  for (auto const& ended : ends)
    BOOST_TEST(ended == boost::asio::error::operation_aborted, ended.message());
}

BOOST_AUTO_TEST_SUITE_END()
