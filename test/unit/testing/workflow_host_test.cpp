// Workflows on a host, on virtual time: what is stored when, what survives a crash, signals, timers, branches, undoing.
#include <aether/memory_event_store.hpp>
#include <aether/testing/virtual_clock.hpp>
#include <aether/workflow_host.hpp>

#include <support/recording_logger.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

BOOST_AUTO_TEST_SUITE(workflow_hosts)

using namespace aether;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

workflow_type<int, int> const sum("sum");

struct world {
  asio::io_context context{1};
  virtual_clock clock;
  std::shared_ptr<memory_event_store> store;
  std::shared_ptr<test::recording_logger> log = std::make_shared<test::recording_logger>();
  std::map<std::string, int> calls;
  std::vector<std::string> keys;

  world() { store = std::make_shared<memory_event_store>(context.get_executor()); }

  workflow_host host(std::string name = "a", std::size_t max_resident = 0) {
    workflow_host_options options;
    options.name = std::move(name);
    options.time = std::make_shared<virtual_clock>(clock);
    options.log = log;
    options.max_resident = max_resident;
    return workflow_host(context.get_executor(), store, options);
  }

  template <class Function> void run(Function function) { testing::run(clock, context, function()); }

  awaitable<int> effect(std::string name, int result, step_info info) {
    ++calls[name];
    keys.push_back(info.key + (info.maybe_repeated ? " again" : ""));
    co_return result;
  }
};

awaitable<int> five_steps(world& w, workflow wf, int start) {
  int total = start;
  for (int i = 1; i <= 5; ++i) {
    auto const name = "step " + std::to_string(i);
    auto const one = [&](step_info const& info) { return w.effect(name, i, info); };
    total += co_await wf.step(name, one);
  }
  co_return total;
}

awaitable<std::size_t> events_of(world& w, std::string actor) {
  std::vector<event> const events = co_await w.store->get_events(actor);
  co_return events.size();
}

} // namespace

BOOST_AUTO_TEST_CASE(five_steps_take_six_saves) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [&](workflow wf, int start) { return five_steps(w, wf, start); });
    co_await host.open();
    bool const is_new = co_await host.client().start(sum, "1", 100);
    BOOST_TEST(is_new);
    int const result = co_await host.client().result(sum, "1");
    BOOST_TEST(result == 115);
    std::size_t const saves = co_await events_of(w, "sum-1");
    BOOST_TEST(saves == 6u);
    BOOST_TEST(w.calls.size() == 5u);
    BOOST_TEST(w.keys.front() == "sum-1/1/step 1");
    bool const again = co_await host.client().start(sum, "1", 100);
    BOOST_TEST(!again);
    auto const state = co_await host.client().state(sum, "1");
    BOOST_TEST((state == workflow_state::completed));
    co_await host.close();
  });
  BOOST_TEST(w.log->text() == "");
}

namespace {

workflow_type<std::string, std::string> const talk("talk");
workflow_type<int, int> const parent("parent");

awaitable<std::string> conversation(world& w, workflow wf, std::string greeting) {
  auto const greet = [&](step_info const& info) { return w.effect("greet", 1, info); };
  co_await wf.step("greet", greet);
  std::string const answer = co_await wf.signal<std::string>("answer");
  time_point const begun = co_await wf.now("begun");
  std::optional<std::string> const late = co_await wf.signal_until<std::string>("late", begun + 10min);
  co_await wf.sleep_for("pause", 1h);
  co_return greeting + " " + answer + " " + late.value_or("nobody");
}

} // namespace

