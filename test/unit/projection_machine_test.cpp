// A projection's decisions, row by row, on times that the test names.
#include "projection_machine.hpp"

#include "rate_meter.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(projection_decisions)

using namespace aether::detail;
using namespace std::chrono_literals;

namespace {

using time_of = projection_machine::time;

time_of at(std::chrono::nanoseconds t) { return time_of(t); }

projection_rules rules() {
  projection_rules r;
  r.checkpoint_events = 3;
  r.checkpoint_interval = 10s;
  r.first_pause = 1s;
  r.longest_pause = 5s;
  return r;
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_due_by_number_or_by_time) {
  struct row {
    int events;
    std::chrono::seconds first, now;
    bool due, due_when_idle, due_when_idle_in_a_transaction;
  };
  std::vector<row> const table = {
      {0, 0s, 0s, false, false, false}, {0, 0s, 10s, false, true, true}, // the filter may have dropped some
      {1, 0s, 0s, false, false, true},  {1, 0s, 9s, false, false, true}, {1, 0s, 10s, true, true, true},
      {2, 5s, 14s, false, false, true}, // the time counts from the first event
      {2, 5s, 15s, true, true, true},   {3, 0s, 0s, true, false, true},  {4, 0s, 0s, true, false, true},
  };
  for (auto const& r : table)
    BOOST_TEST_CONTEXT(r.events << " events, the first at " << r.first.count() << " s, now " << r.now.count() << " s") {
      auto transactional = rules();
      transactional.transactional = true;
      projection_machine plain(rules(), at(0s)), inside(transactional, at(0s));
      for (int i = 0; i < r.events; ++i) {
        plain.on_passed(at(r.first));
        inside.on_passed(at(r.first));
      }
      BOOST_TEST(plain.is_due(at(r.now)) == r.due);
      BOOST_TEST(inside.is_due(at(r.now)) == r.due);
      BOOST_TEST(plain.is_due_when_idle(at(r.now), true) == r.due_when_idle);
      BOOST_TEST(inside.is_due_when_idle(at(r.now), true) == r.due_when_idle_in_a_transaction);
      BOOST_TEST(inside.is_due_when_idle(at(r.now), false) == r.due_when_idle); // more is on its way
      BOOST_TEST(plain.events_in_group() == static_cast<std::uint64_t>(r.events));
    }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_begins_a_new_group) {
  projection_machine m(rules(), at(0s));
  for (int i = 0; i < 3; ++i)
    m.on_passed(at(1s));
  m.on_checkpoint(at(2s));
  BOOST_TEST(m.events_in_group() == 0u);
  BOOST_TEST(!m.is_due(at(100s)));
  BOOST_TEST((m.wake_at() == at(12s)));
  m.on_passed(at(3s));
  BOOST_TEST(!m.is_due(at(12s)));
  BOOST_TEST(m.is_due(at(13s)));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_failed_is_tried_again_later_and_later) {
  projection_machine m(rules(), at(0s));
  for (int i = 0; i < 3; ++i)
    m.on_passed(at(0s));
  BOOST_TEST(m.is_due(at(0s)));
  BOOST_TEST((m.on_checkpoint_failed(at(0s)) == 10s));
  m.on_passed(at(1s));
  BOOST_TEST(!m.is_due(at(9s))); // not by number: events come faster than a server comes back
  BOOST_TEST(m.is_due(at(10s)));
  BOOST_TEST((m.on_checkpoint_failed(at(10s)) == 10s)); // the interval is longer than the longest pause
  m.on_checkpoint(at(20s));
  BOOST_TEST(!m.is_due(at(100s)));

  auto quick = rules();
  quick.checkpoint_interval = 1s;
  projection_machine q(quick, at(0s));
  q.on_passed(at(0s));
  std::vector<std::chrono::nanoseconds> const pauses{1s, 2s, 4s, 5s, 5s};
  for (auto const pause : pauses)
    BOOST_TEST((q.on_checkpoint_failed(at(0s)) == pause));
  q.on_checkpoint(at(0s));
  BOOST_TEST((q.on_checkpoint_failed(at(0s)) == 1s));
}

BOOST_AUTO_TEST_CASE(what_becomes_of_an_event_that_failed) {
  struct row {
    unsigned attempts;
    bool skips;
    std::vector<failed_event> then;
    std::vector<std::chrono::seconds> pauses;
  };
  using enum failed_event;
  std::vector<row> const table = {
      {1, false, {stop, stop}, {0s, 0s}},
      {1, true, {skip, skip}, {0s, 0s}},
      {2, false, {retry, stop, retry, stop}, {1s, 0s, 1s, 0s}}, // a new event begins anew
      {5, true, {retry, retry, retry, retry, skip, retry}, {1s, 2s, 4s, 5s, 0s, 1s}},
  };
  for (auto const& r : table)
    BOOST_TEST_CONTEXT(r.attempts << " attempts, skips: " << r.skips) {
      auto with = rules();
      with.max_attempts = r.attempts;
      with.skips = r.skips;
      projection_machine m(with, at(0s));
      for (std::size_t i = 0; i < r.then.size(); ++i)
        BOOST_TEST_CONTEXT("failure " << i) {
          auto const verdict = m.on_failure();
          BOOST_TEST((verdict.then == r.then[i]));
          BOOST_TEST((verdict.pause == r.pauses[i]));
        }
    }
}

BOOST_AUTO_TEST_CASE(success_forgets_the_attempts_before_it) {
  auto with = rules();
  with.max_attempts = 2;
  projection_machine m(with, at(0s));
  BOOST_TEST((m.on_failure().then == failed_event::retry));
  m.on_passed(at(0s));
  BOOST_TEST((m.on_failure().then == failed_event::retry));
  m.on_rollback(at(0s));
  BOOST_TEST(m.events_in_group() == 0u);
  BOOST_TEST((m.on_failure().attempt == 1u));
}

BOOST_AUTO_TEST_CASE(pauses_never_overflow) {
  auto with = rules();
  with.max_attempts = 1000;
  with.first_pause = std::chrono::nanoseconds::max() / 3;
  with.longest_pause = std::chrono::nanoseconds::max();
  projection_machine m(with, at(0s));
  auto last = std::chrono::nanoseconds::zero();
  for (int i = 0; i < 100; ++i) {
    auto const pause = m.on_failure().pause;
    BOOST_TEST((pause >= last));
    last = pause;
  }
  BOOST_TEST((last == std::chrono::nanoseconds::max()));

  with.checkpoint_interval = std::chrono::nanoseconds::max();
  projection_machine never(with, at(1h));
  never.on_passed(at(1h));
  BOOST_TEST(!never.is_due(at(1000h)));
  BOOST_TEST((never.wake_at() == time_of::max()));
}

BOOST_AUTO_TEST_CASE(the_rate_is_that_of_the_last_seconds) {
  rate_meter meter(at(0s));
  BOOST_TEST(meter.per_second(at(0s)) == 0);
  for (int i = 0; i < 100; ++i)
    meter.add(at(i * 10ms)); // 100 a second
  BOOST_TEST(meter.per_second(at(1s)) == 100, boost::test_tools::tolerance(0.01));
  BOOST_TEST(meter.per_second(at(2s)) == 50, boost::test_tools::tolerance(0.01));
  for (int i = 0; i < 1000; ++i)
    meter.add(at(10s + i * 5ms)); // 200 a second, and what was before is forgotten
  BOOST_TEST(meter.per_second(at(15s)) == 200, boost::test_tools::tolerance(0.2));
  BOOST_TEST(meter.per_second(at(30s)) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
