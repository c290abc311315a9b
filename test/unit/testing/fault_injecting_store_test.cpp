// Each fault by itself, by script: what the caller is told, what is stored, and what saving the same event again says.
#include "faulty_world.hpp"

#include <aether/task_group.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>

BOOST_AUTO_TEST_SUITE(fault_injecting_store_saves)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

auto const unknown = make_error_code(errc::outcome_unknown);
auto const timed_out = make_error_code(errc::timed_out);
auto const connection_lost = make_error_code(errc::connection_lost);

} // namespace

BOOST_AUTO_TEST_CASE(without_a_plan_nothing_happens_to_a_call) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    save_outcome const outcome = co_await w.store.try_save_event(event_of("order-1", 1));
    BOOST_TEST(stored(outcome, 1));
    std::vector<std::int64_t> const versions = co_await versions_of(w.store, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
  fault_counts expected;
  expected.saves = expected.reads = 1;
  BOOST_TEST((w.store.counts() == expected));
  BOOST_TEST((w.clock.elapsed() == 0ns));
}

BOOST_AUTO_TEST_CASE(a_lost_acknowledgement_is_resolved_by_the_next_save) {
  faulty_world w;
  w.store.script(operation::save, {fault::none, fault::lose_acknowledgement});
  w.run([&]() -> awaitable<void> {
    co_await w.store.save_event(event_of("order-1", 1));
    event const e = event_of("order-1", 2);
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    std::int64_t const version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 2);
    co_await w.inner->save_event(event_of("order-1", 3)); // another writer goes on from there
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(already(again, 2));
  });
  BOOST_TEST(w.store.counts().lost_acknowledgements == 1u);
  BOOST_TEST(w.store.counts().unknown == 1u);
}

BOOST_AUTO_TEST_CASE(a_lost_request_is_stored_by_the_next_save) {
  faulty_world w;
  w.store.script(operation::save, {fault::lose_request, fault::lose_request});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    for (int i = 0; i < 2; ++i) {
      boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
      BOOST_TEST(thrown == unknown);
    }
    std::int64_t const version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 0);
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(stored(again, 1));
  });
  BOOST_TEST(w.store.counts().lost_requests == 2u);
}

BOOST_AUTO_TEST_CASE(what_is_late_is_stored_when_nobody_was_faster) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    BOOST_TEST((w.clock.elapsed() == 0s));
    co_await w.clock.sleep_for(4s);
    std::int64_t version = co_await w.store.latest_version("order-1");
    BOOST_TEST(version == 0);
    co_await w.clock.sleep_for(2s);
    version = co_await w.store.latest_version("order-1");
    BOOST_TEST(version == 1);
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(already(again, 1));
  });
  BOOST_TEST(w.store.counts().sent_late == 1u);
  BOOST_TEST(w.store.counts().stored_late == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_late_is_not_stored_twice) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    co_await error_of(w.store.save_event(e));
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(stored(again, 1));
    co_await w.clock.sleep_for(1min);
    std::vector<std::int64_t> const versions = co_await versions_of(*w.inner, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
  BOOST_TEST(w.store.counts().came_too_late == 1u);
}

// The version would still be free, but as on JetStream the attempt expects what it was made on.
BOOST_AUTO_TEST_CASE(what_is_late_finds_its_place_taken) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 5);
    co_await error_of(w.store.save_event(e));
    co_await w.inner->save_event(event_of("order-1", 2));
    save_outcome const again = co_await w.store.try_save_event(e, expecting(0));
    BOOST_TEST(refused(again, 2)); // and that stays true
    co_await w.clock.sleep_for(1min);
    std::int64_t const version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 2);
    close_report const report = co_await w.store.close();
    BOOST_TEST(report.unknown.empty());
  });
  BOOST_TEST(w.store.counts().came_too_late == 1u);
}

BOOST_AUTO_TEST_CASE(a_conflict_is_true_and_the_rival_is_the_users) {
  fault_plan plan;
  plan.rival_type = "Cancelled";
  plan.rival_data["by"] = "another";
  faulty_world w(plan);
  w.store.script(operation::save, {fault::conflict});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 3);
    save_outcome const outcome = co_await w.store.try_save_event(e);
    BOOST_TEST(refused(outcome, 3));
    std::optional<event> const winner = co_await w.inner->find_event("order-1", 3);
    BOOST_TEST_REQUIRE(winner.has_value());
    BOOST_TEST(winner->id != e.id);
    BOOST_TEST(winner->event_type == "Cancelled");
    BOOST_TEST((winner->data == plan.rival_data));
  });
  BOOST_TEST(w.store.counts().conflicts == 1u);
}