BOOST_AUTO_TEST_CASE(signals_and_timers_survive_a_restart) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto code = [&](workflow wf, std::string greeting) { return conversation(w, wf, greeting); };
    workflow_client const client(w.context.get_executor(), w.store);
    {
      auto host = w.host();
      host.add(talk, code);
      co_await host.open();
      std::string const hello = "hello";
      co_await host.client().start(talk, "1", hello);
      co_await w.clock.sleep_for(1s);
      BOOST_TEST(host.metrics().resident == 1u);
    } // as a crash
    co_await w.clock.sleep_for(1s);
    std::string const word = "Ada";
    co_await client.signal(talk, "1", "answer", word);
    auto again = w.host();
    again.add(talk, code);
    co_await again.open();
    time_point const before = w.clock.now();
    std::string const result = co_await client.result(talk, "1");
    BOOST_TEST(result == "hello Ada nobody");
    BOOST_TEST((w.clock.now() - before >= 70min));
    BOOST_TEST((w.clock.now() - before < 71min));
    BOOST_TEST(w.calls["greet"] == 1);
    BOOST_TEST(again.metrics().resident == 0u);
  });
  BOOST_TEST(w.log->text() == "");
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_is_a_step_error_and_undone) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    std::vector<std::string> log;
    auto code = [&](workflow wf, int) -> awaitable<int> {
      wf.on_failure("refund", [&log](step_info const& info) -> awaitable<void> {
        log.push_back("refund " + info.key);
        co_return;
      });
      wf.on_failure("second", []() -> awaitable<void> {
        throw std::runtime_error("no way back");
        co_return;
      });
      auto const fine = [&](step_info const& info) { return w.effect("charge", 7, info); };
      int const charged = co_await wf.step("charge", fine);
      auto const bad = []() -> awaitable<int> {
        throw std::runtime_error("out of tea");
        co_return 0;
      };
      int const sent = co_await wf.step("ship", bad);
      co_return charged + sent;
    };
    host.add(sum, code);
    co_await host.open();
    co_await host.client().start(sum, "9", 1);
    std::optional<workflow_failure> failure;
    try {
      co_await host.client().result(sum, "9");
    } catch (workflow_failed const& e) {
      failure = e.failure();
    }
    BOOST_REQUIRE(failure.has_value());
    BOOST_TEST(failure->category == "exception");
    BOOST_TEST(failure->message.find("out of tea") != std::string::npos);
    BOOST_TEST(failure->undo_failed == std::vector<std::string>{"second"}, boost::test_tools::per_element());
    BOOST_TEST(log == std::vector<std::string>{"refund sum-9/1/refund"}, boost::test_tools::per_element());
  });
}

BOOST_AUTO_TEST_CASE(an_undo_step_shares_its_name_with_nothing) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    auto code = [&](workflow wf, std::string which) -> awaitable<std::string> {
      auto const fine = [&](step_info const& info) { return w.effect("pay", 7, info); };
      auto const undo = [](step_info const&) -> awaitable<void> { co_return; };
      if (which == "step first")
        co_await wf.step("pay", fine);
      wf.on_failure("pay", undo);
      if (which == "twice")
        wf.on_failure("pay", undo);
      co_await wf.step("pay", fine);
      co_return which;
    };
    host.add(talk, code);
    co_await host.open();
    for (std::string const which : {"step first", "twice", "step last"}) {
      workflow_failure ended;
      co_await host.client().start(talk, which, which);
      try {
        co_await host.client().result(talk, which);
      } catch (workflow_failed const& e) {
        ended = e.failure();
      }
      BOOST_TEST(ended.code == static_cast<int>(errc::workflow_name_used), which);
      BOOST_TEST(ended.undo_failed.empty());
    }
    BOOST_TEST(w.calls["pay"] == 1);
  });
}

BOOST_AUTO_TEST_CASE(branches_run_side_by_side) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    auto branch = [&](workflow wf, std::string name, int value) -> awaitable<int> {
      auto const one = [&](step_info const& info) -> awaitable<int> {
        co_await w.clock.sleep_for(10s);
        co_return co_await w.effect(name, value, info);
      };
      co_return co_await wf.step(name, one);
    };
    auto code = [&](workflow wf, int start) -> awaitable<int> {
      std::tuple<int, int> const both = co_await wf.when_all(branch(wf, "left", 2), branch(wf, "right", 3));
      co_return start + std::get<0>(both) * std::get<1>(both);
    };
    host.add(sum, code);
    co_await host.open();
    auto const begun = w.clock.now();
    co_await host.client().start(sum, "2", 1);
    int const result = co_await host.client().result(sum, "2");
    BOOST_TEST(result == 7);
    BOOST_TEST((w.clock.now() - begun == 10s));
  });
}

