// Following a stream while connections are cut, consumers are lost and servers are killed: every event once, in order.
#include "fault/campaign/campaign.hpp"
#include "fault/proxy.hpp"

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>
#include <aether/task_group.hpp>

#include <support/child_process.hpp>
#include <support/events.hpp>
#include <support/run.hpp>
#include <support/temporary_directory.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <random>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(following_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::event_of;
using aether::test::has_nats_server;
using aether::test::run;
using aether::test::scaled;
using nats::jetstream_event_store;

namespace {

awaitable<void> pause(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

awaitable<void> save_row(jetstream_event_store store, std::string actor_id, std::int64_t first, std::int64_t last) {
  for (auto version = first; version <= last; ++version)
    co_await store.save_event(event_of(actor_id, version));
}

/// `count` events of 100 actors.
awaitable<void> fill(jetstream_event_store store, std::int64_t count) {
  constexpr std::int64_t actors = 100;
  task_group savers(co_await boost::asio::this_coro::executor);
  for (std::int64_t i = 0; i < actors; ++i)
    savers.spawn(save_row(store, "order-" + std::to_string(i), 1, count / actors));
  co_await savers.join();
}

awaitable<std::vector<std::string>> consumers(nats::connection on) {
  call_options const patience{.timeout = 5s};
  nats::message const question("$JS.API.CONSUMER.NAMES.S", "");
  auto const answer = co_await on.request(question, patience);
  auto const parsed = boost::json::parse(answer.data);
  std::vector<std::string> names;
  if (auto const* listed = parsed.as_object().if_contains("consumers"); listed && listed->is_array())
    for (auto const& name : listed->get_array())
      names.emplace_back(name.as_string());
  co_return names;
}

awaitable<std::size_t> delete_consumers(nats::connection on) {
  call_options const patience{.timeout = 5s};
  auto const names = co_await consumers(on);
  for (auto const& name : names) {
    nats::message const order("$JS.API.CONSUMER.DELETE.S." + name, "");
    co_await on.request(order, patience);
  }
  co_return names.size();
}

/// Until the server has so many consumers; how long that took. Not within the limit: nothing.
awaitable<std::optional<std::chrono::milliseconds>> until_consumers(nats::connection on, std::size_t count,
                                                                    std::chrono::seconds limit) {
  auto const begun = std::chrono::steady_clock::now();
  for (;;) {
    auto const names = co_await consumers(on);
    auto const passed = std::chrono::steady_clock::now() - begun;
    if (names.size() == count)
      co_return std::chrono::duration_cast<std::chrono::milliseconds>(passed);
    if (passed > limit)
      co_return std::nullopt;
    co_await pause(50ms);
  }
}

nats::connection_options through(std::string url) {
  nats::connection_options options;
  options.servers.push_back(std::move(url));
  options.reconnect_wait = 5ms;
  options.reconnect_wait_max = 50ms;
  return options;
}

awaitable<void> follow_for_ever(std::string url) {
  auto const on = co_await nats::connection::connect(through(url));
  nats::jetstream_config config;
  config.replica_count = static_cast<int>(nodes_of_environment());
  auto store = co_await jetstream_event_store::open(on, "S", config);
  auto subscription = co_await store.subscribe();
  for (;;)
    auto const item = co_await subscription.next();
}

/// What a reader sees: sequences that rise by one from the first on, as the stream holds nothing but events.
struct seen {
  std::uint64_t events = 0;
  std::uint64_t last = 0;
  std::uint64_t missing = 0;
  std::uint64_t twice = 0;

  void on(std::uint64_t sequence) {
    ++events;
    if (sequence <= last)
      ++twice;
    else
      missing += sequence - last - 1;
    last = std::max(last, sequence);
  }

  std::string text() const {
    return std::to_string(events) + " events, " + std::to_string(missing) + " missing, " + std::to_string(twice) +
           " twice";
  }
};

} // namespace

// Not a test but a process to be killed.

BOOST_AUTO_TEST_CASE(follow) {
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_REQUIRE(suite.argc == 2);
  run([&](boost::asio::io_context&) { return follow_for_ever(suite.argv[1]); }, {1, 600s});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(following, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace following_process;

BOOST_AUTO_TEST_CASE(over_cut_connections_and_lost_consumers) {
  auto const seed = campaign_seed();
  auto const count = static_cast<std::uint64_t>(in_full_or(1'000'000, 20'000));
  auto const cuts = static_cast<std::uint64_t>(in_full_or(100, 10));
  auto const losses = static_cast<std::uint64_t>(in_full_or(20, 5));
  nats_cluster cluster(wanted_cluster());
  proxy way(cluster.node(0).port());
  seen got;
  std::uint64_t cut = 0;
  std::uint64_t lost = 0;
  auto const replicas = static_cast<int>(cluster.size());
  auto const body = [&](boost::asio::io_context& context) -> awaitable<void> {
    auto const direct = co_await nats::connection::connect(through(cluster.node(0).url()));
    nats::jetstream_config config;
    config.replica_count = replicas;
    auto const writer = co_await jetstream_event_store::open(direct, "S", config);
    co_await fill(writer, static_cast<std::int64_t>(count));
    auto const on = co_await nats::connection::connect(through(way.url()));
    auto store = co_await jetstream_event_store::open(on, "S", config);
    task_group live(context.get_executor()); // while it is read, more is saved
    live.spawn(save_row(writer, "live-1", 1, 500));
    subscribe_options options;
    options.window_events = 1'000;
    auto subscription = co_await store.subscribe(options);
    std::mt19937_64 random(seed);
    auto const every = count / (cuts + losses + 1);
    while (got.events < count + 500) {
      call_options const patience{.timeout = scaled(60s)};
      auto item = co_await subscription.next(patience);
      if (!item) {
        BOOST_ERROR("nothing came for a minute behind event " << got.last);
        break;
      }
      auto const* e = std::get_if<recorded_event>(&*item);
      if (!e)
        continue;
      got.on(e->sequence);
      if (got.events % every != 0)
        continue;
      if (cut + lost < cuts + losses && random() % (cuts + losses) < cuts && cut < cuts) {
        way.cut(random() % 2 == 0 ? cut_kind::end : cut_kind::reset);
        ++cut;
      } else if (lost < losses) {
        auto const deleted = co_await delete_consumers(direct);
        lost += deleted > 0 ? 1 : 0;
      } else if (cut < cuts) {
        way.cut(cut_kind::reset);
        ++cut;
      }
      if (random() % 4 == 0) // a reader that stalls
        co_await pause(std::chrono::milliseconds(random() % 200));
    }
    co_await live.join();
  };
  run(body, {1, in_full_or(1'200, 120) * 1s});
  record("following, seed " + std::to_string(seed) + ": " + std::to_string(cut) + " cuts, " + std::to_string(lost) +
         " lost consumers; " + got.text());
  BOOST_TEST(got.events == count + 500);
  BOOST_TEST(got.missing == 0u);
  BOOST_TEST(got.twice == 0u);
  BOOST_TEST(cut >= cuts * 9 / 10);
  BOOST_TEST(lost >= losses * 9 / 10);
}

// Of three servers the leader is killed, of one the only one.
BOOST_AUTO_TEST_CASE(over_killed_servers) {
  auto const seed = campaign_seed();
  auto const kills = in_full_or(30, 3);
  nats_cluster cluster(wanted_cluster());
  seen got;
  auto const replicas = static_cast<int>(cluster.size());
  constexpr std::int64_t each = 200;
  auto const body = [&](boost::asio::io_context& context) -> awaitable<void> {
    auto options = through(cluster.node(0).url());
    for (std::size_t i = 1; i < cluster.size(); ++i)
      options.servers.push_back(cluster.node(i).url());
    auto const on = co_await nats::connection::connect(options);
    nats::jetstream_config config;
    config.replica_count = replicas;
    config.operation_timeout = 60s;
    config.request_timeout = 500ms;
    auto store = co_await jetstream_event_store::open(on, "S", config);
    auto subscription = co_await store.subscribe();
    std::mt19937_64 random(seed);
    std::size_t const nodes = cluster.size();
    for (int i = 0; i < kills; ++i) {
      task_group savers(context.get_executor());
      savers.spawn(save_row(store, "order-" + std::to_string(i), 1, each));
      auto& node = cluster.node(cluster.leader_of("S").value_or(random() % nodes));
      co_await pause(std::chrono::milliseconds(random() % 100));
      node.kill();
      co_await pause(std::chrono::milliseconds(random() % 500));
      node.start();
      auto const upto = static_cast<std::uint64_t>(each * (i + 1));
      while (got.events < upto) {
        call_options const patience{.timeout = scaled(90s)};
        auto item = co_await subscription.next(patience);
        if (!item) {
          BOOST_ERROR("nothing came for 90 s behind event " << got.last << ", kill " << i);
          co_return;
        }
        if (auto const* e = std::get_if<recorded_event>(&*item))
          got.on(e->sequence);
      }
      co_await savers.join();
    }
  };
  run(body, {1, in_full_or(1'800, 240) * 1s});
  record("following, seed " + std::to_string(seed) + ": " + std::to_string(kills) + " kills; " + got.text());
  BOOST_TEST(got.events == static_cast<std::uint64_t>(each) * static_cast<std::uint64_t>(kills));
  BOOST_TEST(got.missing == 0u);
  BOOST_TEST(got.twice == 0u);
}

// What a reader had on the server goes by itself, 30 s after the reader.
BOOST_AUTO_TEST_CASE(a_killed_reader_leaves_nothing_for_long) {
  nats_cluster cluster(wanted_cluster());
  test::temporary_directory directory;
  auto const url = cluster.node(0).url();
  std::optional<std::chrono::milliseconds> gone;
  auto const body = [&](boost::asio::io_context&) -> awaitable<void> {
    auto const on = co_await nats::connection::connect(through(url));
    nats::jetstream_config config;
    config.replica_count = static_cast<int>(cluster.size());
    auto store = co_await jetstream_event_store::open(on, "S", config);
    co_await save_row(store, "order-1", 1, 100);
    test::child_process reader({"/proc/self/exe", "--run_test=following_process/follow", "--", url},
                               directory.path() / "reader.log");
    auto const there = co_await until_consumers(on, 1, scaled(20s));
    BOOST_TEST_REQUIRE(there.has_value());
    reader.kill();
    auto const left = co_await consumers(on);
    BOOST_TEST(left.size() == 1u); // nobody was there to delete it
    if (in_full())
      gone = co_await until_consumers(on, 0, scaled(60s));
  };
  run(body, {1, 200s});
  if (!in_full())
    return;
  BOOST_TEST_REQUIRE(gone.has_value());
  BOOST_TEST((*gone < 35s));
  record("following, a killed reader: its consumer was gone after " + std::to_string(gone->count()) + " ms");
}

BOOST_AUTO_TEST_SUITE_END()
