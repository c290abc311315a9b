// Saving several events of one actor, all or none.
#include <contract/contract.hpp>

BOOST_AUTO_TEST_SUITE(contract_batches)

using namespace aether;
using namespace aether::test;

namespace {

void with_batches(store_provider const& provider, store_settings settings,
                  std::function<awaitable<void>(event_store&)> body) {
  if (provider.batches())
    with_store(provider, settings, std::move(body));
  else
    BOOST_TEST_MESSAGE("no batches: " << provider.name);
}

BOOST_DATA_TEST_CASE(one_event_is_always_taken, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    save_outcome outcome = co_await store.try_save_events(events_of("order-1", 4, 4));
    BOOST_TEST(stored(outcome, 4));
    outcome = co_await store.try_save_events(events_of("order-1", 4, 4));
    BOOST_TEST(refused(outcome, 4));
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 4);
  });
}

BOOST_DATA_TEST_CASE(the_store_says_whether_it_takes_more, all_stores(), provider) {
  bool const expected = provider.batches();
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    BOOST_TEST(store.supports_batches() == expected);
    boost::system::error_code const thrown = co_await error_of(store.save_events(events_of("order-1", 1, 2)));
    if (expected)
      BOOST_TEST(!thrown);
    else
      BOOST_TEST(thrown == make_error_code(errc::batch_not_supported));
    std::int64_t const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == (expected ? 2 : 0));
  });
}

BOOST_DATA_TEST_CASE(a_batch_is_stored_in_order, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 1));
    std::vector<event> batch = events_of("order-1", 2, 4);
    batch.push_back(event_of("order-1", 10));
    saved const result = co_await store.save_events(batch);
    BOOST_TEST(result.version == 10);
    BOOST_TEST(!result.already_saved);
    std::vector<event> const events = co_await store.get_events("order-1", 1);
    BOOST_TEST((events == batch));
    saved const next = co_await store.save_event(event_of("order-1", 11));
    BOOST_TEST(next.sequence > result.sequence);
  });
}

BOOST_DATA_TEST_CASE(a_thousand_events_are_taken, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    saved const result = co_await store.save_events(events_of("order-1", 1, 1000));
    BOOST_TEST(result.version == 1000);
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 1000u);
  });
}

BOOST_DATA_TEST_CASE(a_batch_that_conflicts_stores_nothing, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    co_await store.save_event(event_of("order-1", 3));
    save_outcome outcome = co_await store.try_save_events(events_of("order-1", 3, 6));
    BOOST_TEST(refused(outcome, 3));
    outcome = co_await store.try_save_events(events_of("order-1", 1, 2));
    BOOST_TEST(refused(outcome, 3));
    boost::system::error_code const thrown = co_await error_of(store.save_events(events_of("order-1", 2, 9)));
    BOOST_TEST(thrown == make_error_code(errc::version_conflict));
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{3}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(saving_the_same_batch_again_stores_it_once, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    std::vector<event> const batch = events_of("order-1", 1, 3);
    saved const first = co_await store.save_events(batch);
    save_outcome const again = co_await store.try_save_events(batch);
    BOOST_TEST_REQUIRE(already(again, 3));
    BOOST_TEST(std::get<saved>(again).sequence == first.sequence);
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions.size() == 3u);
  });
}

BOOST_DATA_TEST_CASE(a_batch_of_which_part_is_there_conflicts, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    std::vector<event> const batch = events_of("order-1", 1, 3);
    co_await store.save_event(batch[0]);
    save_outcome const outcome = co_await store.try_save_events(batch);
    BOOST_TEST(refused(outcome, 1));
    std::vector<std::int64_t> const versions = co_await versions_of(store, "order-1");
    BOOST_TEST(versions == (std::vector<std::int64_t>{1}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(an_expectation_is_asked_of_the_whole_batch, all_stores(), provider) {
  with_batches(provider, {}, [](event_store& store) -> awaitable<void> {
    save_outcome outcome = co_await store.try_save_events(events_of("order-1", 5, 6), expecting(4));
    BOOST_TEST(refused(outcome, 0));
    outcome = co_await store.try_save_events(events_of("order-1", 5, 6), expecting(0));
    BOOST_TEST(stored(outcome, 6));
    outcome = co_await store.try_save_events(events_of("order-1", 8, 9), expecting(5));
    BOOST_TEST(refused(outcome, 6));
    outcome = co_await store.try_save_events(events_of("order-1", 8, 9), expecting(6));
    BOOST_TEST(stored(outcome, 9));
  });
}

BOOST_DATA_TEST_CASE(a_contiguous_store_wants_no_gap_before_or_inside, all_stores(), provider) {
  store_settings settings;
  settings.policy = version_policy::contiguous;
  with_batches(provider, settings, [](event_store& store) -> awaitable<void> {
    save_outcome outcome = co_await store.try_save_events(events_of("order-1", 2, 3));
    BOOST_TEST(refused(outcome, 0));
    outcome = co_await store.try_save_events(events_of("order-1", 1, 2));
    BOOST_TEST(stored(outcome, 2));
    std::vector<event> gap = events_of("order-1", 3, 3);
    gap.push_back(event_of("order-1", 5));
    boost::system::error_code const thrown = co_await error_of(store.try_save_events(gap));
    BOOST_TEST(thrown == make_error_code(errc::invalid_batch));
    outcome = co_await store.try_save_events(gap, expecting(2));
    BOOST_TEST(stored(outcome, 5));
  });
}

BOOST_DATA_TEST_CASE(a_malformed_batch_is_refused, all_stores(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    std::vector<std::vector<event>> bad;
    bad.emplace_back(); // empty
    bad.push_back(events_of("order-1", 1, 1001));
    bad.push_back(events_of("order-1", 1, 2)); // of two actors
    bad.back().push_back(event_of("order-2", 3));
    bad.push_back(events_of("order-1", 1, 3)); // not sorted
    std::swap(bad.back()[1], bad.back()[2]);
    bad.push_back(events_of("order-1", 1, 2)); // a version twice
    bad.back()[1].version = 1;
    for (auto const& batch : bad) {
      boost::system::error_code const thrown = co_await error_of(store.try_save_events(batch));
      BOOST_TEST(thrown == make_error_code(errc::invalid_batch));
    }
    std::vector<event> same_id = events_of("order-1", 1, 2);
    same_id[1].id = same_id[0].id;
    boost::system::error_code thrown = co_await error_of(store.try_save_events(same_id));
    BOOST_TEST(thrown == make_error_code(errc::duplicate_event_id));
    thrown = co_await error_of(store.try_save_events(events_of("order-1", 3, 4), expecting(3)));
    BOOST_TEST(thrown == make_error_code(errc::invalid_version));
    std::vector<event> one_bad = events_of("order-1", 1, 2);
    one_bad[1].event_type.clear();
    thrown = co_await error_of(store.try_save_events(one_bad));
    BOOST_TEST(thrown == make_error_code(errc::invalid_id));
    for (std::string actor : {"order-1", "order-2"}) {
      std::int64_t const version = co_await store.latest_version(actor);
      BOOST_TEST(version == 0);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
