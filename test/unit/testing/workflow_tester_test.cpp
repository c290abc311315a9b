// Workflows of every kind, crashed at every write, and at random under a store with faults. One file, as all of it is
// the same question.
#include <aether/testing/workflow_tester.hpp>

#include <aether/json.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

BOOST_AUTO_TEST_SUITE(workflow_testers)

using namespace aether;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

workflow_type<int, int> const sum("sum");
workflow_type<int, int> const outer("outer");
workflow_type<int, std::string> const talk("talk");

#ifdef AETHER_TEST_SANITIZED
constexpr std::uint64_t seeds = 30;
#else
constexpr std::uint64_t seeds = 200;
#endif

/// A tester whose functions may use it.
struct trial {
  std::function<void(workflow_host&)> add;
  std::function<awaitable<void>(workflow_client, virtual_clock)> play;
  workflow_tester tester;

  explicit trial(workflow_tester_options options = workflow_tester_options())
      : tester([this](workflow_host& host) { add(host); },
               [this](workflow_client client, virtual_clock clock) { return play(std::move(client), clock); },
               std::move(options)) {}

  void everywhere(std::size_t least_crashes) {
    std::size_t const crashes = tester.crash_everywhere();
    BOOST_TEST(crashes >= least_crashes);
  }
  void at_random() {
    std::size_t crashes = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      crashes += tester.random(seed).crashes;
    BOOST_TEST(crashes > seeds / 4);
  }

  awaitable<int> effect(step_info info, int result) {
    tester.effect(info);
    co_return result;
  }
  awaitable<int> slow_effect(step_info info, int result, std::chrono::nanoseconds pause) {
    co_await tester.clock().sleep_for(pause);
    tester.effect(info);
    co_return result;
  }
  awaitable<int> slow_step(workflow wf, std::string name, int result, std::chrono::nanoseconds pause) {
    auto const one = [&](step_info const& info) { return slow_effect(info, result, pause); };
    co_return co_await wf.step(name, one);
  }
  awaitable<int> step(workflow wf, std::string name, int result) {
    auto const one = [&](step_info const& info) { return effect(info, result); };
    co_return co_await wf.step(name, one);
  }
};

void demand(bool met, std::string const& what) {
  if (!met)
    throw std::runtime_error(what);
}

/// What the journal holds, as text.
awaitable<std::string> stored_of(std::shared_ptr<event_store> store, std::string actor) {
  std::vector<event> const events = co_await store->get_events(actor);
  std::string text;
  for (auto const& e : events)
    text += boost::json::serialize(boost::json::value(e.data));
  co_return text;
}

/// Five steps, each of which looks whether the one before is stored.
awaitable<int> checked_steps(trial& t, workflow wf, int start) {
  int total = start;
  for (int i = 1; i <= 5; ++i) {
    auto const one = [&](step_info const& info) -> awaitable<int> {
      std::string const stored = co_await stored_of(t.tester.store(), "sum-" + wf.id());
      demand(i == 1 || stored.find("\"step " + std::to_string(i - 1) + "\"") != std::string::npos,
             "the step before is not stored");
      co_return co_await t.effect(info, i);
    };
    total += co_await wf.step("step " + std::to_string(i), one);
  }
  co_return total;
}

awaitable<void> expect_sum(workflow_client client, std::string id, int input, int expected) {
  co_await client.start(sum, id, input);
  int const result = co_await client.result(sum, id);
  demand(result == expected, "the result is " + std::to_string(result));
}

} // namespace