BOOST_AUTO_TEST_CASE(cancelling_ends_what_waits_and_runs_the_undo_steps) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    auto code = [&](workflow wf, std::string) -> awaitable<std::string> {
      wf.on_failure("undo", [&](step_info const& info) -> awaitable<void> { co_await w.effect("undo", 1, info); });
      co_return co_await wf.signal<std::string>("never");
    };
    host.add(talk, code);
    co_await host.open();
    auto const client = host.client();
    std::string const nothing;
    co_await client.start(talk, "3", nothing);
    co_await w.clock.sleep_for(1s);
    co_await client.cancel(talk, "3", "changed my mind");
    workflow_failure ended;
    try {
      co_await client.result(talk, "3");
    } catch (workflow_failed const& e) {
      ended = e.failure();
    }
    BOOST_TEST(ended.was_cancelled);
    BOOST_TEST(ended.message == "workflow talk-3, run 1, \"never\": it is to be cancelled: changed my mind");
    BOOST_TEST(w.calls["undo"] == 1);
    errc refused{};
    try {
      co_await client.signal(talk, "3", "never", nothing);
    } catch (error const& e) {
      refused = static_cast<errc>(e.code().value());
    }
    BOOST_TEST((refused == errc::workflow_finished));
  });
}

BOOST_AUTO_TEST_CASE(children_and_their_results) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [&](workflow wf, int start) { return five_steps(w, wf, start); });
    auto code = [&](workflow wf, int start) -> awaitable<int> { co_return 1 + co_await wf.child("part", sum, start); };
    host.add(parent, code);
    co_await host.open();
    co_await host.client().start(parent, "p", 5);
    int const result = co_await host.client().result(parent, "p");
    BOOST_TEST(result == 21);
    std::size_t const part = co_await events_of(w, "sum-p/part");
    BOOST_TEST(part == 6u);
  });
  BOOST_TEST(w.log->text() == "");
}

BOOST_AUTO_TEST_CASE(what_goes_on_as_new_has_an_empty_journal) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    std::vector<std::int64_t> versions;
    auto code = [&](workflow wf, int left) -> awaitable<int> {
      auto const one = [&](step_info const& info) { return w.effect("round", left, info); };
      int const now = co_await wf.step("round", one);
      versions.push_back(wf.code_version());
      if (now > 0) {
        co_await wf.now("end");
        wf.continue_as_new(now - 1);
      }
      co_return static_cast<int>(wf.run());
    };
    host.add(workflow_type<int, int>("sum", 3), code);
    co_await host.open();
    co_await host.client().start(workflow_type<int, int>("sum", 2), "c", 2);
    int const runs = co_await host.client().result(sum, "c");
    BOOST_TEST(runs == 3);
    BOOST_TEST(w.calls["round"] == 3);
    // As it was started, and then as the host has it.
    BOOST_TEST(versions == (std::vector<std::int64_t>{2, 3, 3}), boost::test_tools::per_element());
    std::vector<event> const events = co_await w.store->get_events("sum-c");
    BOOST_TEST_REQUIRE(events.size() == 4u); // nothing comes between a step and the next run
    BOOST_TEST(events[1].event_type == "workflow_continued");
    auto const& last = events[1].data.at("entries").as_array();
    BOOST_TEST_REQUIRE(last.size() == 2u);
    BOOST_TEST(last[0].at("name").as_string() == "round");
    BOOST_TEST(last[1].at("name").as_string() == "end");
  });
  BOOST_TEST(w.log->text() == "");
}

BOOST_AUTO_TEST_CASE(another_host_takes_over_after_a_while) {
  world w;
  w.run([&]() -> awaitable<void> {
    bool hang = true;
    auto code = [&](workflow wf, int start) -> awaitable<int> {
      auto const first = [&](step_info const& info) { return w.effect("first", 1, info); };
      int const a = co_await wf.step("first", first);
      auto const second = [&](step_info const& info) -> awaitable<int> {
        if (hang)
          co_await w.clock.sleep_for(20s);
        co_return co_await w.effect("second", 2, info);
      };
      int const b = co_await wf.step("second", second);
      co_return start + a + b;
    };
    auto b = w.host("b");
    b.add(sum, code);
    co_await b.open();
    {
      auto a = w.host("a");
      a.add(sum, code);
      co_await a.open();
      co_await a.client().start(sum, "t", 10);
      co_await w.clock.sleep_for(1s);
    }
    hang = false;
    auto const begun = w.clock.now();
    int const result = co_await b.client().result(sum, "t");
    BOOST_TEST(result == 13);
    BOOST_TEST((w.clock.now() - begun > 58s));
    BOOST_TEST((w.clock.now() - begun < 62s));
    BOOST_TEST(w.calls["first"] == 1);
    BOOST_TEST(w.keys.back() == "sum-t/1/second again");
    std::size_t const saves = co_await events_of(w, "sum-t");
    BOOST_TEST(saves == 4u); // started, first, claimed, finished
  });
}

