// The circuit breaker around awaitables, on virtual time: what counts, what is refused, and who gives its place back.
#include "faulty_world.hpp"

#include <aether/circuit_breaker.hpp>
#include <aether/retry.hpp>
#include <aether/task_group.hpp>
#include <support/retry_words.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <stdexcept>
#include <vector>

BOOST_AUTO_TEST_SUITE(circuit_breakers)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

circuit_breaker_options on(virtual_clock const& clock) {
  circuit_breaker_options options;
  options.name = "store";
  options.failure_threshold = 3;
  options.open_for = 10s;
  options.time = std::make_shared<virtual_clock>(clock);
  return options;
}

awaitable<void> fail_with(errc e) {
  throw error(e);
  co_return;
}
awaitable<void> succeed() { co_return; }

awaitable<void> break_it(circuit_breaker breaker) {
  while (breaker.state() == circuit_state::closed) {
    auto const thrown = co_await error_of(breaker.run([] { return fail_with(errc::timed_out); }));
    BOOST_TEST_REQUIRE((thrown == errc::timed_out)); // unchanged
  }
}

awaitable<void> run_for(circuit_breaker breaker, virtual_clock clock, std::chrono::nanoseconds duration) {
  co_await breaker.run([&] { return clock.sleep_for(duration); });
}

} // namespace

BOOST_AUTO_TEST_CASE(it_opens_tries_and_closes) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    std::vector<circuit_state> changes;
    options.on_change = [&](circuit_state s) { changes.push_back(s); };
    circuit_breaker const breaker(options);
    co_await break_it(breaker);
    BOOST_TEST(breaker.metrics().failures == 3u);
    BOOST_TEST((breaker.metrics().time_left == 10s));

    bool called = false;
    auto const note = [&] {
      called = true;
      return succeed();
    };
    std::optional<std::chrono::nanoseconds> left;
    co_await w.clock.sleep_for(4s);
    try {
      co_await breaker.run(note);
    } catch (circuit_open_error const& e) {
      left = e.time_left();
      BOOST_TEST((e.code() == errc::circuit_open));
      BOOST_TEST(std::string(e.what()).starts_with("the circuit store is open for another 6000 ms"));
    }
    BOOST_TEST((left == 6s));
    BOOST_TEST(!called);

    co_await w.clock.sleep_for(6s);
    BOOST_TEST(breaker.state() == circuit_state::half_open);
    auto const again = co_await error_of(breaker.run([] { return fail_with(errc::connection_lost); }));
    BOOST_TEST((again == errc::connection_lost));
    BOOST_TEST(breaker.state() == circuit_state::open);

    co_await w.clock.sleep_for(10s);
    co_await breaker.run(note);
    BOOST_TEST(called);
    BOOST_TEST(breaker.state() == circuit_state::closed);
    auto const told = breaker.metrics();
    BOOST_TEST(told.opened == 2u);
    BOOST_TEST(told.refused == 1u);
    BOOST_TEST(told.successes == 1u);
    using enum circuit_state;
    BOOST_TEST((changes == std::vector{open, half_open, open, half_open, closed}));
  });
}

BOOST_AUTO_TEST_CASE(what_an_error_says) {
  using enum circuit_verdict;
  struct row {
    boost::system::error_code code;
    circuit_verdict verdict;
  };
  row const rows[] = {
      {errc::connection_lost, failure},
      {errc::connect_failed, failure},
      {errc::timed_out, failure},
      {errc::outcome_unknown, failure},
      {errc::version_conflict, success},
      {errc::duplicate_event_id, success},
      {errc::snapshot_not_found, success},
      {errc::overloaded, no_evidence},
      {errc::circuit_open, no_evidence},
      {errc::command_rejected, no_evidence},
      {errc::invalid_argument, no_evidence},
      {errc::closed, no_evidence},
      {boost::asio::error::operation_aborted, no_evidence},
      {boost::asio::error::timed_out, no_evidence},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT(r.code.message()) BOOST_TEST(usual_circuit_verdict(r.code) == r.verdict);
}

BOOST_AUTO_TEST_CASE(errors_and_values_are_judged_as_chosen) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    options.failure_threshold = 1;
    circuit_breaker const by_value(options);
    auto const answer = []() -> awaitable<int> { co_return 503; };
    auto const is_down = [](int status) { return status >= 500 ? circuit_verdict::failure : circuit_verdict::success; };
    auto const value = co_await by_value.run(answer, is_down);
    BOOST_TEST(value == 503); // handed on all the same
    BOOST_TEST(by_value.state() == circuit_state::open);

    options.verdict = [](boost::system::error_code const& code) {
      return code == errc::storage_full ? circuit_verdict::failure : circuit_verdict::no_evidence;
    };
    circuit_breaker const by_error(options);
    (void)co_await error_of(by_error.run([] { return fail_with(errc::timed_out); }));
    BOOST_TEST(by_error.state() == circuit_state::closed);
    (void)co_await error_of(by_error.run([] { return fail_with(errc::storage_full); }));
    BOOST_TEST(by_error.state() == circuit_state::open);
  });
}