BOOST_AUTO_TEST_CASE(a_rival_does_by_default_what_the_event_does) {
  faulty_world w;
  w.store.script(operation::save, {fault::conflict});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == make_error_code(errc::version_conflict));
    std::optional<event> const winner = co_await w.inner->find_latest_event("order-1");
    BOOST_TEST_REQUIRE(winner.has_value());
    BOOST_TEST(winner->event_type == e.event_type);
    BOOST_TEST((winner->data == e.data));
  });
}

BOOST_AUTO_TEST_CASE(a_failure_stores_nothing_and_says_so) {
  faulty_world w;
  w.store.script(operation::save, {fault::fail, fault::lose_request, fault::fail});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    boost::system::error_code thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == connection_lost);
    thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(w.store.save_event(e)); // fails too, but an attempt is unanswered
    BOOST_TEST(thrown == unknown);
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(stored(again, 1));
  });
  BOOST_TEST(w.store.counts().failures == 2u);
}

BOOST_AUTO_TEST_CASE(what_needs_no_attempt_cannot_end_unknown) {
  faulty_world w;
  w.store.script(operation::save, {fault::none, fault::lose_request, fault::lose_acknowledgement, fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 2);
    co_await w.store.save_event(e);
    save_outcome outcome = co_await w.store.try_save_event(e);
    BOOST_TEST(already(outcome, 2));
    outcome = co_await w.store.try_save_event(event_of("order-1", 1));
    BOOST_TEST(refused(outcome, 2));
    outcome = co_await w.store.try_save_event(event_of("order-1", 3), expecting(1));
    BOOST_TEST(refused(outcome, 2));
  });
  BOOST_TEST(w.store.counts().lost_requests == 0u);
  BOOST_TEST(w.store.counts().unknown == 0u);
}

// An event that is refused whatever happens, once before and once behind an attempt that was not answered.
BOOST_AUTO_TEST_CASE(an_error_of_the_store_behind_is_plain_unless_an_attempt_is_open) {
  memory_config config;
  config.max_event_bytes = 1000;
  faulty_world w(fault_plan(), config);
  w.store.script(operation::save, {fault::none, fault::lose_request});
  w.run([&]() -> awaitable<void> {
    event e = event_of("order-1", 1);
    e.data["text"] = std::string(2000, 'x');
    boost::system::error_code thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == make_error_code(errc::event_too_large));
    thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
  });
}

BOOST_AUTO_TEST_CASE(another_expectation_resolves_nothing_while_nobody_else_writes) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 5);
    boost::system::error_code thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(w.store.save_event(e, expecting(3)));
    BOOST_TEST(thrown == unknown);
    co_await w.clock.sleep_for(10s);
    save_outcome const again = co_await w.store.try_save_event(e, expecting(3)); // this very event: no conflict
    BOOST_TEST(already(again, 5));
  });
}

BOOST_AUTO_TEST_CASE(a_contiguous_store_refuses_a_gap_late_too) {
  memory_config config;
  config.version_policy = version_policy::contiguous;
  faulty_world w(late_by(5s), config);
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 5);
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(refused(again, 0));
    co_await w.clock.sleep_for(10s);
    std::int64_t const version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 0);
  });
}

BOOST_AUTO_TEST_CASE(batches_meet_the_same_faults) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::lose_acknowledgement, fault::none, fault::lose_request, fault::none,
                                   fault::store_late, fault::none, fault::conflict});
  w.run([&]() -> awaitable<void> {
    for (std::int64_t round = 0; round < 3; ++round) {
      std::vector<event> const batch = events_of("order-1", 3 * round + 1, 3 * round + 3);
      boost::system::error_code const thrown = co_await error_of(w.store.save_events(batch));
      BOOST_TEST(thrown == unknown);
      co_await w.clock.sleep_for(1min);
      save_outcome const again = co_await w.store.try_save_events(batch);
      BOOST_TEST((round == 1 ? stored(again, 6) : already(again, 3 * round + 3)));
    }
    save_outcome const outcome = co_await w.store.try_save_events(events_of("order-1", 10, 12));
    BOOST_TEST(refused(outcome, 10));
    std::vector<std::int64_t> const versions = co_await versions_of(*w.inner, "order-1");
    BOOST_TEST(versions.size() == 10u);
  });
}