BOOST_AUTO_TEST_CASE(parked_ones_leave_memory_and_come_back) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host("a", 10);
    auto code = [&](workflow wf, std::string greeting) { return conversation(w, wf, greeting); };
    host.add(talk, code);
    co_await host.open();
    std::string const hello = "hi";
    for (int i = 0; i < 40; ++i) {
      co_await host.client().start(talk, std::to_string(i), hello);
      co_await w.clock.sleep_for(1s);
      BOOST_TEST(host.metrics().resident <= 10u);
    }
    BOOST_TEST(host.metrics().evicted >= 30u);
    // They come back and leave again, and nothing is stored for that: what they wait for has been told.
    auto const count_events = [&]() -> awaitable<std::size_t> {
      std::size_t all = 0;
      for (int i = 0; i < 40; ++i)
        all += co_await events_of(w, "talk-" + std::to_string(i));
      co_return all;
    };
    std::size_t const before = co_await count_events();
    {
      auto again = w.host("a", 10);
      again.add(talk, code);
      co_await again.open();
      co_await w.clock.sleep_for(10s);
      BOOST_TEST(again.metrics().resumed == 40u);
      BOOST_TEST(again.metrics().evicted >= 30u);
    }
    std::size_t const after = co_await count_events();
    BOOST_TEST(after == before);
    std::string const word = "you";
    for (int i = 0; i < 40; ++i)
      co_await host.client().signal(talk, std::to_string(i), "answer", word);
    for (int i = 0; i < 40; ++i) {
      std::string const result = co_await host.client().result(talk, std::to_string(i));
      BOOST_TEST(result == "hi you nobody");
    }
    BOOST_TEST(w.calls["greet"] == 40);
  });
  BOOST_TEST(w.log->text() == "");
}

BOOST_AUTO_TEST_CASE(code_that_does_not_fit_its_journal_is_told) {
  world w;
  w.run([&]() -> awaitable<void> {
    {
      auto host = w.host();
      host.add(talk, [&](workflow wf, std::string greeting) { return conversation(w, wf, greeting); });
      co_await host.open();
      std::string const hello = "hello";
      co_await host.client().start(talk, "d", hello);
      co_await w.clock.sleep_for(1s);
      std::string const word = "Ada";
      co_await host.client().signal(talk, "d", "answer", word);
      co_await w.clock.sleep_for(1s);
    }
    auto host = w.host();
    auto code = [&](workflow wf, std::string) -> awaitable<std::string> {
      co_return co_await wf.signal<std::string>("other");
    };
    host.add(talk, code);
    co_await host.open();
    co_await w.clock.sleep_for(1s);
    BOOST_TEST(host.metrics().broken == 1u);
  });
  BOOST_TEST(w.log->text().find("greet") != std::string::npos, w.log->text());
  BOOST_TEST(w.log->text().find("signal other 1") != std::string::npos, w.log->text());
}

// By something else that writes to such an actor.
BOOST_AUTO_TEST_CASE(a_journal_that_cannot_be_read_is_told_and_counted) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [&](workflow wf, int start) { return five_steps(w, wf, start); });
    co_await host.open();
    event not_ours = make_event("added", "sum-1", 1);
    co_await w.store->save_event(not_ours);
    co_await w.clock.sleep_for(1s);
    BOOST_TEST(host.metrics().broken == 1u);
    event of_another = make_event("workflow_started", "sum-2", 1);
    of_another.data = {{"workflow", "gone"}, {"code_version", 1}, {"input", 1}, {"host", ""}};
    co_await w.store->save_event(of_another);
    co_await w.clock.sleep_for(1s);
    BOOST_TEST(host.metrics().broken == 2u);
    co_await host.client().start(sum, "3", 100);
    int const result = co_await host.client().result(sum, "3");
    BOOST_TEST(result == 115);
    co_await host.close();
  });
  BOOST_TEST(w.log->count("a workflow's event cannot be read") == 1u, w.log->text());
  BOOST_TEST(w.log->count("a workflow of a type that was not added") == 1u, w.log->text());
}

BOOST_AUTO_TEST_SUITE_END()