BOOST_AUTO_TEST_CASE(other_exceptions_pass_and_say_nothing) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    circuit_breaker const breaker(on(w.clock));
    auto const bug = []() -> awaitable<void> {
      throw std::logic_error("a bug");
      co_return;
    };
    int thrown = 0;
    for (int i = 0; i < 10; ++i)
      try {
        co_await breaker.run(bug);
      } catch (std::logic_error const&) {
        ++thrown;
      }
    BOOST_TEST(thrown == 10);
    BOOST_TEST(breaker.metrics().without_evidence == 10u);
    BOOST_TEST(breaker.state() == circuit_state::closed);
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_trial_gives_its_place_back) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    circuit_breaker const breaker(on(w.clock));
    co_await break_it(breaker);
    co_await w.clock.sleep_for(10s);
    {
      task_group trials(w.context.get_executor());
      trials.spawn(run_for(breaker, w.clock, 1h));
      co_await w.clock.sleep_for(1s);
      auto const refused = co_await error_of(breaker.run(succeed));
      BOOST_TEST((refused == errc::circuit_open));
      trials.cancel();
      co_await trials.join();
    }
    BOOST_TEST(breaker.state() == circuit_state::half_open);
    co_await breaker.run(succeed);
    BOOST_TEST(breaker.state() == circuit_state::closed);
  });
}

BOOST_AUTO_TEST_CASE(a_trial_that_is_destroyed_gives_its_place_back) {
  virtual_clock const clock;
  circuit_breaker const breaker(on(clock));
  {
    boost::asio::io_context context;
    testing::run(clock, context, break_it(breaker));
    clock.advance_to(clock.now() + 10s);
    auto const until_trial = [&]() -> awaitable<void> {
      boost::asio::co_spawn(context, run_for(breaker, clock, 1h), [](std::exception_ptr) {});
      co_await clock.sleep_for(1s);
    };
    testing::run(clock, context, until_trial());
    auto const refused = testing::run(clock, context, error_of(breaker.run(succeed)));
    BOOST_TEST((refused == errc::circuit_open));
  }
  boost::asio::io_context another;
  testing::run(clock, another, breaker.run(succeed));
  BOOST_TEST(breaker.state() == circuit_state::closed);
}

BOOST_AUTO_TEST_CASE(who_is_told_may_use_it_and_throw) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    auto options = on(w.clock);
    auto const self = std::make_shared<std::optional<circuit_breaker>>();
    std::vector<circuit_state> seen;
    options.on_change = [weak = std::weak_ptr(self), &seen](circuit_state) {
      seen.push_back((*weak.lock())->state());
      throw std::runtime_error("dropped");
    };
    self->emplace(options);
    co_await break_it(**self);
    BOOST_TEST((seen == std::vector{circuit_state::open}));
  });
}

BOOST_AUTO_TEST_CASE(a_retry_waits_for_the_trial) {
  faulty_world w;
  w.run([&]() -> awaitable<void> {
    circuit_breaker const breaker(on(w.clock));
    auto options = exponential_backoff();
    options.time = std::make_shared<virtual_clock>(w.clock);
    int calls = 0;
    auto const work = [&]() -> awaitable<void> {
      if (++calls < 4)
        throw error(errc::connection_lost);
      co_return;
    };
    auto const guarded = [&] { return breaker.run(work); };
    auto const result = co_await try_retry(options, guarded);
    BOOST_TEST(result.ended == retry_end::succeeded);
    BOOST_TEST(calls == 4);
    BOOST_TEST(result.attempts == 5);         // three that fail, one that is refused, the trial
    BOOST_TEST((result.elapsed == 30ms + 10s)); // 10, 20, 40 ms of pauses; the breaker opened after 30 ms

    co_await break_it(breaker);
    options.max_elapsed = 5s;
    auto const given_up = co_await try_retry(options, guarded);
    BOOST_TEST(given_up.ended == retry_end::out_of_time);
    BOOST_TEST((given_up.elapsed == 0s)); // without waiting in vain
  });
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  auto const refused = [](auto change) {
    circuit_breaker_options options;
    change(options);
    BOOST_CHECK_EXCEPTION(circuit_breaker{options}, error,
                          [](error const& e) { return e.code() == errc::invalid_argument; });
  };
  refused([](circuit_breaker_options& o) { o.failure_threshold = -1; });
  refused([](circuit_breaker_options& o) { o.failure_rate = -0.1; });
  refused([](circuit_breaker_options& o) { o.failure_rate = 1.1; });
  refused([](circuit_breaker_options& o) { o.window = -1; });
  refused([](circuit_breaker_options& o) { o.window = 1'000'001; });
  refused([](circuit_breaker_options& o) { o.open_for = -1ns; });
  refused([](circuit_breaker_options& o) { o.trials = -1; });
  refused([](circuit_breaker_options& o) { o.successes_to_close = -1; });
  circuit_breaker breaker;
  auto const taken = std::move(breaker);
  BOOST_CHECK_EXCEPTION((void)breaker.state(), error, [](error const& e) { return e.code() == errc::not_open; });
  BOOST_TEST(taken.state() == circuit_state::closed);
}

BOOST_AUTO_TEST_SUITE_END()
