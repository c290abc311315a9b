// Delays, outages, deadlines and cancelling: what of a call is under way when they come decides how it ends.
#include "faulty_world.hpp"

#include <aether/task_group.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(fault_injecting_store_time)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

auto const unknown = make_error_code(errc::outcome_unknown);
auto const timed_out = make_error_code(errc::timed_out);

fault_plan delayed(std::chrono::nanoseconds each_way) {
  fault_plan plan;
  plan.min_delay = each_way;
  return plan;
}

fault_plan away(std::chrono::nanoseconds from, std::chrono::nanoseconds to, fault_plan plan = fault_plan()) {
  outage_window w;
  w.from = from;
  w.to = to;
  plan.outages.push_back(w);
  return plan;
}

call_options reading_within(std::chrono::nanoseconds timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}

awaitable<void> save_and_note(fault_injecting_store store, event e, std::string& out) {
  boost::system::error_code const thrown = co_await error_of(store.save_event(std::move(e)));
  out = thrown ? thrown.message() : "saved";
}

// Begins a save, cancels it after `wait`, and looks whether the event is there much later.
struct cancelled_save {
  bool stored = false;
  bool open = false; // the store says that it does not know
};
cancelled_save cancel_after(faulty_world& w, std::chrono::nanoseconds wait, event const& e) {
  cancelled_save out;
  w.run([&]() -> awaitable<void> {
    std::string end = "cancelled";
    task_group group(w.context.get_executor());
    group.spawn(save_and_note(w.store, e, end));
    co_await w.clock.sleep_for(wait);
    group.cancel();
    co_await group.join();
    BOOST_TEST(end != "saved");
    co_await w.clock.sleep_for(1min);
    std::optional<event> const found = co_await w.inner->find_event(e.actor_id, e.version);
    out.stored = found.has_value();
    w.store.script(operation::save, {fault::fail});
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
    out.open = thrown == unknown;
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST((out.stored ? already(again, e.version) : stored(again, e.version)));
    std::vector<std::int64_t> const versions = co_await versions_of(*w.inner, e.actor_id);
    BOOST_TEST(versions.size() == 1u);
  });
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_delay_is_on_the_way_there_and_back) {
  faulty_world w(delayed(1s));
  w.run([&]() -> awaitable<void> {
    std::string end;
    task_group group(w.context.get_executor());
    group.spawn(save_and_note(w.store, event_of("order-1", 1), end));
    co_await w.clock.sleep_for(999ms);
    std::int64_t version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 0);
    co_await w.clock.sleep_for(2ms);
    version = co_await w.inner->latest_version("order-1");
    BOOST_TEST(version == 1);
    co_await group.join();
    BOOST_TEST(end == "saved");
    BOOST_TEST((w.clock.elapsed() == 2s));
    co_await w.store.get_events("order-1");
    BOOST_TEST((w.clock.elapsed() == 4s));
    co_await w.store.save_snapshot(snapshot_of("order-1", 1));
    BOOST_TEST((w.clock.elapsed() == 6s));
  });
  BOOST_TEST(w.store.counts().delays == 6u);
}

// Deadlines before, between and behind the two ways.
BOOST_AUTO_TEST_CASE(a_save_that_is_under_way_at_its_deadline_is_unknown) {
  struct row {
    std::chrono::nanoseconds timeout;
    bool ends_well;
  };
  for (row const& r : {row{500ms, false}, row{1500ms, false}, row{2s, true}, row{0ns, true}}) {
    faulty_world w(delayed(1s));
    w.run([&]() -> awaitable<void> {
      event const e = event_of("order-1", 1);
      boost::system::error_code const thrown = co_await error_of(w.store.save_event(e, within(r.timeout)));
      BOOST_TEST(thrown == (r.ends_well ? boost::system::error_code() : unknown));
      BOOST_TEST((w.clock.elapsed() == (r.ends_well ? 2s : r.timeout)));
      co_await w.clock.sleep_for(1min);
      std::int64_t const version = co_await w.inner->latest_version("order-1");
      BOOST_TEST(version == 1); // it was handed over, and arrived
      save_outcome const again = co_await w.store.try_save_event(e);
      BOOST_TEST(already(again, 1));
    });
  }
}

BOOST_AUTO_TEST_CASE(reads_and_snapshots_time_out_at_their_deadline) {
  faulty_world w(delayed(1s));
  w.run([&]() -> awaitable<void> {
    boost::system::error_code thrown = co_await error_of(w.store.get_events("order-1", 0, reading_within(1500ms)));
    BOOST_TEST(thrown == timed_out);
    BOOST_TEST((w.clock.elapsed() == 1500ms));
    thrown = co_await error_of(w.store.save_snapshot(snapshot_of("order-1", 1), reading_within(500ms)));
    BOOST_TEST(thrown == timed_out);
    BOOST_TEST((w.clock.elapsed() == 2s));
  });
  BOOST_TEST(w.store.counts().timed_out == 2u);
}