BOOST_AUTO_TEST_CASE(five_steps) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) { return checked_steps(t, wf, start); });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "1", 100, 115); };
  auto const report = t.tester.run();
  BOOST_TEST(report.events.size() == 6u, report.text()); // the start, and one for each step
  BOOST_TEST(report.effects.size() == 5u);
  BOOST_TEST(t.tester.effects("sum-1/1/step 3") == 1);
  t.everywhere(20);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(branches_of_several_steps) {
  trial t;
  auto const branch = [&](workflow wf, std::string name, std::chrono::seconds pause) -> awaitable<int> {
    int const a = co_await t.slow_step(wf, name + " 1", 1, pause);
    int const b = co_await t.step(wf, name + " 2", 2);
    int const c = co_await t.slow_step(wf, name + " 3", 3, pause);
    co_return a + b + c;
  };
  auto const quiet = [&](workflow wf) -> awaitable<void> { co_await wf.sleep_for("pause", 7s); };
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      auto const parts = co_await wf.when_all(branch(wf, "a", 3s), branch(wf, "b", 2s), branch(wf, "c", 2s), quiet(wf));
      co_return start + std::get<0>(parts) + std::get<1>(parts) + std::get<2>(parts);
    });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "1", 0, 18); };
  t.everywhere(20);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(signals_and_timers) {
  workflow_tester_options options;
  options.same_outcomes = true;
  trial t(options);
  t.add = [&](workflow_host& host) {
    host.add(talk, [&](workflow wf, int) -> awaitable<std::string> {
      co_await t.step(wf, "greet", 1);
      std::string text;
      for (int i = 0; i < 3; ++i)
        text += co_await wf.signal<std::string>("word");
      time_point const begun = co_await wf.now("begun");
      std::optional<std::string> const never = co_await wf.signal_until<std::string>("never", begun + 10min);
      std::optional<std::string> const last = co_await wf.signal_until<std::string>("last", begun + 24h);
      std::uint64_t const chance = co_await wf.random("chance");
      co_await wf.sleep_for("pause", 1h);
      std::uint64_t const again = co_await wf.random("another");
      co_await t.step(wf, "part", 1);
      co_return text + never.value_or("-") + last.value_or("-") + (chance == again ? "!" : "");
    });
  };
  t.play = [&](workflow_client client, virtual_clock clock) -> awaitable<void> {
    co_await client.start(talk, "1", 0);
    for (std::string const word : {"a", "b", "c"}) {
      co_await client.signal(talk, "1", "word", word, "id of " + word);
      co_await client.signal(talk, "1", "word", word, "id of " + word); // counts once
      co_await clock.sleep_for(1s);
    }
    co_await clock.sleep_for(20min);
    std::string const end = "z";
    co_await client.signal(talk, "1", "last", end);
    std::string const result = co_await client.result(talk, "1");
    demand(result == "abc-z", "the result is " + result);
  };
  t.everywhere(20);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(a_saga_is_undone) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      for (std::string const name : {"one", "two"}) {
        wf.on_failure("undo " + name, [&t](step_info const& info) -> awaitable<void> {
          t.tester.effect(info);
          if (info.key.ends_with("two"))
            throw std::runtime_error("no way back");
          co_return;
        });
        start += co_await t.step(wf, name, 1);
      }
      auto const bad = [&](step_info const& info) -> awaitable<void> {
        t.tester.effect(info);
        throw std::runtime_error("out of tea");
        co_return;
      };
      co_await wf.step("three", bad);
      co_return start;
    });
  };
  t.play = [&](workflow_client client, virtual_clock) -> awaitable<void> {
    co_await client.start(sum, "1", 0);
    std::optional<workflow_failure> how;
    try {
      co_await client.result(sum, "1");
    } catch (workflow_failed const& e) {
      how = e.failure();
    }
    demand(how && how->undo_failed == std::vector<std::string>{"undo two"}, "undone otherwise");
    demand(t.tester.effects("sum-1/1/undo one") > 0, "the first step is not undone");
  };
  t.everywhere(20);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(a_step_at_most_once) {
  workflow_tester_options options;
  options.same_outcomes = false; // a crash leaves it in doubt
  trial t(options);
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      step_options once;
      once.mode = execution::at_most_once;
      auto const pay = [&](step_info const& info) { return t.slow_effect(info, 5, 1s); };
      bool doubt = false;
      int paid = 0;
      try {
        paid = co_await wf.step("pay", pay, once);
      } catch (error const& e) {
        if (e.code() != errc::step_in_doubt)
          throw;
        doubt = true;
      }
      co_await t.step(wf, doubt ? "ask" : "thank", 1);
      co_return doubt ? -1 : start + paid;
    });
  };
  int doubts = 0;
  t.play = [&](workflow_client client, virtual_clock) -> awaitable<void> {
    co_await client.start(sum, "1", 1);
    int const result = co_await client.result(sum, "1");
    demand(result == 6 || result == -1, "the result is " + std::to_string(result));
    demand(t.tester.effects("sum-1/1/pay") <= 1, "called twice");
    doubts += result == -1;
  };
  auto const report = t.tester.run();
  BOOST_TEST(report.events.size() == 4u, report.text()); // the start, it begins, it ended, the end
  t.everywhere(10);
  BOOST_TEST(doubts > 0);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(a_step_that_takes_longer_than_a_takeover) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      step_options patient;
      patient.timeout = 10min;
      auto const one = [&](step_info const& info) { return t.slow_effect(info, 5, 5min); };
      start += co_await wf.step("long", one, patient);
      start += co_await t.step(wf, "short", 1);
      co_return start;
    });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "1", 1, 7); };
  auto const report = t.tester.run();
  BOOST_TEST(report.events.size() == 4u, report.text()); // the start, it begins, its end, the end
  t.everywhere(12); // it runs again, as it may
  t.at_random();
}

