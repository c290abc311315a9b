// Retrying coroutines on virtual time: what is tried again, after which pauses, and how it ends.
#include "faulty_world.hpp"

#include <aether/circuit_breaker.hpp>
#include <aether/retry.hpp>
#include <aether/task_group.hpp>
#include <support/retry_words.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(retries)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

/// On the clock, and without chance: pauses of 10, 20, 40 … ms.
retry_options on(virtual_clock const& clock) {
  auto options = exponential_backoff();
  options.time = std::make_shared<virtual_clock>(clock);
  return options;
}

awaitable<int> throw_always(int& calls) {
  ++calls;
  throw error(errc::timed_out, "the text is kept");
  co_return 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_first_success_ends_it) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    int calls = 0;
    auto const work = [&]() -> awaitable<std::string> {
      if (++calls < 4)
        throw error(errc::connection_lost);
      co_return "done";
    };
    retry_policy const policy(on(w.clock));
    auto const value = co_await retry(policy, work);
    BOOST_TEST(value == "done");
    BOOST_TEST(calls == 4);
    BOOST_TEST((w.clock.elapsed() == 70ms));
  });
}

BOOST_AUTO_TEST_CASE(the_last_failure_is_thrown_unchanged) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.max_attempts = 3;
    int calls = 0;
    auto const work = [&]() { return throw_always(calls); };
    std::string text;
    retry_policy const policy(options);
    try {
      (void)co_await retry(policy, work);
    } catch (error const& e) {
      text = e.what();
    }
    BOOST_TEST(calls == 3);
    BOOST_TEST(text.starts_with("the text is kept"));

    auto const result = co_await try_retry(policy, work);
    BOOST_TEST(result.ended == retry_end::out_of_attempts);
    BOOST_TEST(result.attempts == 3);
    BOOST_TEST((result.elapsed == 30ms));
    BOOST_TEST(!result.value);
    BOOST_CHECK_THROW(std::rethrow_exception(result.error), error);
  });
}

BOOST_AUTO_TEST_CASE(temporaries_that_own_nothing_and_results_of_void) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    int calls = 0;
    retry_policy const policy(on(w.clock));
    co_await retry(policy, [&]() -> awaitable<void> {
      if (++calls < 2)
        throw error(errc::timed_out);
      co_return;
    });
    BOOST_TEST(calls == 2);
    auto const result = co_await try_retry(policy, [&]() -> awaitable<void> {
      ++calls;
      throw std::logic_error("a bug");
      co_return;
    });
    BOOST_TEST(calls == 3);
    BOOST_TEST(result.ended == retry_end::not_retryable);
    BOOST_CHECK_THROW(std::rethrow_exception(result.error), std::logic_error);
  });
}

BOOST_AUTO_TEST_CASE(policies_made_in_place) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto const e = event_of("a-1", 1);
    auto outcome = co_await retry(jittered_backoff(), [&] { return w.store.try_save_event(e); });
    BOOST_TEST(stored(outcome, 1));
    outcome = co_await retry(retry_policy(on(w.clock)), [&] { return w.store.try_save_event(e); });
    BOOST_TEST(already(outcome, 1));
    outcome = co_await circuit_breaker().run([&] { return w.store.try_save_event(e); });
    BOOST_TEST(already(outcome, 1));
  });
}

BOOST_AUTO_TEST_CASE(an_operation_may_look_at_its_attempt) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.max_elapsed = 1s;
    std::vector<int> numbers;
    std::vector<std::chrono::nanoseconds> left;
    retry_policy const policy(options);
    co_await retry(policy, [&](retry_attempt const& attempt) -> awaitable<void> {
      numbers.push_back(attempt.number);
      left.push_back(attempt.time_left);
      co_await w.clock.sleep_for(100ms);
      BOOST_TEST((attempt.number == 1 || attempt.last->code == errc::timed_out));
      if (attempt.number < 3)
        throw error(errc::timed_out);
    });
    BOOST_TEST((numbers == std::vector{1, 2, 3}));
    BOOST_TEST((left == std::vector<std::chrono::nanoseconds>{1s, 890ms, 770ms}));
  });
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_is_resolved_by_the_same_event) {
  faulty_world w;
  w.store.script(testing::operation::save, {fault::lose_acknowledgement, fault::fail});
  w.run([&]() -> awaitable<void> {
    auto const e = event_of("a-1", 1);
    retry_policy const policy(on(w.clock));
    auto const outcome = co_await retry(policy, [&] { return w.store.try_save_event(e); });
    BOOST_TEST(already(outcome, 1));
    auto const versions = co_await versions_of(*w.inner, "a-1");
    BOOST_TEST(versions.size() == 1u);
    BOOST_TEST((w.clock.elapsed() == 30ms));
  });
}

