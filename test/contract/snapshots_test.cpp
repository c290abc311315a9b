// Snapshots: kept per actor, the latest version stays, and events do not depend on them.
#include <contract/contract.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(contract_snapshots)

using namespace aether;
using namespace aether::test;

namespace {

BOOST_DATA_TEST_CASE(a_snapshot_is_found_again_whole, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    actor_snapshot s = snapshot_of("order-1", 1, 500);
    s.state["name"] = "Zo\xC3\xAB";
    s.timestamp = time_point(std::chrono::nanoseconds(1'234'567'890'123'456'789));
    co_await store.save_snapshot(s);
    actor_snapshot const latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST((latest == s));
    std::optional<actor_snapshot> const found = co_await store.find_snapshot("order-1");
    BOOST_TEST((found && *found == s));
  });
}

BOOST_DATA_TEST_CASE(an_actor_without_one, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    co_await store.save_snapshot(snapshot_of("order-2", 1));
    boost::system::error_code const thrown = co_await error_of(store.latest_snapshot("order-1"));
    BOOST_TEST(thrown == make_error_code(errc::snapshot_not_found));
    std::optional<actor_snapshot> const found = co_await store.find_snapshot("order-1");
    BOOST_TEST(!found.has_value());
  });
}

BOOST_DATA_TEST_CASE(a_later_one_replaces_and_an_older_one_is_no_error, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_snapshot(snapshot_of("order-1", 5, 50));
    co_await store.save_snapshot(snapshot_of("order-1", 9, 90));
    actor_snapshot latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST(latest.version == 9);
    co_await store.save_snapshot(snapshot_of("order-1", 7, 70));
    latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST(latest.version == 9);
    BOOST_TEST(latest.state.at("balance").as_int64() == 90);
  });
}

BOOST_DATA_TEST_CASE(one_of_the_same_version_replaces, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_snapshot(snapshot_of("order-1", 5, 50));
    co_await store.save_snapshot(snapshot_of("order-1", 5, 51));
    actor_snapshot const latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST(latest.state.at("balance").as_int64() == 51);
  });
}

BOOST_DATA_TEST_CASE(snapshots_and_events_do_not_meet, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_snapshot(snapshot_of("order-1", 5));
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 0);
    save_outcome const outcome = co_await store.try_save_event(event_of("order-1", 1));
    BOOST_TEST(stored(outcome, 1));
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_DATA_TEST_CASE(one_without_a_time_is_stamped_and_any_version_is_kept, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
    actor_snapshot s = snapshot_of("order-1", highest);
    s.timestamp = {};
    auto const before = std::chrono::system_clock::now();
    co_await store.save_snapshot(s);
    actor_snapshot const latest = co_await store.latest_snapshot("order-1");
    BOOST_TEST(latest.version == highest);
    BOOST_TEST((latest.timestamp >= before && latest.timestamp <= std::chrono::system_clock::now()));
  });
}

BOOST_DATA_TEST_CASE(replay_from_a_snapshot_reads_the_rest, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    for (std::int64_t version = 1; version <= 6; ++version)
      co_await store.save_event(event_of("order-1", version));
    co_await store.save_snapshot(snapshot_of("order-1", 4));
    actor_snapshot const latest = co_await store.latest_snapshot("order-1");
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1", latest.version);
    BOOST_TEST(versions == (std::vector<std::int64_t>{5, 6}), boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
