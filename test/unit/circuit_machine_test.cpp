// Whom a circuit breaker lets through, and when it opens and closes, step by step.
#include "circuit_machine.hpp"

#include <support/retry_words.hpp>

#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(circuit_machines)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;

namespace {

constexpr auto good = circuit_verdict::success;
constexpr auto bad = circuit_verdict::failure;
constexpr auto nothing = circuit_verdict::no_evidence;
constexpr auto closed = circuit_state::closed;
constexpr auto opened = circuit_state::open;
constexpr auto half_open = circuit_state::half_open;

circuit_rules rules(int threshold = 3, int trials = 1, int successes = 1) {
  circuit_rules r;
  r.failure_threshold = threshold;
  r.open_for = 10s;
  r.trials = trials;
  r.successes_to_close = successes;
  return r;
}

/// One after the other; each must pass.
void call(circuit_machine& m, std::initializer_list<circuit_verdict> verdicts, circuit_machine::time now = 0s) {
  for (auto const verdict : verdicts) {
    auto const answer = m.begin(now);
    BOOST_TEST_REQUIRE(answer.passes);
    m.end(answer.round, verdict, now);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(failures_in_a_row_open_it) {
  struct row {
    std::initializer_list<circuit_verdict> verdicts;
    circuit_state then;
  };
  row const rows[] = {
      {{bad, bad}, closed},
      {{bad, bad, bad}, opened},
      {{bad, bad, good, bad, bad}, closed},
      {{bad, bad, nothing, bad}, opened}, // no evidence is none for success either
      {{nothing, nothing, nothing}, closed},
      {{good, bad, bad, bad}, opened},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      circuit_machine m(rules());
      call(m, r.verdicts);
      BOOST_TEST(m.state() == r.then);
    }
}

BOOST_AUTO_TEST_CASE(a_share_of_failures_opens_it_once_the_window_is_full) {
  auto const with_rate = [](double rate) {
    auto r = rules(1000);
    r.failure_rate = rate;
    r.window = 4;
    return r;
  };
  struct row {
    double rate;
    std::initializer_list<circuit_verdict> verdicts;
    circuit_state then;
  };
  row const rows[] = {
      {0.5, {bad, bad, bad}, closed}, // not so many yet
      {0.5, {good, bad, good, bad}, opened},
      {0.5, {bad, bad, good, good}, opened}, // a success completes the window
      {0.5, {bad, good, good, good, bad}, closed}, // the first is forgotten
      {0.5, {bad, good, good, good, bad, bad}, opened},
      {0.5, {bad, bad, nothing, good, bad}, opened},
      {1, {bad, bad, bad, good, bad, bad, bad}, closed},
      {1, {bad, bad, bad, bad}, opened},
      {0, {bad, bad, bad, bad, bad, bad, bad, bad}, closed},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      circuit_machine m(with_rate(r.rate));
      call(m, r.verdicts);
      BOOST_TEST(m.state() == r.then);
    }
}

BOOST_AUTO_TEST_CASE(open_lets_nothing_through_until_its_time_is_over) {
  circuit_machine m(rules());
  call(m, {bad, bad, bad}, 5s);
  auto refused = m.begin(5s);
  BOOST_TEST(!refused.passes);
  BOOST_TEST((refused.time_left == 10s));
  refused = m.begin(15s - 1ns);
  BOOST_TEST(!refused.passes);
  BOOST_TEST((refused.time_left == 1ns));
  BOOST_TEST(!m.is_due(15s - 1ns));
  BOOST_TEST(m.is_due(15s));
  BOOST_TEST(m.begin(15s).passes);
  BOOST_TEST(m.state() == half_open);
  refused = m.begin(15s); // one trial at a time
  BOOST_TEST(!refused.passes);
  BOOST_TEST((refused.time_left == 0s));
}

BOOST_AUTO_TEST_CASE(trials_decide) {
  struct row {
    int successes_to_close;
    std::initializer_list<circuit_verdict> verdicts;
    circuit_state then;
  };
  row const rows[] = {
      {1, {good}, closed},
      {1, {bad}, opened},
      {1, {nothing}, half_open},
      {1, {nothing, nothing, good}, closed},
      {3, {good, good}, half_open},
      {3, {good, good, good}, closed},
      {3, {good, good, bad}, opened},
      {3, {good, nothing, good, good}, closed},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      circuit_machine m(rules(1, 1, r.successes_to_close));
      call(m, {bad});
      call(m, r.verdicts, 10s);
      BOOST_TEST(m.state() == r.then);
      if (r.then == opened)
        BOOST_TEST((m.time_left(10s) == 10s)); // from the beginning
    }
}

BOOST_AUTO_TEST_CASE(several_trials_side_by_side) {
  circuit_machine m(rules(1, 2, 2));
  call(m, {bad});
  auto const first = m.begin(10s), second = m.begin(10s);
  BOOST_TEST(first.passes);
  BOOST_TEST(second.passes);
  BOOST_TEST(!m.begin(10s).passes);
  m.end(first.round, nothing, 10s); // cancelled: its place is free again
  auto const third = m.begin(10s);
  BOOST_TEST(third.passes);
  BOOST_TEST(!m.begin(10s).passes);
  m.end(second.round, good, 10s);
  m.end(third.round, good, 10s);
  BOOST_TEST(m.state() == closed);
}

BOOST_AUTO_TEST_CASE(what_began_before_a_change_counts_no_more) {
  circuit_machine m(rules(1, 1, 1));
  auto const early = m.begin(0s), other = m.begin(0s);
  call(m, {bad});
  BOOST_TEST(m.state() == opened);
  m.end(early.round, bad, 9s);
  BOOST_TEST((m.time_left(9s) == 1s)); // and does not open it anew
  auto const trial = m.begin(10s);
  m.end(other.round, good, 10s);
  BOOST_TEST(m.state() == half_open);
  BOOST_TEST(!m.begin(10s).passes); // nor did it give a place back
  m.end(trial.round, bad, 11s);
  BOOST_TEST(m.state() == opened);
  auto const next = m.begin(21s);
  m.end(trial.round, good, 21s);
  BOOST_TEST(m.state() == half_open);
  m.end(next.round, good, 21s);
  BOOST_TEST(m.state() == closed);
}

BOOST_AUTO_TEST_CASE(closed_again_it_counts_from_the_beginning) {
  circuit_machine m(rules(2, 1, 1));
  call(m, {bad, bad});
  call(m, {good}, 10s);
  call(m, {bad}, 10s);
  BOOST_TEST(m.state() == closed);
  call(m, {bad}, 10s);
  BOOST_TEST(m.state() == opened);
}

BOOST_AUTO_TEST_CASE(closed_again_it_has_an_empty_window) {
  auto r = rules(1000);
  r.failure_rate = 0.5;
  r.window = 4;
  circuit_machine m(r);
  call(m, {good, good, bad, bad});
  BOOST_TEST(m.state() == opened);
  call(m, {good}, 10s);
  call(m, {bad, bad, bad}, 10s);
  BOOST_TEST(m.state() == closed); // three operations are no window yet
}

BOOST_AUTO_TEST_CASE(trials_that_were_overtaken_take_no_place_of_the_next_ones) {
  circuit_machine m(rules(1, 2, 1));
  call(m, {bad});
  auto const slow = m.begin(10s);
  call(m, {bad}, 10s);
  BOOST_TEST(m.state() == opened);
  BOOST_TEST(m.begin(20s).passes);
  BOOST_TEST(m.begin(20s).passes);
  m.end(slow.round, nothing, 20s);
  BOOST_TEST(!m.begin(20s).passes);
}

BOOST_AUTO_TEST_CASE(open_for_ever) {
  auto r = rules(1);
  r.open_for = std::chrono::nanoseconds::max();
  circuit_machine m(r);
  call(m, {bad}, 1s);
  BOOST_TEST(!m.begin(std::chrono::nanoseconds::max()).passes);
}

BOOST_AUTO_TEST_SUITE_END()