BOOST_AUTO_TEST_CASE(a_conflict_is_a_result_unless_it_is_to_be_tried_again) {
  faulty_world w;
  w.store.script(testing::operation::save, {fault::conflict, fault::conflict, fault::conflict});
  w.run([&]() -> awaitable<void> {
    auto const add = [&]() -> awaitable<save_outcome> {
      auto const version = co_await w.store.latest_version("a-1");
      auto outcome = co_await w.store.try_save_event(event_of("a-1", version + 1));
      co_return outcome;
    };
    auto options = on(w.clock);
    auto const once = co_await try_retry(options, add);
    BOOST_TEST(once.ended == retry_end::not_retryable);
    BOOST_TEST(refused(*once.value, 1));
    options.retry_conflicts = true;
    auto const outcome = co_await retry(options, add);
    BOOST_TEST(stored(outcome, 4));
    BOOST_TEST((w.clock.elapsed() == 30ms));
  });
}

BOOST_AUTO_TEST_CASE(thrown_conflicts_are_conflicts_too) {
  faulty_world w;
  w.store.script(testing::operation::save, {fault::conflict, fault::conflict});
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.retry_conflicts = true;
    auto const add = [&]() -> awaitable<saved> {
      auto const version = co_await w.store.latest_version("a-1");
      auto const done = co_await w.store.save_event(event_of("a-1", version + 1));
      co_return done;
    };
    auto const result = co_await try_retry(options, add);
    BOOST_TEST(result.ended == retry_end::succeeded);
    BOOST_TEST(result.attempts == 3);
    BOOST_TEST(result.value->version == 3);
  });
}

BOOST_AUTO_TEST_CASE(who_does_not_read_again_thrashes) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    co_await w.inner->save_event(event_of("a-1", 5));
    auto options = on(w.clock);
    options.retry_conflicts = true;
    auto const e = event_of("a-1", 3);
    auto const result = co_await try_retry(options, [&] { return w.store.try_save_event(e); });
    BOOST_TEST(result.ended == retry_end::thrashing);
    BOOST_TEST(result.attempts == 3);
    BOOST_TEST(refused(*result.value, 5));
  });
}

BOOST_AUTO_TEST_CASE(other_outcomes_are_judged_by_the_caller) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    retry_policy const policy(on(w.clock));
    int calls = 0;
    auto const count = [&]() -> awaitable<int> { co_return ++calls; };
    auto const value = co_await retry(policy, count, [](int n) { return n < 3; });
    BOOST_TEST(value == 3);

    auto options = on(w.clock);
    options.retry_conflicts = true;
    auto const as_conflict = [](int) { return std::optional(version_conflict("a-1", 7, 9)); };
    auto const result = co_await try_retry(options, count, as_conflict);
    BOOST_TEST(result.ended == retry_end::thrashing);
    BOOST_TEST(*result.value == 6);
  });
}

BOOST_AUTO_TEST_CASE(what_a_decider_or_classifier_throws_ends_it) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.decide = [](failed_attempt const&) -> retry_decision { throw std::logic_error("a bug"); };
    int calls = 0, thrown = 0;
    auto const work = [&]() { return throw_always(calls); };
    try {
      (void)co_await try_retry(options, work);
    } catch (std::logic_error const&) {
      ++thrown;
    }
    retry_policy const policy(on(w.clock));
    auto const count = [&]() -> awaitable<int> { co_return ++calls; };
    auto const bad = [](int) -> bool { throw std::logic_error("another one"); };
    try {
      (void)co_await try_retry(policy, count, bad);
    } catch (std::logic_error const&) {
      ++thrown;
    }
    BOOST_TEST(thrown == 2);
    BOOST_TEST(calls == 2);
  });
}