BOOST_AUTO_TEST_CASE(a_conflict_that_comes_too_late_is_no_unknown) {
  faulty_world w(delayed(1s));
  w.run([&]() -> awaitable<void> {
    co_await w.store.save_event(event_of("order-1", 3));
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(event_of("order-1", 3), within(1ms)));
    BOOST_TEST(thrown == timed_out); // nothing was handed over
  });
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_waited_for_as_long_as_the_plan_says) {
  fault_plan plan;
  plan.answer_wait = 3s;
  faulty_world w(plan);
  w.store.script(operation::save, {fault::lose_request, fault::lose_acknowledgement});
  w.store.script(operation::save_snapshot, {fault::lose_request});
  w.run([&]() -> awaitable<void> {
    co_await error_of(w.store.save_event(event_of("order-1", 1)));
    BOOST_TEST((w.clock.elapsed() == 3s));
    co_await error_of(w.store.save_event(event_of("order-2", 1), within(1s)));
    BOOST_TEST((w.clock.elapsed() == 4s));
    co_await error_of(w.store.save_snapshot(snapshot_of("order-1", 1)));
    BOOST_TEST((w.clock.elapsed() == 7s));
  });
}

BOOST_AUTO_TEST_CASE(calls_wait_for_the_end_of_an_outage) {
  faulty_world w(away(1s, 5s));
  w.run([&]() -> awaitable<void> {
    co_await w.store.save_event(event_of("order-1", 1));
    BOOST_TEST((w.clock.elapsed() == 0s));
    co_await w.clock.sleep_for(2s);
    boost::system::error_code thrown = co_await error_of(w.store.save_event(event_of("order-1", 2), within(1s)));
    BOOST_TEST(thrown == timed_out); // never handed over
    BOOST_TEST((w.clock.elapsed() == 3s));
    thrown = co_await error_of(w.store.get_events("order-1", 0, reading_within(1s)));
    BOOST_TEST(thrown == timed_out);
    BOOST_TEST((w.clock.elapsed() == 4s));
    saved const result = co_await w.store.save_event(event_of("order-1", 2));
    BOOST_TEST(result.version == 2);
    BOOST_TEST((w.clock.elapsed() == 5s));
  });
  BOOST_TEST(w.store.counts().held_up == 3u);
}

BOOST_AUTO_TEST_CASE(an_outage_by_hand_lasts_until_it_is_ended) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    w.store.begin_outage();
    boost::system::error_code const thrown = co_await error_of(w.store.save_event(event_of("order-1", 1)));
    BOOST_TEST(thrown == timed_out);
    BOOST_TEST((w.clock.elapsed() == 10s)); // the default
    std::string end;
    task_group group(w.context.get_executor());
    group.spawn(save_and_note(w.store, event_of("order-1", 1), end));
    co_await w.clock.sleep_for(3s);
    BOOST_TEST(end.empty());
    w.store.end_outage();
    co_await group.join();
    BOOST_TEST(end == "saved");
    BOOST_TEST((w.clock.elapsed() == 13s));
  });
  BOOST_TEST(w.store.counts().outages == 1u);
}

BOOST_AUTO_TEST_CASE(while_an_attempt_is_unanswered_an_outage_ends_unknown) {
  faulty_world w;
  w.store.script(operation::save, {fault::lose_request});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    co_await error_of(w.store.save_event(e));
    w.store.begin_outage();
    boost::system::error_code thrown = co_await error_of(w.store.save_event(e));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(w.store.save_event(event_of("order-1", 1))); // another event
    BOOST_TEST(thrown == timed_out);
  });
}

// What the outage meets on its way is lost and sent again; what it meets as an answer is asked for again.
BOOST_AUTO_TEST_CASE(a_save_under_way_outlasts_an_outage) {
  struct row {
    std::chrono::nanoseconds from, to;
    std::chrono::nanoseconds ends;
    bool stored_before;
  };
  for (row const& r : {row{500ms, 5s, 7s, false}, row{1500ms, 5s, 5s, true}, row{500ms, 700ms, 2s, true}}) {
    faulty_world w(away(r.from, r.to, delayed(1s)));
    w.run([&]() -> awaitable<void> {
      std::string end;
      task_group group(w.context.get_executor());
      group.spawn(save_and_note(w.store, event_of("order-1", 1), end));
      co_await w.clock.sleep_for(1900ms);
      std::int64_t const version = co_await w.inner->latest_version("order-1");
      BOOST_TEST(version == (r.stored_before ? 1 : 0));
      co_await group.join();
      BOOST_TEST(end == "saved");
      BOOST_TEST((w.clock.elapsed() == r.ends));
    });
  }
}

