// What stands behind a fault-injecting store is another store than the embedded one: it recognises less, or it injects
// faults itself, or others use it too.
#include "faulty_world.hpp"
#include "forgetful_store.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(fault_injecting_store_behind)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

auto const unknown = make_error_code(errc::outcome_unknown);

} // namespace

BOOST_AUTO_TEST_CASE(what_was_stored_unanswered_is_known_when_others_have_gone_on) {
  faulty_world w;
  auto const inner = std::make_shared<forgetful_store>(w.context.get_executor());
  for (fault const f : {fault::lose_acknowledgement, fault::store_late}) {
    fault_injecting_store store(w.context.get_executor(), w.clock, inner, late_by(1s));
    store.script(operation::save, {f});
    w.run([&]() -> awaitable<void> {
      std::string const actor = "order-" + std::to_string(static_cast<int>(f));
      event const e = event_of(actor, 1);
      boost::system::error_code const thrown = co_await error_of(store.save_event(e));
      BOOST_TEST(thrown == unknown);
      co_await w.clock.sleep_for(5s);
      co_await inner->save_event(event_of(actor, 2));
      save_outcome outcome = co_await inner->try_save_event(e);
      BOOST_TEST(refused(outcome, 2)); // it says nothing about whether the event is there
      outcome = co_await store.try_save_event(e);
      BOOST_TEST(already(outcome, 1));
      outcome = co_await store.try_save_event(e); // resolved, and so no longer remembered
      BOOST_TEST(refused(outcome, 2));
    });
  }
}

BOOST_AUTO_TEST_CASE(what_the_store_behind_does_not_know_stays_unknown) {
  faulty_world w;
  auto const behind = std::make_shared<fault_injecting_store>(w.store);
  fault_injecting_store store(w.context.get_executor(), w.clock, behind);
  behind->script(operation::save, {fault::lose_request});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    boost::system::error_code thrown = co_await error_of(store.save_event(e));
    BOOST_TEST(thrown == unknown);
    store.begin_outage();
    thrown = co_await error_of(store.save_event(e));
    BOOST_TEST(thrown == unknown);
    store.end_outage();
    save_outcome const again = co_await store.try_save_event(e);
    BOOST_TEST(stored(again, 1));
  });
  BOOST_TEST(store.counts().unknown == 2u);
}

BOOST_AUTO_TEST_CASE(an_error_of_reading_the_version_is_plain_unless_an_attempt_is_open) {
  faulty_world w;
  auto const behind = std::make_shared<fault_injecting_store>(w.store);
  fault_injecting_store store(w.context.get_executor(), w.clock, behind);
  store.script(operation::save, {fault::none, fault::lose_request});
  behind->script(operation::read, {fault::fail, fault::none, fault::fail});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    boost::system::error_code thrown = co_await error_of(store.save_event(e));
    BOOST_TEST(thrown == make_error_code(errc::connection_lost));
    thrown = co_await error_of(store.save_event(e));
    BOOST_TEST(thrown == unknown);
    thrown = co_await error_of(store.save_event(e));
    BOOST_TEST(thrown == unknown);
    save_outcome const again = co_await store.try_save_event(e);
    BOOST_TEST(stored(again, 1));
  });
}

BOOST_AUTO_TEST_CASE(the_timeout_of_a_call_holds_behind_too) {
  faulty_world w;
  auto const behind = std::make_shared<fault_injecting_store>(w.store);
  fault_injecting_store store(w.context.get_executor(), w.clock, behind);
  behind->begin_outage();
  w.run([&]() -> awaitable<void> {
    co_await error_of(store.save_event(event_of("order-1", 1), within(3s)));
    BOOST_TEST((w.clock.elapsed() == 3s));
    call_options options;
    options.timeout = 2s;
    co_await error_of(store.get_events("order-1", 0, options));
    BOOST_TEST((w.clock.elapsed() == 5s));
  });
}

// Each remembers its own, as two processes do that share a stream.
BOOST_AUTO_TEST_CASE(two_of_them_may_share_a_store) {
  faulty_world w(late_by(5s));
  fault_injecting_store other(w.context.get_executor(), w.clock, w.inner);
  w.store.script(operation::save, {fault::store_late});
  w.run([&]() -> awaitable<void> {
    event const e = event_of("order-1", 1);
    co_await error_of(w.store.save_event(e));
    co_await other.save_event(event_of("order-1", 1));
    save_outcome const again = co_await w.store.try_save_event(e);
    BOOST_TEST(refused(again, 1));
    co_await w.clock.sleep_for(10s);
    std::vector<std::int64_t> const versions = co_await versions_of(other, "order-1");
    BOOST_TEST(versions.size() == 1u);
  });
}

BOOST_AUTO_TEST_SUITE_END()
