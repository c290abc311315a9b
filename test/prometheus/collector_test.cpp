// Names, sources that come, fail and go, and what is added up.
#include <aether/error.hpp>
#include <aether/event_bus.hpp>
#include <aether/memory_event_store.hpp>

#include <support/run.hpp>

#include "exposition.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(collecting)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using aether::prometheus::collector;
using aether::prometheus::connection_metrics;
using aether::prometheus::placement_metrics;
using aether::prometheus::registration;

namespace {

bus_metrics bus_with(std::uint64_t published, std::size_t subscribers = 0) {
  bus_metrics m;
  m.published = published;
  m.subscribers = subscribers;
  return m;
}

std::string published(std::string const& bus) { return "aether_bus_published_total{bus=\"" + bus + "\"}"; }
std::string subscribers(std::string const& bus) { return "aether_bus_subscribers{bus=\"" + bus + "\"}"; }
std::string const failed_buses = R"(aether_metric_source_errors_total{kind="bus"})";

/// A hundred names, so that every further one is reported as `other`.
std::vector<registration> fill_with_names(collector& c) {
  std::vector<registration> all;
  for (std::size_t i = 0; i < collector::max_names; ++i) {
    auto const name = "n" + std::to_string(i);
    all.push_back(c.add_store(name, [] { return store_metrics(); }));
    all.push_back(c.add_bus(name, [] { return bus_metrics(); }));
    all.push_back(c.add_connection(name, [] { return connection_metrics(); }));
    all.push_back(c.add_projection(name, [] { return projection_progress(); }));
  }
  return all;
}

/// The second save is a conflict.
awaitable<void> save_one_twice(std::shared_ptr<event_store> store) {
  auto first = make_event("OrderPlaced", "order-1", 1);
  auto second = make_event("OrderPlaced", "order-1", 1);
  co_await store->try_save_event(std::move(first));
  co_await store->try_save_event(std::move(second));
}

} // namespace

BOOST_AUTO_TEST_CASE(names_are_refused_where_they_are_given) {
  collector c;
  auto const source = [] { return bus_metrics(); };
  std::vector<std::string> const bad = {
      "", std::string(256, 'a'), "a\nb", "a\tb", std::string("a\0b", 3), "\x7f", "\xff", "\xc3", "\xed\xa0\x80"};
  for (auto const& name : bad)
    BOOST_CHECK_EXCEPTION((void)c.add_bus(name, source), error,
                          [](error const& e) { return e.code() == make_error_code(errc::invalid_argument); });
  BOOST_CHECK_THROW((void)c.add_bus("empty", collector::bus_source()), error);
  BOOST_CHECK_THROW((void)c.add_bus("empty", std::shared_ptr<event_broadcaster const>()), error);
  BOOST_TEST(series_of(c).size() == 8u);
}

BOOST_AUTO_TEST_CASE(labels_are_escaped) {
  collector c;
  auto const quotes = c.add_bus(R"(a"b\c)", [] { return bus_with(1); });
  auto const braces = c.add_bus("}, {x=1", [] { return bus_with(2); });
  auto const german = c.add_bus("Bestellungen für 3 €", [] { return bus_with(3); });
  auto const longest = c.add_bus(std::string(255, 'z'), [] { return bus_with(4); });
  BOOST_TEST(value_of(c, R"(aether_bus_published_total{bus="a\"b\\c"})") == "1");
  BOOST_TEST(value_of(c, published("}, {x=1")) == "2");
  BOOST_TEST(value_of(c, published("Bestellungen für 3 €")) == "3");
  BOOST_TEST(value_of(c, published(std::string(255, 'z'))) == "4");
}