namespace {

/// Begins a retry, cancels it after `wait`, and tells what it threw.
struct cancelled_retry {
  boost::system::error_code thrown;
  int calls = 0;
};

awaitable<void> keep_retrying(retry_policy policy, virtual_clock clock, std::chrono::nanoseconds takes,
                              cancelled_retry& out) {
  auto const work = [&]() -> awaitable<void> {
    ++out.calls;
    co_await clock.sleep_for(takes);
    throw error(errc::timed_out);
  };
  try {
    co_await retry(policy, work);
  } catch (boost::system::system_error const& e) {
    out.thrown = e.code();
  }
}

cancelled_retry cancel_after(std::chrono::nanoseconds wait, std::chrono::nanoseconds takes) {
  faulty_world w;
  cancelled_retry out;
  w.run([&]() -> awaitable<void> {
    task_group group(w.context.get_executor());
    group.spawn(keep_retrying(on(w.clock), w.clock, takes, out));
    co_await w.clock.sleep_for(wait);
    group.cancel();
    co_await group.join();
  });
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(cancelling_ends_an_attempt_and_a_pause) {
  auto const in_attempt = cancel_after(50ms, 100ms);
  BOOST_TEST((in_attempt.thrown == boost::asio::error::operation_aborted));
  BOOST_TEST(in_attempt.calls == 1);
  auto const in_pause = cancel_after(55ms, 50ms);
  BOOST_TEST((in_pause.thrown == boost::asio::error::operation_aborted));
  BOOST_TEST(in_pause.calls == 1);
  auto const in_second = cancel_after(65ms, 50ms);
  BOOST_TEST((in_second.thrown == boost::asio::error::operation_aborted));
  BOOST_TEST(in_second.calls == 2);
}

namespace {

awaitable<void> ignore_cancelling(retry_policy policy, virtual_clock clock, cancelled_retry& out) {
  auto const work = [&]() -> awaitable<void> {
    ++out.calls;
    try {
      co_await clock.sleep_for(1s);
    } catch (boost::system::system_error const&) {
    }
    throw error(errc::timed_out); // as an operation does that does not pass the cancellation on
  };
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  try {
    co_await retry(policy, work);
  } catch (boost::system::system_error const& e) {
    out.thrown = e.code();
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_cancelled_retry_does_not_try_again_whatever_the_operation_throws) {
  faulty_world w;
  cancelled_retry out;
  w.run([&]() -> awaitable<void> {
    task_group group(w.context.get_executor());
    group.spawn(ignore_cancelling(on(w.clock), w.clock, out));
    co_await w.clock.sleep_for(10ms);
    group.cancel();
    co_await group.join();
  });
  BOOST_TEST((out.thrown == boost::asio::error::operation_aborted));
  BOOST_TEST(out.calls == 1);
}

BOOST_AUTO_TEST_CASE(an_outage_is_outlasted_within_the_time) {
  faulty_world w;
  w.store.begin_outage();
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.max_elapsed = 25s;
    options.max_attempts = 1000;
    auto const e = event_of("a-1", 1);
    retry_policy const policy(options);
    auto const save = [&](retry_attempt const& attempt) {
      save_options within_limit;
      within_limit.timeout = std::min<std::chrono::nanoseconds>(2s, attempt.time_left);
      return w.store.try_save_event(e, within_limit);
    };
    auto const given_up = co_await try_retry(policy, save);
    BOOST_TEST(given_up.ended == retry_end::out_of_time);
    BOOST_TEST((given_up.elapsed <= 25s));
    w.store.end_outage();
    auto const outcome = co_await retry(policy, save);
    BOOST_TEST(std::holds_alternative<saved>(outcome));
  });
}

BOOST_AUTO_TEST_SUITE_END()
