// What a retry decides after a failed attempt, row by row.
#include "retry_machine.hpp"

#include <support/retry_words.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <climits>
#include <limits>
#include <vector>

BOOST_AUTO_TEST_SUITE(retry_machines)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

/// Pauses of 10, 20, 40 … ms, without jitter.
retry_options plain() {
  retry_options options;
  options.pauses.jitter = backoff_jitter::none;
  return options;
}

/// As a policy settles them, which has to live as long as the machine.
struct machine {
  explicit machine(retry_options options) : policy(std::move(options)), decides(policy.options()) {}

  retry_verdict fail(attempt_failure failure, nanoseconds elapsed = 0ns, double random = 0) {
    decides.begin_attempt(elapsed);
    return decides.on_failure(std::move(failure), elapsed, random);
  }

  retry_policy policy;
  retry_machine decides;
};

attempt_failure failed_with(boost::system::error_code code) {
  attempt_failure failure;
  failure.code = code;
  return failure;
}

attempt_failure conflict(std::int64_t attempted, std::int64_t current) {
  auto failure = failed_with(errc::version_conflict);
  failure.conflict = version_conflict("a-1", attempted, current);
  return failure;
}

bool goes_on(retry_verdict const& verdict, nanoseconds pause) { return !verdict.end && verdict.pause == pause; }
bool ends(retry_verdict const& verdict, retry_end how) { return verdict.end == how; }

} // namespace

