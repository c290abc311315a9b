// Reading events back: order, bounds, what is found and what is not, and that nothing of an event is lost.
#include <contract/contract.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(contract_reads)

using namespace aether;
using namespace aether::test;

namespace {

BOOST_DATA_TEST_CASE(an_unknown_actor_has_nothing, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    std::vector<event> const events = co_await store.get_events("order-2");
    BOOST_TEST(events.empty());
    replay_result const result = co_await store.get_events_with_errors("order-2");
    BOOST_TEST((result.events.empty() && result.errors.empty()));
    std::int64_t const version = co_await store.latest_version("order-2");
    BOOST_TEST(version == 0);
    std::optional<event> found = co_await store.find_event("order-2", 1);
    BOOST_TEST(!found.has_value());
    found = co_await store.find_latest_event("order-2");
    BOOST_TEST(!found.has_value());
  });
}

BOOST_DATA_TEST_CASE(events_come_in_version_order_and_after_version_is_exclusive, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version : {2, 3, 5, 8})
      co_await store.save_event(event_of("order-1", version));
    auto const expect = [&](std::int64_t after, std::vector<std::int64_t> expected) -> awaitable<void> {
      std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1", after);
      BOOST_TEST(versions == expected, boost::test_tools::per_element());
      replay_result const result = co_await store.get_events_with_errors("order-1", after);
      BOOST_TEST(result.events.size() == expected.size());
      BOOST_TEST(result.errors.empty());
    };
    std::vector<std::int64_t> const all{2, 3, 5, 8}, last_two{5, 8}, last{8}, none;
    co_await expect(0, all);
    co_await expect(1, all);
    co_await expect(3, last_two);
    co_await expect(4, last_two);
    co_await expect(5, last);
    co_await expect(8, none);
    co_await expect(std::numeric_limits<std::int64_t>::max(), none);
  });
}

BOOST_DATA_TEST_CASE(single_events_are_found_by_version, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    std::vector<event> saved_events;
    for (std::int64_t version : {2, 3, 5, 8}) {
      saved_events.push_back(event_of("order-1", version));
      co_await store.save_event(saved_events.back());
      std::int64_t const latest = co_await store.latest_version("order-1");
      BOOST_TEST(latest == version);
      std::optional<event> const found = co_await store.find_latest_event("order-1");
      BOOST_TEST((found && *found == saved_events.back()));
    }
    for (event const& e : saved_events) {
      std::optional<event> const found = co_await store.find_event("order-1", e.version);
      BOOST_TEST((found && *found == e));
    }
    for (std::int64_t version : {1, 4, 7, 9}) {
      std::optional<event> const found = co_await store.find_event("order-1", version);
      BOOST_TEST(!found.has_value());
    }
  });
}

BOOST_DATA_TEST_CASE(nothing_of_an_event_is_lost, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event e = event_of("order-1", 42);
    e.id = "an id with spaces, \"quotes\" and \xC3\xA9";
    e.event_type = "Order.Placed > now";
    e.command_id = "command-7";
    e.timestamp = time_point(std::chrono::nanoseconds(1'234'567'890'123'456'789));
    e.metadata.correlation_id("c-1").causation_id("c-2").user_id("u").trace_id("t").span_id("s");
    e.metadata.set("any key: \n\xE2\x82\xAC", "any value\t\"\\");
    e.metadata.set("empty", "");
    e.data["least"] = std::numeric_limits<std::int64_t>::min();
    e.data["most"] = std::numeric_limits<std::uint64_t>::max();
    e.data["real"] = 0.1;
    e.data["yes"] = true;
    e.data["nothing"] = nullptr;
    e.data["text"] = "control \x01 and \xF0\x9F\x98\x80";
    boost::json::array list;
    list.emplace_back(1);
    list.emplace_back("two");
    list.emplace_back(boost::json::object());
    list.emplace_back(boost::json::array());
    e.data["list"] = std::move(list);
    co_await store.save_event(e);
    std::optional<event> const found = co_await store.find_event("order-1", 42);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->id == e.id);
    BOOST_TEST(found->data == e.data);
    BOOST_TEST((found->metadata == e.metadata));
    BOOST_TEST((*found == e));
    event plain = event_of("order-1", 43);
    plain.data.clear();
    co_await store.save_event(plain);
    std::optional<event> const found_plain = co_await store.find_latest_event("order-1");
    BOOST_TEST((found_plain && *found_plain == plain));
  });
}

BOOST_DATA_TEST_CASE(a_large_event_and_a_long_history_are_read_whole, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event large = event_of("order-1", 1);
    large.data["text"] = std::string(500'000, 'x');
    co_await store.save_event(large);
    for (std::int64_t version = 2; version <= 2000; ++version)
      co_await store.save_event(event_of("order-1", version));
    std::vector<event> const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 2000u);
    BOOST_TEST((events[0] == large));
    std::int64_t expected = 0;
    bool in_order = true;
    for (event const& e : events)
      in_order = in_order && e.version == ++expected;
    BOOST_TEST(in_order);
  });
}

BOOST_DATA_TEST_CASE(more_events_than_the_limit_are_refused, all_stores(), provider) {
  store_settings settings;
  settings.max_history_events = 10;
  with_store(provider, settings, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 10; ++version)
      co_await store.save_event(event_of("order-1", version));
    std::vector<std::int64_t> versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 10u);
    co_await store.save_event(event_of("order-1", 11));
    boost::system::error_code thrown = co_await error_of(store.get_events("order-1"));
    BOOST_TEST(thrown == make_error_code(errc::history_too_long));
    thrown = co_await error_of(store.get_events_with_errors("order-1"));
    BOOST_TEST(thrown == make_error_code(errc::history_too_long));
    versions = co_await versions_of(store, "order-1", 1);
    BOOST_TEST(versions.size() == 10u);
    std::int64_t const latest = co_await store.latest_version("order-1");
    BOOST_TEST(latest == 11);
  });
}

BOOST_DATA_TEST_CASE(more_bytes_than_the_limit_are_refused_and_the_limit_is_named, all_stores(), provider) {
  store_settings settings;
  settings.max_history_bytes = 20'000;
  with_store(provider, settings, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 3; ++version) {
      event e = event_of("order-1", version);
      e.data["text"] = std::string(8'000, 'x');
      co_await store.save_event(e);
    }
    std::string what;
    try {
      co_await store.get_events("order-1");
    } catch (error const& e) {
      BOOST_TEST(e.code() == make_error_code(errc::history_too_long));
      what = e.what();
    }
    BOOST_TEST(what.find("max_history_bytes") != std::string::npos);
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1", 1);
    BOOST_TEST(versions.size() == 2u);
  });
}

BOOST_DATA_TEST_CASE(what_is_read_is_the_readers_own, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 1);
    co_await store.save_event(e);
    std::vector<event> mine = co_await store.get_events("order-1");
    mine[0].data["amount"] = "changed";
    mine[0].id = "changed";
    std::optional<event> const found = co_await store.find_event("order-1", 1);
    BOOST_TEST((found && *found == e));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