BOOST_AUTO_TEST_CASE(a_save_under_way_that_does_not_outlast_it_is_unknown) {
  for (std::chrono::nanoseconds from : {500ms, 1500ms}) {
    faulty_world w(away(from, 1h, delayed(1s)));
    w.run([&]() -> awaitable<void> {
      event const e = event_of("order-1", 1);
      boost::system::error_code const thrown = co_await error_of(w.store.save_event(e));
      BOOST_TEST(thrown == unknown);
      BOOST_TEST((w.clock.elapsed() == 10s));
      std::int64_t const version = co_await w.inner->latest_version("order-1");
      BOOST_TEST(version == (from < 1s ? 0 : 1));
      co_await w.clock.sleep_for(1h);
      save_outcome const again = co_await w.store.try_save_event(e);
      BOOST_TEST((from < 1s ? stored(again, 1) : already(again, 1)));
    });
  }
}

BOOST_AUTO_TEST_CASE(an_outage_may_begin_with_a_call) {
  fault_plan plan;
  plan.min_outage = plan.max_outage = 3s;
  int stored = 0, lost = 0;
  for (plan.seed = 0; plan.seed < 30; ++plan.seed) {
    faulty_world w(plan);
    w.store.script(operation::save, {fault::outage});
    w.store.script(operation::read, {fault::none, fault::outage});
    w.run([&]() -> awaitable<void> {
      event const e = event_of("order-1", 1);
      boost::system::error_code const thrown = co_await error_of(w.store.save_event(e, within(1s)));
      BOOST_TEST((thrown == unknown || thrown == timed_out));
      std::int64_t version = co_await w.inner->latest_version("order-1");
      BOOST_TEST((thrown == unknown || version == 0));
      ++(version == 1 ? stored : lost);
      co_await w.store.latest_version("order-1");
      BOOST_TEST((w.clock.elapsed() == 3s));
      version = co_await w.store.latest_version("order-1"); // asked again when it is over
      BOOST_TEST((w.clock.elapsed() == 6s));
      co_await w.store.save_event(e);
    });
    BOOST_TEST(w.store.counts().outages == 2u);
  }
  BOOST_TEST(stored >= 3);
  BOOST_TEST(lost >= 10);
}

BOOST_AUTO_TEST_CASE(a_cancelled_save_that_was_handed_over_may_be_stored) {
  faulty_world there(delayed(1s)); // cancelled on its way, and on the way of its answer
  BOOST_TEST(cancel_after(there, 500ms, event_of("order-1", 1)).stored);
  faulty_world back(delayed(1s));
  cancelled_save const end = cancel_after(back, 1500ms, event_of("order-1", 1));
  BOOST_TEST(end.stored);
  BOOST_TEST(end.open);
  faulty_world lost(delayed(1s));
  lost.store.script(operation::save, {fault::lose_request});
  cancelled_save const nothing = cancel_after(lost, 500ms, event_of("order-1", 1));
  BOOST_TEST(!nothing.stored);
  BOOST_TEST(nothing.open);
  faulty_world held_up(away(0s, 10s)); // never handed over
  cancelled_save const before = cancel_after(held_up, 1s, event_of("order-1", 1));
  BOOST_TEST(!before.stored);
  BOOST_TEST(!before.open);
}

BOOST_AUTO_TEST_CASE(close_waits_for_what_was_begun) {
  faulty_world w(delayed(1s));
  w.run([&]() -> awaitable<void> {
    std::string end;
    task_group group(w.context.get_executor());
    group.spawn(save_and_note(w.store, event_of("order-1", 1), end));
    co_await w.clock.sleep_for(500ms);
    close_report const report = co_await w.store.close();
    BOOST_TEST((w.clock.elapsed() == 2s));
    BOOST_TEST(report.unknown.empty());
    co_await group.join();
    BOOST_TEST(end == "saved");
  });
}

BOOST_AUTO_TEST_CASE(close_waits_until_its_deadline_and_reports_what_is_under_way) {
  faulty_world w(delayed(5s));
  w.run([&]() -> awaitable<void> {
    std::string end;
    task_group group(w.context.get_executor());
    group.spawn(save_and_note(w.store, event_of("order-1", 4), end));
    co_await w.clock.sleep_for(1s);
    close_report const report = co_await w.store.close(reading_within(1s));
    BOOST_TEST((w.clock.elapsed() == 2s));
    BOOST_TEST_REQUIRE(report.unknown.size() == 1u);
    BOOST_TEST(report.unknown[0].version == 4);
    co_await group.join();
    BOOST_TEST(end == "saved");
  });
}

BOOST_AUTO_TEST_CASE(a_store_and_what_it_sent_late_may_be_left_behind) {
  fault_plan plan;
  plan.min_lateness = 1h;
  faulty_world w(plan);
  auto store = std::make_unique<fault_injecting_store>(w.store);
  store->script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    auto save = store->save_event(event_of("order-1", 1));
    store.reset();
    boost::system::error_code const thrown = co_await error_of(std::move(save));
    BOOST_TEST(thrown == unknown);
  });
} // its arrival is still to come when the context goes

BOOST_AUTO_TEST_SUITE_END()