BOOST_AUTO_TEST_CASE(what_is_worth_another_attempt) {
  struct row {
    boost::system::error_code code;
    bool again;
  };
  row const rows[] = {
      {errc::connection_lost, true},
      {errc::connect_failed, true},
      {errc::timed_out, true},
      {errc::overloaded, true},
      {errc::outcome_unknown, true},
      {errc::circuit_open, true},
      {boost::system::error_code(), true}, // an outcome that the caller's classifier wants again
      {errc::version_conflict, false},
      {errc::storage_full, false},
      {errc::invalid_argument, false},
      {errc::closed, false},
      {errc::command_rejected, false},
      {boost::asio::error::operation_aborted, false},
      {boost::asio::error::timed_out, false}, // not of this library
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT(r.code.message()) {
      machine m(plain());
      auto const verdict = m.fail(failed_with(r.code));
      BOOST_TEST((r.again ? goes_on(verdict, 10ms) : ends(verdict, retry_end::not_retryable)));
    }
}

BOOST_AUTO_TEST_CASE(pauses_grow_and_attempts_run_out) {
  auto options = plain();
  options.max_attempts = 4;
  machine m(options);
  BOOST_TEST(goes_on(m.fail(failed_with(errc::timed_out)), 10ms));
  BOOST_TEST(goes_on(m.fail(failed_with(errc::timed_out)), 20ms));
  BOOST_TEST(goes_on(m.fail(failed_with(errc::connection_lost)), 40ms));
  BOOST_TEST(ends(m.fail(failed_with(errc::timed_out)), retry_end::out_of_attempts));
  BOOST_TEST(m.decides.attempts() == 4);
}

BOOST_AUTO_TEST_CASE(ten_attempts_unless_chosen) {
  machine m(plain());
  for (int i = 1; i < 10; ++i)
    BOOST_TEST(!m.fail(failed_with(errc::timed_out)).end);
  BOOST_TEST(ends(m.fail(failed_with(errc::timed_out)), retry_end::out_of_attempts));
}

BOOST_AUTO_TEST_CASE(time_runs_out_with_the_pause_that_would_pass_it) {
  auto options = plain();
  options.max_elapsed = 100ms;
  struct row {
    nanoseconds elapsed;
    bool again; // after a pause of 10 ms
  };
  row const rows[] = {{0ms, true}, {90ms, true}, {90ms + 1ns, false}, {100ms, false}, {1h, false}};
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT(r.elapsed.count()) {
      machine m(options);
      auto const verdict = m.fail(failed_with(errc::timed_out), r.elapsed);
      BOOST_TEST((r.again ? goes_on(verdict, 10ms) : ends(verdict, retry_end::out_of_time)));
    }
  options.max_elapsed = nanoseconds::max(); // without limit
  machine m(options);
  BOOST_TEST(goes_on(m.fail(failed_with(errc::timed_out), nanoseconds::max() - 1h), 10ms));
}

BOOST_AUTO_TEST_CASE(an_attempt_knows_how_much_time_is_left) {
  auto options = plain();
  options.max_elapsed = 1s;
  machine m(options);
  BOOST_TEST((m.decides.begin_attempt(0s).time_left == 1s));
  m.decides.on_failure(failed_with(errc::timed_out), 300ms, 0);
  auto const& second = m.decides.begin_attempt(310ms);
  BOOST_TEST(second.number == 2);
  BOOST_TEST((second.time_left == 690ms));
  BOOST_TEST((second.last->code == errc::timed_out));
  BOOST_TEST((second.last->elapsed == 300ms));
  BOOST_TEST((m.decides.begin_attempt(2s).time_left == 1ns)); // zero would mean the default
}

BOOST_AUTO_TEST_CASE(conflicts_are_tried_again_only_where_it_was_chosen) {
  machine never(plain());
  BOOST_TEST(ends(never.fail(conflict(5, 5)), retry_end::not_retryable));
  auto options = plain();
  options.retry_conflicts = true;
  machine m(options);
  for (std::int64_t version = 5; version < 14; ++version)
    BOOST_TEST(!m.fail(conflict(version, version)).end);
  BOOST_TEST(ends(m.fail(conflict(14, 14)), retry_end::out_of_attempts)); // not thrashing: it read again each time
}

BOOST_AUTO_TEST_CASE(thrashing_is_told_from_bad_luck) {
  auto options = plain();
  options.retry_conflicts = true;
  struct row {
    std::vector<std::int64_t> attempted; // versions; 0: a failure of another kind
    bool thrashes;                       // with the last one, and not before
  };
  row const rows[] = {
      {{5, 5, 5}, true},    {{5, 6, 6, 6}, true},     {{5, 5, 6, 5, 5}, false}, {{5, 5}, false},
      {{5, 0, 5, 5}, true}, {{5, 0, 0, 5, 0}, false}, {{5, 6, 5, 6, 5}, false}, {{0, 0, 0, 0}, false},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      machine m(options);
      std::optional<retry_end> end;
      for (auto const version : r.attempted) {
        BOOST_TEST(!end);
        end = m.fail(version == 0 ? failed_with(errc::timed_out) : conflict(version, 9)).end;
      }
      BOOST_TEST((end == (r.thrashes ? std::optional(retry_end::thrashing) : std::nullopt)));
    }
  options.thrashing_after = 1;
  machine m(options);
  BOOST_TEST(ends(m.fail(conflict(5, 5)), retry_end::thrashing));
}

BOOST_AUTO_TEST_CASE(an_adaptive_pause_is_divided_by_the_distance) {
  auto options = plain();
  options.retry_conflicts = true;
  options.adaptive = true;
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  struct row {
    attempt_failure failure;
    nanoseconds pause;
  };
  row const rows[] = {
      {conflict(5, 5), 10ms},           // beaten to this version: others compete now
      {conflict(5, 6), 5ms},
      {conflict(5, 14), 1ms},
      {conflict(5, 5 + 10'000'000), 0ns},
      {conflict(1, highest), 0ns},
      {conflict(5, 2), 10ms},           // ahead of the store, whose copy is old
      {conflict(highest, 0), 10ms},
      {failed_with(errc::timed_out), 10ms},
      {failed_with(errc::version_conflict), 10ms}, // its details are not known
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      machine m(options);
      BOOST_TEST(goes_on(m.fail(r.failure), r.pause));
    }
}

BOOST_AUTO_TEST_CASE(jitter_comes_from_outside) {
  machine m{retry_options()};
  BOOST_TEST(goes_on(m.fail(failed_with(errc::timed_out), 0ns, 0.5), 5ms));
  BOOST_TEST(goes_on(m.fail(failed_with(errc::timed_out), 0ns, 0.25), 5ms));
}

BOOST_AUTO_TEST_CASE(an_open_circuit_is_waited_for_or_given_up_at_once) {
  auto open = failed_with(errc::circuit_open);
  open.not_before = 25s;
  machine m(plain());
  BOOST_TEST(goes_on(m.fail(open), 25s));
  open.not_before = 31s;
  BOOST_TEST(ends(m.fail(open), retry_end::out_of_time));
}

BOOST_AUTO_TEST_CASE(a_decider_decides_within_the_limits) {
  struct row {
    attempt_failure failure;
    retry_decision decision;
    nanoseconds elapsed;
    std::optional<retry_end> end;
    nanoseconds pause;
  };
  auto const usual = retry_decision::usual();
  auto const stop = retry_decision::stop();
  row const rows[] = {
      {failed_with(errc::timed_out), usual, 0s, std::nullopt, 10ms},
      {failed_with(errc::storage_full), usual, 0s, retry_end::not_retryable, 0ns},
      {failed_with(errc::timed_out), stop, 0s, retry_end::decider_stopped, 0ns},
      {failed_with(errc::storage_full), stop, 0s, retry_end::decider_stopped, 0ns},
      {failed_with(errc::storage_full), retry_decision::after(3s), 0s, std::nullopt, 3s},
      {conflict(5, 5), retry_decision::after(0s), 0s, std::nullopt, 0s},
      {conflict(5, 5), retry_decision::after(0s), 30s, retry_end::out_of_time, 0s},
      {conflict(5, 5), retry_decision::after(-1s), 0s, std::nullopt, 0s},
      {failed_with(errc::timed_out), retry_decision::after(3s), 28s, retry_end::out_of_time, 0ns},
      {failed_with(errc::timed_out), retry_decision::after(nanoseconds::max()), 1s, retry_end::out_of_time, 0ns},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      auto options = plain();
      options.decide = [&](failed_attempt const&) { return r.decision; };
      machine m(options);
      auto const verdict = m.fail(r.failure, r.elapsed);
      BOOST_TEST((verdict.end == r.end));
      if (!r.end)
        BOOST_TEST((verdict.pause == r.pause));
    }
}

BOOST_AUTO_TEST_CASE(a_decider_sees_the_details) {
  auto options = plain();
  options.max_attempts = 3;
  options.retry_conflicts = true;
  options.thrashing_after = 2;
  std::vector<failed_attempt> seen;
  options.decide = [&](failed_attempt const& failed) {
    seen.push_back(failed);
    return retry_decision::after(1ms);
  };
  machine m(options);
  m.fail(conflict(5, 7), 4ms);
  m.fail(conflict(5, 8), 6ms);
  BOOST_TEST(ends(m.fail(conflict(5, 8), 8ms), retry_end::thrashing)); // the last attempt: it is not asked
  BOOST_TEST(seen.size() == 2u);
  BOOST_TEST(seen[0].number == 1);
  BOOST_TEST(seen[0].conflict->current_version == 7);
  BOOST_TEST(seen[0].conflicts_at_version == 1);
  BOOST_TEST(seen[0].retryable);
  BOOST_TEST((seen[0].delay == 10ms));
  BOOST_TEST((seen[0].elapsed == 4ms));
  BOOST_TEST(seen[1].conflicts_at_version == 2);
  BOOST_TEST(!seen[1].retryable);
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  auto const refused = [](auto change) {
    retry_options options;
    change(options);
    BOOST_CHECK_EXCEPTION(retry_policy{options}, error,
                          [](error const& e) { return e.code() == errc::invalid_argument; });
  };
  refused([](retry_options& o) { o.max_attempts = -1; });
  refused([](retry_options& o) { o.max_elapsed = -1ns; });
  refused([](retry_options& o) { o.thrashing_after = -1; });
  refused([](retry_options& o) { o.pauses.multiplier = 0.5; });
  for (auto const& standard : {no_retry(), exponential_backoff(), jittered_backoff(), adaptive_backoff()})
    standard.validate();
}

BOOST_AUTO_TEST_CASE(a_policy_has_no_zeros) {
  auto const& options = retry_policy().options();
  BOOST_TEST(options.max_attempts == 10);
  BOOST_TEST((options.max_elapsed == 30s));
  BOOST_TEST(options.thrashing_after == 3);
  BOOST_TEST((options.time == machine_time()));
  double least = 1, most = 0;
  for (int i = 0; i < 1000; ++i) {
    double const random = options.random();
    least = std::min(least, random);
    most = std::max(most, random);
  }
  BOOST_TEST(least >= 0);
  BOOST_TEST(most < 1);
  BOOST_TEST(most - least > 0.5);
  BOOST_TEST(ends(machine(no_retry()).fail(failed_with(errc::timed_out)), retry_end::out_of_attempts));
}

BOOST_AUTO_TEST_SUITE_END()