BOOST_AUTO_TEST_CASE(beyond_a_hundred_names_all_are_one) {
  collector c;
  auto const named = fill_with_names(c);
  BOOST_TEST(value_of(c, published("n99")) == "0");
  BOOST_TEST(value_of(c, published("other")) == "none");

  auto const a = c.add_bus("a", [] { return bus_with(10, 1); });
  auto const b = c.add_bus("b", [] { return bus_with(20, 2); });
  auto const third = c.add_bus("other", [] { return bus_with(30, 3); }); // as somebody may call one
  auto const known = c.add_bus("n7", [] { return bus_with(5, 5); });     // one of the hundred, again
  BOOST_TEST(value_of(c, published("other")) == "60");
  BOOST_TEST(value_of(c, subscribers("other")) == "6");
  BOOST_TEST(value_of(c, published("n7")) == "5");
  BOOST_TEST(value_of(c, published("a")) == "none");

  std::size_t buses = 0;
  for (auto const& s : series_of(c))
    buses += s.first.starts_with("aether_bus_published_total");
  BOOST_TEST(buses == collector::max_names + 1);
}

BOOST_AUTO_TEST_CASE(a_name_keeps_its_place_when_its_sources_are_gone) {
  collector c;
  auto named = fill_with_names(c);
  named.clear();
  BOOST_TEST(series_of(c).size() == 8u);
  auto const late = c.add_bus("late", [] { return bus_with(1); });
  auto const again = c.add_bus("n3", [] { return bus_with(2); });
  BOOST_TEST(value_of(c, published("other")) == "1");
  BOOST_TEST(value_of(c, published("n3")) == "2");
}

BOOST_AUTO_TEST_CASE(how_each_type_is_combined) {
  collector c;
  auto const stores = [](std::uint64_t behind, std::size_t bucket) {
    store_metrics m;
    m.save_duration.counts[bucket] = 2;
    m.save_duration.sum = 1500ms;
    m.events_behind = behind;
    m.saves_in_flight = 3;
    return m;
  };
  auto const s1 = c.add_store("pool", [&] { return stores(7, 6); });
  auto const s2 = c.add_store("pool", [&] { return stores(4, 15); });
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_count{store="pool"})") == "4");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_sum{store="pool"})") == "3");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_bucket{store="pool",le="0.001"})") == "2");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_bucket{store="pool",le="1"})") == "4");
  BOOST_TEST(value_of(c, R"(aether_subscription_events_behind{store="pool"})") == "7");
  BOOST_TEST(value_of(c, R"(aether_saves_in_flight{store="pool"})") == "6");

  auto const connected = [](bool is) {
    connection_metrics m;
    m.connected = is;
    return m;
  };
  auto const c1 = c.add_connection("pool", [&] { return connected(true); });
  auto const c2 = c.add_connection("pool", [&] { return connected(true); });
  BOOST_TEST(value_of(c, R"(aether_connected{connection="pool"})") == "1");
  auto const c3 = c.add_connection("pool", [&] { return connected(false); });
  BOOST_TEST(value_of(c, R"(aether_connected{connection="pool"})") == "0");

  auto const running = [](std::uint64_t behind, bool caught_up) {
    projection_progress m;
    m.state = projection_state::running;
    m.events_behind = behind;
    m.events_per_second = 1.5;
    m.caught_up = caught_up;
    return m;
  };
  auto const p1 = c.add_projection("pool", [&] { return running(0, true); });
  auto const p2 = c.add_projection("pool", [&] { return running(9, false); });
  BOOST_TEST(value_of(c, R"(aether_projection_state{projection="pool",state="running"})") == "2");
  BOOST_TEST(value_of(c, R"(aether_projection_events_behind{projection="pool"})") == "9");
  BOOST_TEST(value_of(c, R"(aether_projection_events_per_second{projection="pool"})") == "3");
  BOOST_TEST(value_of(c, R"(aether_projection_caught_up{projection="pool"})") == "0");

  auto const seeing = [](std::size_t nodes) {
    placement_metrics m;
    m.state = placement_state::live;
    m.nodes = nodes;
    return m;
  };
  auto const n1 = c.add_placement("pool", [&] { return seeing(3); });
  auto const n2 = c.add_placement("pool", [&] { return seeing(2); });
  BOOST_TEST(value_of(c, R"(aether_placement_state{placement="pool",state="live"})") == "2");
  BOOST_TEST(value_of(c, R"(aether_placement_nodes{placement="pool"})") == "2");
}

