// Saving one event: versions, conflicts, expectations, policies, retries and reused ids.
#include <aether/sharded_event_store.hpp>
#include <contract/contract.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(contract_saves)

using namespace aether;
using namespace aether::test;

namespace {

BOOST_DATA_TEST_CASE(a_saved_event_is_there, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 1);
    saved const result = co_await store.save_event(e);
    BOOST_TEST(result.version == 1);
    BOOST_TEST(result.sequence > 0u);
    BOOST_TEST(!result.already_saved);
    std::vector<event> const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 1u);
    BOOST_TEST((events[0] == e));
  });
}

BOOST_DATA_TEST_CASE(the_first_event_may_have_any_version_and_gaps_are_taken, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    std::uint64_t last_sequence = 0;
    for (std::int64_t version : {7, 8, 100}) {
      saved const result = co_await store.save_event(event_of("order-1", version));
      BOOST_TEST(result.version == version);
      BOOST_TEST(result.sequence > last_sequence);
      last_sequence = result.sequence;
    }
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{7, 8, 100}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(a_version_taken_or_passed_conflicts_with_the_current_one, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 5));
    for (std::int64_t version : {5, 4, 1}) {
      save_outcome const outcome = co_await store.try_save_event(event_of("order-1", version));
      BOOST_TEST(refused(outcome, 5));
      auto const& conflict = std::get<version_conflict>(outcome);
      BOOST_TEST(conflict.actor_id == "order-1");
      BOOST_TEST(conflict.attempted_version == version);
    }
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{5}), boost::test_tools::per_element());
    save_outcome const next = co_await store.try_save_event(event_of("order-1", 6));
    BOOST_TEST(stored(next, 6));
  });
}

BOOST_DATA_TEST_CASE(save_event_throws_the_conflict, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 3));
    version_conflict thrown;
    bool is_the_code = false;
    try {
      co_await store.save_event(event_of("order-1", 2));
    } catch (version_conflict_error const& e) {
      thrown = e.conflict();
      is_the_code = e.code() == make_error_code(errc::version_conflict);
    }
    BOOST_TEST((thrown == version_conflict("order-1", 2, 3)));
    BOOST_TEST(is_the_code);
  });
}

BOOST_DATA_TEST_CASE(actors_do_not_see_each_other, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 5));
    save_outcome const outcome = co_await store.try_save_event(event_of("order-2", 1));
    BOOST_TEST(stored(outcome, 1));
    std::int64_t const version = co_await store.latest_version("order-2");
    BOOST_TEST(version == 1);
  });
}

BOOST_DATA_TEST_CASE(an_expectation_that_is_met_lets_any_later_version_in, all_stores(), provider) {
  for (version_policy policy : {version_policy::increasing, version_policy::contiguous}) {
    store_settings settings;
    settings.policy = policy;
    with_store(provider, settings, [](event_store& store) -> awaitable<void> {
      save_outcome outcome = co_await store.try_save_event(event_of("order-1", 3), expecting(0));
      BOOST_TEST(stored(outcome, 3));
      outcome = co_await store.try_save_event(event_of("order-1", 10), expecting(3));
      BOOST_TEST(stored(outcome, 10));
    });
  }
}

BOOST_DATA_TEST_CASE(an_expectation_that_is_not_met_conflicts, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    save_outcome outcome = co_await store.try_save_event(event_of("order-1", 6), expecting(5));
    BOOST_TEST(refused(outcome, 0));
    co_await store.save_event(event_of("order-1", 5));
    for (std::int64_t expected : {0, 4, 6}) {
      outcome = co_await store.try_save_event(event_of("order-1", 9), expecting(expected));
      BOOST_TEST(refused(outcome, 5));
    }
    boost::system::error_code const thrown = co_await error_of(store.save_event(event_of("order-1", 9), expecting(4)));
    BOOST_TEST(thrown == make_error_code(errc::version_conflict));
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 5);
  });
}

BOOST_DATA_TEST_CASE(a_contiguous_store_takes_the_next_version_only, all_stores(), provider) {
  store_settings settings;
  settings.policy = version_policy::contiguous;
  with_store(provider, settings, [](event_store& store) -> awaitable<void> {
    save_outcome outcome = co_await store.try_save_event(event_of("order-1", 2));
    BOOST_TEST(refused(outcome, 0));
    outcome = co_await store.try_save_event(event_of("order-1", 1));
    BOOST_TEST(stored(outcome, 1));
    outcome = co_await store.try_save_event(event_of("order-1", 3));
    BOOST_TEST(refused(outcome, 1));
    outcome = co_await store.try_save_event(event_of("order-1", 2));
    BOOST_TEST(stored(outcome, 2));
    outcome = co_await store.try_save_event(event_of("order-1", 2));
    BOOST_TEST(refused(outcome, 2));
  });
}