BOOST_AUTO_TEST_CASE(one_event_of_an_unanswered_batch_may_be_saved_by_itself) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save, {fault::store_late, fault::fail});
  w.run([&]() -> awaitable<void> {
    std::vector<event> const batch = events_of("order-1", 1, 2);
    boost::system::error_code thrown = co_await error_of(w.store.save_events(batch));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(w.store.save_event(batch[0]));
    BOOST_TEST(thrown == unknown);
    save_outcome const one = co_await w.store.try_save_event(batch[0]);
    BOOST_TEST(stored(one, 1));
    co_await w.clock.sleep_for(1min);
    save_outcome const all = co_await w.store.try_save_events(batch);
    BOOST_TEST(refused(all, 1)); // a part of it is there
    std::vector<std::int64_t> const versions = co_await versions_of(*w.inner, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(close_reports_what_stayed_unknown) {
  faulty_world w;
  w.store.script(operation::save,
                 {fault::lose_request, fault::lose_acknowledgement, fault::lose_request, fault::none, fault::none});
  w.run([&]() -> awaitable<void> {
    event const one = event_of("order-1", 1), two = event_of("order-2", 7), three = event_of("order-3", 1);
    co_await error_of(w.store.save_event(one));
    co_await error_of(w.store.save_event(two));
    co_await error_of(w.store.save_event(three));
    co_await w.store.save_event(three); // resolved
    co_await w.store.save_event(event_of("order-4", 1));
    close_report const report = co_await w.store.close();
    BOOST_TEST_REQUIRE(report.unknown.size() == 2u);
    BOOST_TEST(report.unknown[0].event_id == one.id);
    BOOST_TEST(report.unknown[1].actor_id == "order-2");
    BOOST_TEST(report.unknown[1].version == 7);
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(one));
    BOOST_TEST(thrown == make_error_code(errc::closed));
    std::int64_t const version = co_await w.inner->latest_version("order-2"); // the one behind is open
    BOOST_TEST(version == 7);
  });
}

BOOST_AUTO_TEST_CASE(snapshots_that_are_not_answered_time_out) {
  faulty_world w(late_by(5s));
  w.store.script(operation::save_snapshot,
                 {fault::lose_acknowledgement, fault::lose_request, fault::store_late, fault::fail});
  w.run([&]() -> awaitable<void> {
    std::int64_t const there[] = {1, 1, 1, 3};
    for (std::int64_t version = 1; version <= 4; ++version) {
      boost::system::error_code const thrown =
          co_await error_of(w.store.save_snapshot(snapshot_of("order-1", version)));
      BOOST_TEST(thrown == (version == 4 ? connection_lost : timed_out));
      actor_snapshot const latest = co_await w.store.latest_snapshot("order-1");
      BOOST_TEST(latest.version == there[version - 1]);
      if (version == 3)
        co_await w.clock.sleep_for(10s);
    }
    actor_snapshot const latest = co_await w.store.latest_snapshot("order-1");
    BOOST_TEST(latest.version == 3);
  });
  BOOST_TEST(w.store.counts().snapshots == 4u);
}

BOOST_AUTO_TEST_CASE(reads_fail_when_they_are_to) {
  faulty_world w;
  w.store.script(operation::read, {fault::fail, fault::none, fault::fail});
  w.run([&]() -> awaitable<void> {
    co_await w.store.save_event(event_of("order-1", 1));
    boost::system::error_code thrown = co_await error_of(w.store.get_events("order-1"));
    BOOST_TEST(thrown == connection_lost);
    thrown = co_await error_of(w.store.latest_version("order-1"));
    BOOST_TEST(!thrown);
    thrown = co_await error_of(w.store.find_snapshot("order-1"));
    BOOST_TEST(thrown == connection_lost);
  });
  BOOST_TEST(w.store.counts().failures == 2u);
  BOOST_TEST(w.store.counts().reads == 3u);
}

BOOST_AUTO_TEST_CASE(a_script_of_what_cannot_happen_is_refused) {
  faulty_world w;
  BOOST_CHECK_THROW(w.store.script(operation::read, {fault::conflict}), error);
  BOOST_CHECK_THROW(w.store.script(operation::save_snapshot, {fault::none, fault::conflict}), error);
  fault_injecting_store none;
  BOOST_CHECK_THROW(none.script(operation::save, {fault::fail}), error);
  BOOST_CHECK_THROW(none.counts(), error);
}

BOOST_AUTO_TEST_SUITE_END()