BOOST_AUTO_TEST_CASE(a_source_that_throws_is_left_out_and_counted) {
  collector c;
  bool broken = true;
  auto const bad = c.add_bus("bad", [&broken] {
    if (broken)
      throw std::runtime_error("no");
    return bus_with(1);
  });
  auto const worse = c.add_bus("worse", []() -> std::optional<bus_metrics> { throw 7; });
  auto const good = c.add_bus("good", [] { return bus_with(2); });
  BOOST_TEST(value_of(c, published("good")) == "2");       // 1st scrape
  BOOST_TEST(value_of(c, published("bad")) == "none");     // 2nd
  BOOST_TEST(value_of(c, failed_buses) == "6");            // 3rd
  broken = false;
  BOOST_TEST(value_of(c, published("bad")) == "1");
  BOOST_TEST(value_of(c, failed_buses) == "8");
}

BOOST_AUTO_TEST_CASE(sums_do_not_go_down_when_a_source_fails_or_ends) {
  collector c;
  std::optional<std::uint64_t> count = 100;
  bool broken = false;
  auto changing = c.add_bus("pool", [&]() -> std::optional<bus_metrics> {
    if (broken)
      throw std::runtime_error("no");
    if (!count)
      return std::nullopt;
    return bus_with(*count, 1);
  });
  auto const steady = c.add_bus("pool", [] { return bus_with(5, 1); });
  auto const is = [&c](char const* counter, char const* gauge) {
    BOOST_TEST(value_of(c, published("pool")) == counter);
    BOOST_TEST(value_of(c, subscribers("pool")) == gauge);
  };
  is("105", "2");
  broken = true;
  is("105", "1");
  broken = false;
  count.reset();
  is("105", "1");
  count = 110;
  is("115", "2");
  count = 3; // it began anew
  is("118", "2");
  changing.end();
  BOOST_TEST(!changing);
  is("118", "1");
  auto const next = c.add_bus("pool", [] { return bus_with(2, 1); });
  is("120", "2");
}

BOOST_AUTO_TEST_CASE(a_histogram_that_begins_anew_goes_on) {
  collector c;
  store_metrics m;
  m.save_duration.counts[0] = 4;
  m.save_duration.sum = 20us;
  auto const kept = c.add_store("shop", [&m] { return m; });
  auto const count = R"(aether_save_duration_seconds_count{store="shop"})";
  BOOST_TEST(value_of(c, count) == "4");
  m.save_duration.counts[0] = 0;
  m.save_duration.counts[1] = 1;
  m.save_duration.sum = 15us;
  BOOST_TEST(value_of(c, count) == "5");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_bucket{store="shop",le="1e-05"})") == "4");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_sum{store="shop"})") == "3.5e-05");
}

BOOST_AUTO_TEST_CASE(a_registration_ends_once_and_outlives_the_collector) {
  auto c = std::make_unique<collector>();
  auto const alive = std::make_shared<int>(0);
  registration none;
  none.end();
  registration first = c->add_bus("a", [alive] { return bus_with(1); });
  registration second = std::move(first);
  BOOST_TEST(!first); // NOLINT(bugprone-use-after-move)
  BOOST_TEST(value_of(*c, published("a")) == "1");
  second = c->add_bus("b", [alive] { return bus_with(2); });
  BOOST_TEST(value_of(*c, published("a")) == "none");
  BOOST_TEST(value_of(*c, published("b")) == "2");
  BOOST_TEST(alive.use_count() == 2);
  second.end();
  second.end();
  BOOST_TEST(alive.use_count() == 1);
  BOOST_TEST(value_of(*c, published("b")) == "none");

  auto third = c->add_bus("c", [alive] { return bus_with(3); });
  c.reset();
  BOOST_TEST(alive.use_count() == 1);
  BOOST_TEST(bool(third));
}