BOOST_DATA_TEST_CASE(saving_the_same_event_again_stores_it_once, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 2);
    saved const first = co_await store.save_event(e);
    for (int i = 0; i < 3; ++i) {
      save_outcome const again = co_await store.try_save_event(e);
      BOOST_TEST_REQUIRE(already(again, 2));
      BOOST_TEST(std::get<saved>(again).sequence == first.sequence);
    }
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{2}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(the_same_event_is_already_saved_whatever_is_expected, all_stores(), provider) {
  for (version_policy policy : {version_policy::increasing, version_policy::contiguous}) {
    store_settings settings;
    settings.policy = policy;
    with_store(provider, settings, [](event_store& store) -> awaitable<void> {
      event const first = event_of("order-1", 1);
      event const second = event_of("order-1", 2);
      co_await store.save_event(first, expecting(0));
      save_outcome outcome = co_await store.try_save_event(first, expecting(0));
      BOOST_TEST(already(outcome, 1));
      co_await store.save_event(second, expecting(1));
      outcome = co_await store.try_save_event(second, expecting(0));
      BOOST_TEST(already(outcome, 2));
      outcome = co_await store.try_save_event(second, expecting(1));
      BOOST_TEST(already(outcome, 2));
      outcome = co_await store.try_save_event(second);
      BOOST_TEST(already(outcome, 2));
    });
  }
}

BOOST_DATA_TEST_CASE(the_payload_does_not_make_another_event, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 1, "the-id");
    co_await store.save_event(e);
    event other = e;
    other.data["amount"] = 999;
    other.event_type = "Other";
    save_outcome const again = co_await store.try_save_event(other);
    BOOST_TEST(already(again, 1));
    std::vector<event> const events = co_await store.get_events("order-1");
    BOOST_TEST_REQUIRE(events.size() == 1u);
    BOOST_TEST((events[0] == e));
  });
}

// Whether an event that is not the latest is recognised is up to the store; it is never stored twice.
BOOST_DATA_TEST_CASE(an_earlier_event_is_not_stored_again, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event const e = event_of("order-1", 1);
    co_await store.save_event(e);
    co_await store.save_event(event_of("order-1", 2));
    save_outcome const outcome = co_await store.try_save_event(e);
    if (std::holds_alternative<saved>(outcome))
      BOOST_TEST(already(outcome, 1));
    else
      BOOST_TEST(refused(outcome, 2));
    std::optional<event> const found = co_await store.find_event("order-1", 1);
    BOOST_TEST((found && found->id == e.id));
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{1, 2}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(an_id_used_for_another_event_is_reported, all_stores(), provider) {
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 2, "the-id"));
    boost::system::error_code thrown = co_await error_of(store.try_save_event(event_of("order-1", 3, "the-id")));
    BOOST_TEST(thrown == make_error_code(errc::duplicate_event_id));
    std::string other = "order-2"; // ids are known within one stream
    while (stream_of_actor(other, provider.streams) != stream_of_actor("order-1", provider.streams))
      other += "x";
    thrown = co_await error_of(store.try_save_event(event_of(other, 2, "the-id")));
    BOOST_TEST(thrown == make_error_code(errc::duplicate_event_id));
    std::int64_t version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 2);
    version = co_await store.latest_version(other);
    BOOST_TEST(version == 0);
    save_outcome outcome = co_await store.try_save_event(event_of("order-1", 3));
    BOOST_TEST(stored(outcome, 3));
    outcome = co_await store.try_save_event(event_of(other, 1));
    BOOST_TEST(stored(outcome, 1));
  });
}

BOOST_DATA_TEST_CASE(a_conflict_comes_before_a_reused_id, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 2, "the-id"));
    save_outcome outcome = co_await store.try_save_event(event_of("order-1", 1, "the-id"));
    BOOST_TEST(refused(outcome, 2));
    outcome = co_await store.try_save_event(event_of("order-1", 4, "the-id"), expecting(3));
    BOOST_TEST(refused(outcome, 2));
  });
}

BOOST_DATA_TEST_CASE(a_refused_event_does_not_use_up_its_id, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 2));
    save_outcome outcome = co_await store.try_save_event(event_of("order-1", 2, "the-id"));
    BOOST_TEST(refused(outcome, 2));
    outcome = co_await store.try_save_event(event_of("order-1", 3, "the-id"));
    BOOST_TEST(stored(outcome, 3));
  });
}

BOOST_DATA_TEST_CASE(the_highest_version_is_saved_and_then_nothing_is, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
    event const e = event_of("order-1", highest);
    co_await store.save_event(event_of("order-1", 1));
    save_outcome outcome = co_await store.try_save_event(e);
    BOOST_TEST(stored(outcome, highest));
    outcome = co_await store.try_save_event(e);
    BOOST_TEST(already(outcome, highest));
    for (std::int64_t version : {std::int64_t{1}, std::int64_t{2}, highest - 1, highest}) {
      outcome = co_await store.try_save_event(event_of("order-1", version));
      BOOST_TEST(refused(outcome, highest));
    }
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == highest);
    std::optional<event> const found = co_await store.find_event("order-1", highest);
    BOOST_TEST((found && *found == e));
  });
}

BOOST_DATA_TEST_CASE(an_event_without_a_time_is_stamped, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    auto const now = [] { return std::chrono::system_clock::now(); };
    event e = event_of("order-1", 1);
    e.timestamp = {};
    auto const before = now();
    co_await store.save_event(e);
    auto const after = now();
    std::optional<event> const found = co_await store.find_latest_event("order-1");
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST((found->timestamp >= before && found->timestamp <= after));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