BOOST_AUTO_TEST_CASE(cancelling) {
  workflow_tester_options options;
  options.same_outcomes = false; // a step that a crash ended is not begun again
  trial t(options);
  auto const waiting = [&](workflow wf) -> awaitable<void> { (void)co_await wf.signal<int>("never"); };
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      wf.on_failure("undo", [&t](step_info const& info) -> awaitable<void> { (void)co_await t.effect(info, 1); });
      co_await t.step(wf, "first", 1);
      auto const both = co_await wf.when_all(t.slow_step(wf, "slow", 1, 30s), waiting(wf));
      co_return start + std::get<0>(both);
    });
  };
  t.play = [&](workflow_client client, virtual_clock clock) -> awaitable<void> {
    co_await client.start(sum, "1", 0);
    while (t.tester.effects("sum-1/1/first") == 0)
      co_await clock.sleep_for(1s);
    co_await clock.sleep_for(10s);
    co_await client.cancel(sum, "1", "changed my mind");
    bool cancelled = false;
    try {
      co_await client.result(sum, "1");
    } catch (workflow_failed const& e) {
      cancelled = e.failure().was_cancelled;
    }
    demand(cancelled, "not cancelled");
    demand(t.tester.effects("sum-1/1/undo") > 0, "not undone");
  };
  auto const report = t.tester.run();
  BOOST_TEST(report.effects.at("sum-1/1/slow") == 1, report.text()); // it was under way, and completes
  t.everywhere(16);
}