BOOST_AUTO_TEST_CASE(a_source_may_end_itself) {
  // As when it holds the last reference to what owns its registration.
  collector c;
  registration self;
  int calls = 0;
  auto const captured = std::make_shared<int>(0);
  self = c.add_bus("a", [&self, &calls, captured] {
    ++calls;
    self.end();
    return bus_with(1);
  });
  BOOST_TEST(value_of(c, published("a")) == "none");
  BOOST_TEST(value_of(c, published("a")) == "none");
  BOOST_TEST(calls == 1);
  BOOST_TEST(captured.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_bus_is_not_kept) {
  collector c;
  auto bus = std::make_shared<event_bus>();
  auto const kept = c.add_bus("main", bus);
  bus->publish("", make_event("OrderPlaced", "order-1", 1));
  BOOST_TEST(value_of(c, published("main")) == "1");
  BOOST_TEST(bus.use_count() == 1);
  bus.reset();
  BOOST_TEST(value_of(c, published("main")) == "none");
  BOOST_TEST(value_of(c, failed_buses) == "0");
}

BOOST_AUTO_TEST_CASE(a_store_is_not_kept_and_what_it_did_is_exposed) {
  collector c;
  boost::asio::io_context context;
  std::shared_ptr<event_store> store = std::make_shared<memory_event_store>(context.get_executor());
  auto const kept = c.add_store("shop", store);
  BOOST_TEST(store.use_count() == 1);
  run([&](boost::asio::io_context&) { return save_one_twice(store); });
  BOOST_TEST(value_of(c, R"(aether_saves_total{store="shop",outcome="saved"})") == "1");
  BOOST_TEST(value_of(c, R"(aether_saves_total{store="shop",outcome="conflict"})") == "1");
  BOOST_TEST(value_of(c, R"(aether_save_duration_seconds_count{store="shop"})") == "1");
  BOOST_TEST(value_of(c, R"(aether_saves_in_flight{store="shop"})") == "0");
  store.reset();
  BOOST_TEST(value_of(c, R"(aether_saves_in_flight{store="shop"})") == "none");
  BOOST_CHECK_THROW((void)c.add_store("none", std::shared_ptr<event_store const>()), error);
}

BOOST_AUTO_TEST_CASE(after_its_end_a_source_is_not_called) {
  // Scraped by two threads while sources come and go: a call after the end would read what is destroyed.
  collector c;
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> calls = 0;
  std::uint64_t highest = 0; // of one name whose counters must not go down
  bool went_down = false;
  auto const scrape = [&] {
    while (!done)
      c.Collect();
  };
  std::thread first(scrape);
  std::thread watcher([&] {
    while (!done) {
      auto const text = value_of(c, published("pool"));
      if (text == "none")
        continue;
      auto const now = std::stoull(text);
      went_down = went_down || now < highest;
      highest = now;
    }
  });
  auto const steady = c.add_bus("pool", [] { return bus_with(1000); });
  for (int i = 0; i < 300; ++i) {
    auto number = std::make_unique<std::uint64_t>(17);
    auto ended = c.add_bus("pool", [&calls, where = number.get()] {
      ++calls;
      return bus_with(*where);
    });
    for (auto const before = calls.load(); i % 3 == 0 && calls == before;)
      std::this_thread::yield();
    ended.end();
    number.reset();
  }
  done = true;
  first.join();
  watcher.join();
  BOOST_TEST(!went_down);
  auto const text = value_of(c, published("pool"));
  auto const asked = std::stoull(text) - 1000;
  BOOST_TEST(asked % 17 == 0u);
  BOOST_TEST(asked >= 100 * 17u); // those that were waited for
  BOOST_TEST(asked <= 300 * 17u);
}

BOOST_AUTO_TEST_SUITE_END()