BOOST_AUTO_TEST_CASE(children) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) { return checked_steps(t, wf, start); });
    host.add(outer, [&](workflow wf, int start) -> awaitable<int> {
      auto const both = co_await wf.when_all(wf.child("left", sum, start), wf.child("right", sum, 2 * start));
      int const last = co_await t.step(wf, "last", 1);
      co_return std::get<0>(both) + std::get<1>(both) + last;
    });
  };
  t.play = [&](workflow_client client, virtual_clock) -> awaitable<void> {
    co_await client.start(outer, "1", 10);
    int const result = co_await client.result(outer, "1");
    demand(result == 61, "the result is " + std::to_string(result));
  };
  t.everywhere(40);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(a_cancelled_parent_cancels_its_child) {
  workflow_tester_options options;
  options.same_outcomes = false; // the child may never have been started
  trial t(options);
  t.add = [&](workflow_host& host) {
    host.add(talk,
             [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("never"); });
    host.add(outer, [&](workflow wf, int start) -> awaitable<int> {
      (void)co_await wf.child("part", talk, start);
      co_return start;
    });
  };
  t.play = [&](workflow_client client, virtual_clock clock) -> awaitable<void> {
    co_await client.start(outer, "1", 10);
    co_await client.cancel(outer, "1"); // at once: the child's start may be under way
    bool cancelled = false;
    try {
      co_await client.result(outer, "1");
    } catch (workflow_failed const& e) {
      cancelled = e.failure().was_cancelled;
    }
    demand(cancelled, "not cancelled");
    for (int i = 0; i < 2000; ++i) { // six crashes may come before a takeover
      auto const state = co_await client.state(talk, "1/part");
      if (state == workflow_state::cancelled || state == workflow_state::unknown)
        co_return;
      co_await clock.sleep_for(1s);
    }
    demand(false, "the child goes on");
  };
  t.tester.run();
  t.everywhere(8);
  auto const late = t.play;
  t.play = [&](workflow_client client, virtual_clock clock) -> awaitable<void> {
    co_await client.start(outer, "1", 10);
    co_await clock.sleep_for(5s);
    co_await late(client, clock);
  };
  t.tester.run();
  t.everywhere(12);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(going_on_as_new) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int total) -> awaitable<int> {
      co_await t.step(wf, "round", 1);
      int const more = co_await wf.signal<int>("more");
      if (more > 0)
        wf.continue_as_new(total + more);
      co_return total;
    });
  };
  t.play = [&](workflow_client client, virtual_clock clock) -> awaitable<void> {
    co_await client.start(sum, "1", 0);
    for (int const n : {1, 2, 3, 4, 5, 6, 7, 8, 0}) {
      co_await client.signal(sum, "1", "more", n);
      if (n % 3 == 0)
        co_await clock.sleep_for(1s);
    }
    int const result = co_await client.result(sum, "1");
    demand(result == 36, "the result is " + std::to_string(result));
  };
  t.everywhere(40);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(retries_and_step_timeouts) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      auto again = exponential_backoff();
      again.max_attempts = 3;
      step_options tough;
      tough.retry = again;
      tough.timeout = 5s;
      auto const third = [&](step_info const& info) -> awaitable<int> {
        t.tester.effect(info);
        if (info.attempt < 3)
          throw error(errc::connection_lost);
        co_return 3;
      };
      int const a = co_await wf.step("third time", third, tough);
      auto const hangs = [&](step_info const& info) -> awaitable<int> {
        t.tester.effect(info);
        co_await t.tester.clock().sleep_for(1h);
        co_return 3;
      };
      int b = 0;
      try {
        b = co_await wf.step("hangs", hangs, tough);
      } catch (step_error const& e) {
        demand(e.category() == "aether" && e.number() == static_cast<int>(errc::timed_out), e.what());
        b = 100;
      }
      co_return start + a + b;
    });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "1", 0, 103); };
  auto const report = t.tester.run();
  BOOST_TEST(report.effects.at("sum-1/1/third time") == 3, report.text());
  BOOST_TEST(report.effects.at("sum-1/1/hangs") == 3, report.text());
  t.everywhere(8);
  t.at_random();
}

BOOST_AUTO_TEST_CASE(a_step_that_waits_for_a_real_timer_is_named) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      auto const real = [&]() -> awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        co_await timer.async_wait(asio::use_awaitable);
      };
      co_await wf.step("real", real);
      co_return start;
    });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "7", 0, 0); };
  BOOST_CHECK_EXCEPTION(t.tester.run(), deadlock_error, [](deadlock_error const& e) {
    std::string const what = e.what();
    return what.find("workflow sum-7, run 1, step \"real\"") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(the_same_seed_does_the_same) {
  trial t;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) { return checked_steps(t, wf, start); });
  };
  t.play = [&](workflow_client client, virtual_clock) { return expect_sum(client, "1", 100, 115); };
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto const first = t.tester.random(seed);
    auto const again = t.tester.random(seed);
    BOOST_TEST(first.writes == again.writes);
    BOOST_TEST(first.crashes == again.crashes);
    BOOST_TEST((first.effects == again.effects));
    BOOST_TEST(first.text() == again.text());
  }
}

BOOST_AUTO_TEST_CASE(what_differs_after_a_crash_is_told) {
  trial t;
  int calls = 0;
  t.add = [&](workflow_host& host) {
    host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
      co_await t.step(wf, "one", 1);
      co_return start + ++calls; // what it must not do
    });
  };
  t.play = [&](workflow_client client, virtual_clock) -> awaitable<void> {
    calls = 0;
    co_await client.start(sum, "1", 0);
    (void)co_await client.result(sum, "1");
  };
  BOOST_CHECK_EXCEPTION(t.tester.crash_everywhere(), workflow_test_failed, [](workflow_test_failed const& e) {
    std::string const what = e.what();
    return what.find("a crash at write") != std::string::npos && what.find("sum-1: completed") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
