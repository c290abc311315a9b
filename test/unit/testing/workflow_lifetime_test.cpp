// Hosts that end at any moment, workflows that leave memory, and what comes while they are read: nothing is lost or
// left behind.
#include "workflow_core.hpp"

#include <aether/memory_event_store.hpp>
#include <aether/testing/fault_injecting_store.hpp>
#include <aether/testing/virtual_clock.hpp>
#include <aether/workflow_host.hpp>

#include <support/recording_logger.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(workflow_lifetimes)

using namespace aether;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

workflow_type<int, int> const sum("sum");
workflow_type<int, int> const outer("outer");
workflow_type<int, std::string> const talk("talk");

struct world {
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  virtual_clock clock;
  std::shared_ptr<event_store> store = std::make_shared<memory_event_store>(context->get_executor());
  std::shared_ptr<test::recording_logger> log = std::make_shared<test::recording_logger>();

  workflow_host_options options(std::string name) {
    workflow_host_options made;
    made.name = std::move(name);
    made.time = std::make_shared<virtual_clock>(clock);
    made.log = log;
    return made;
  }
  workflow_host host(std::string name = "a", std::size_t max_resident = 0, std::shared_ptr<event_store> in = nullptr) {
    auto with = options(std::move(name));
    with.max_resident = max_resident;
    return workflow_host(context->get_executor(), in ? in : store, with);
  }
  std::shared_ptr<fault_injecting_store> slow_store(std::chrono::nanoseconds delay) {
    fault_plan plan;
    plan.min_delay = plan.max_delay = delay;
    return std::make_shared<fault_injecting_store>(context->get_executor(), clock, store, plan);
  }
  workflow_client client() { return workflow_client(context->get_executor(), store); }
  template <class Function> void run(Function function) { testing::run(clock, *context, function()); }

  awaitable<std::size_t> events_of(std::string actor) {
    std::vector<event> const events = co_await store->get_events(std::move(actor));
    co_return events.size();
  }
  awaitable<bool> completes(std::string id, std::chrono::seconds within) {
    auto const asks = client();
    for (auto left = within; left > 0s; left -= 1s) {
      auto const state = co_await asks.state(talk, id);
      if (state == workflow_state::completed)
        co_return true;
      co_await clock.sleep_for(1s);
    }
    co_return false;
  }
};

awaitable<int> slow(virtual_clock clock) {
  co_await clock.sleep_for(10s);
  co_return 1;
}

awaitable<int> slow_step(virtual_clock clock, workflow wf, std::string name) {
  auto const one = [&] { return slow(clock); };
  co_return co_await wf.step(name, one);
}

awaitable<int> busy(virtual_clock clock, workflow wf, std::string name) {
  int const a = co_await slow_step(clock, wf, name + " 1");
  co_await wf.sleep_for(name + " pause", 5s);
  auto const fails = [&](step_info const& info) -> awaitable<int> {
    if (info.attempt < 3)
      throw error(errc::connection_lost);
    co_return 1;
  };
  step_options again;
  again.retry = exponential_backoff();
  int const b = co_await wf.step(name + " 2", fails, again);
  co_return a + b;
}

// A bit of everything.
void add_all(workflow_host& host, virtual_clock clock) {
  host.add(talk, [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("go"); });
  host.add(sum, [clock](workflow wf, int start) -> awaitable<int> {
    auto const both = co_await wf.when_all(busy(clock, wf, "left"), busy(clock, wf, "right"));
    if (start > 0)
      wf.continue_as_new(start - 1);
    co_return std::get<0>(both) + std::get<1>(both);
  });
  host.add(outer, [clock](workflow wf, int start) -> awaitable<int> {
    wf.on_failure("undo", [clock](step_info const&) -> awaitable<void> { (void)co_await slow(clock); });
    int const part = co_await wf.child("part", sum, start);
    (void)co_await wf.child("word", talk, start);
    throw std::runtime_error("ends so: " + std::to_string(part));
  });
}

awaitable<void> begin_all(workflow_host host) {
  co_await host.open();
  co_await host.client().start(outer, "1", 1);
  try {
    (void)co_await host.client().result(outer, "1");
  } catch (error const&) {
  }
}

awaitable<void> signal_later(workflow_client client, virtual_clock clock) {
  std::string const word = "x";
  for (bool again = true; again;) {
    co_await clock.sleep_for(7s);
    try {
      co_await client.signal(talk, "1/word", "go", word);
      again = false;
    } catch (error const&) {
    }
  }
}

/// Runs so many handlers, destroys the host and looks what is left. False: it had ended before.
bool end_after(std::size_t handlers) {
  world w;
  std::weak_ptr<aether::detail::workflow_core> left;
  bool ended = false;
  bool over = false;
  {
    auto host = w.host();
    add_all(host, w.clock);
    left = aether::detail::workflow_host_access::core_of(host);
    asio::co_spawn(*w.context, begin_all(host), [&](std::exception_ptr) { ended = true; });
    asio::co_spawn(*w.context, signal_later(w.client(), w.clock), asio::detached);
    for (std::size_t i = 0; i < handlers && !ended;) {
      if (w.context->poll_one() != 0) {
        ++i;
        continue;
      }
      auto const next = w.clock.next_timer();
      if (!next)
        break;
      w.clock.advance_to(*next);
    }
    over = ended;
    aether::detail::workflow_host_access::stop(host); // begin_all() has a handle too
  }
  for (int i = 0; i < 20 && !left.expired(); ++i) { // pauses end by themselves
    w.context->poll();
    w.clock.advance_to(w.clock.now() + 1s);
  }
  w.context->poll();
  if (handlers % 2 == 0)
    BOOST_TEST(left.expired(), "something holds the host that ended after " << handlers << " handlers");
  w.store.reset();
  w.context.reset();
  BOOST_TEST(left.expired());
  return !over;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_host_ends_at_any_moment) {
  std::size_t handlers = 1;
  while (end_after(handlers))
    handlers += handlers < 100 ? 1 : 7;
  BOOST_TEST(handlers > 200u);
}

BOOST_AUTO_TEST_CASE(a_context_ends_at_any_moment) {
  bool ended = false;
  for (std::size_t handlers = 1; !ended; handlers += 5) {
    world w;
    auto host = w.host();
    add_all(host, w.clock);
    asio::co_spawn(*w.context, begin_all(host), [&](std::exception_ptr) { ended = true; });
    asio::co_spawn(*w.context, signal_later(w.client(), w.clock), asio::detached);
    for (std::size_t i = 0; i < handlers && !ended; ++i)
      if (w.context->poll_one() == 0)
        w.clock.advance_to(w.clock.next_timer().value());
    std::weak_ptr const left = aether::detail::workflow_host_access::core_of(host);
    w.store.reset();
    w.context.reset();
    host = workflow_host();
    BOOST_TEST(left.expired());
  }
}

BOOST_AUTO_TEST_CASE(a_host_is_destroyed_inside_a_step) {
  world w;
  auto host = std::make_unique<workflow_host>(w.host());
  std::weak_ptr const left = aether::detail::workflow_host_access::core_of(*host);
  bool after = false;
  host->add(sum, [&](workflow wf, int start) -> awaitable<int> {
    auto const ends = [&]() -> awaitable<void> {
      host.reset();
      co_return;
    };
    co_await wf.step("ends", ends);
    after = true;
    co_return start;
  });
  w.run([&]() -> awaitable<void> {
    co_await host->open();
    co_await w.client().start(sum, "1", 0);
    co_await w.clock.sleep_for(1min);
  });
  BOOST_TEST(left.expired());
  BOOST_TEST(!after);
}

BOOST_AUTO_TEST_CASE(a_parent_that_left_memory_comes_back_when_its_child_ends) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host("a", 1);
    host.add(talk, [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("go"); });
    host.add(outer, [](workflow wf, int) -> awaitable<int> {
      std::string const word = co_await wf.child("word", talk, 1);
      co_return static_cast<int>(word.size());
    });
    co_await host.open();
    co_await host.client().start(outer, "1", 0);
    co_await w.clock.sleep_for(10s);
    std::string const word = "four";
    co_await host.client().signal(talk, "1/word", "go", word);
    co_await w.clock.sleep_for(10s);
    auto const state = co_await host.client().state(outer, "1");
    BOOST_TEST((state == workflow_state::completed));
    BOOST_TEST(host.metrics().evicted > 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_parent_goes_on_elsewhere_when_its_child_ends) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto const add = [](workflow_host& host) {
      host.add(talk,
               [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("go"); });
      host.add(outer, [](workflow wf, int) -> awaitable<int> {
        std::string const word = co_await wf.child("word", talk, 1);
        co_return static_cast<int>(word.size());
      });
    };
    auto b = w.host("b");
    add(b);
    co_await b.open();
    {
      auto a = w.host("a");
      add(a);
      co_await a.open();
      co_await a.client().start(outer, "1", 0);
      co_await w.clock.sleep_for(1s);
    }
    std::string const word = "four";
    co_await w.client().signal(talk, "1/word", "go", word);
    co_await w.clock.sleep_for(130s); // the child's takeover, and the parent's
    auto const state = co_await w.client().state(outer, "1");
    BOOST_TEST((state == workflow_state::completed));
  });
}

BOOST_AUTO_TEST_CASE(a_parent_that_waits_for_its_child_is_not_taken_over) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto const add = [](workflow_host& host) {
      host.add(talk,
               [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("go"); });
      host.add(outer, [](workflow wf, int) -> awaitable<int> {
        std::string const word = co_await wf.child("word", talk, 1);
        co_return static_cast<int>(word.size());
      });
    };
    auto a = w.host("a");
    auto b = w.host("b");
    add(a);
    add(b);
    co_await a.open();
    co_await b.open();
    co_await a.client().start(outer, "1", 0);
    co_await w.clock.sleep_for(30min);
    std::string const word = "four";
    co_await w.client().signal(talk, "1/word", "go", word);
    int const result = co_await a.client().result(outer, "1");
    BOOST_TEST(result == 4);
    std::size_t const events = co_await w.events_of("outer-1");
    BOOST_TEST(events == 3u); // started, parked, finished
  });
}

BOOST_AUTO_TEST_CASE(a_timer_of_a_host_that_is_gone_fires_elsewhere) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto const add = [](workflow_host& host) {
      host.add(talk, [](workflow wf, int) -> awaitable<std::string> {
        co_await wf.sleep_for("pause", 1h);
        co_return "";
      });
    };
    auto b = w.host("b");
    add(b);
    co_await b.open();
    {
      auto a = w.host("a");
      add(a);
      co_await a.open();
      co_await a.client().start(talk, "1", 0);
      co_await w.clock.sleep_for(1s);
    }
    co_await w.client().signal(talk, "1", "that nobody takes", 1); // b looks, and finds nothing to do
    co_await w.clock.sleep_for(1h);
    bool const completed = co_await w.completes("1", 90s);
    BOOST_TEST(completed);
    std::size_t const events = co_await w.events_of("talk-1");
    BOOST_TEST(events == 4u); // started, parked, signalled, finished
  });
}

// A signal is stored while its workflow is read, or started: the feed tells of it before there is somebody to take it.
BOOST_AUTO_TEST_CASE(signals_that_come_while_it_is_taken_up) {
  for (bool const fresh : {false, true})
    for (auto offset = 100ms; offset < 6s; offset += 300ms) {
      world w;
      w.run([&]() -> awaitable<void> {
        auto const add = [](workflow_host& host) {
          host.add(talk,
                   [](workflow wf, int) -> awaitable<std::string> { co_return co_await wf.signal<std::string>("go"); });
        };
        if (!fresh) {
          auto first = w.host();
          add(first);
          co_await first.open();
          co_await first.client().start(talk, "1", 0);
          co_await w.clock.sleep_for(1s);
        }
        auto host = w.host("a", 0, w.slow_store(1s));
        add(host);
        if (fresh)
          co_await host.open();
        auto begin = [](workflow_host of, bool is_open) -> awaitable<void> {
          if (is_open)
            co_await of.client().start(talk, "1", 0);
          else
            co_await of.open();
        };
        asio::co_spawn(*w.context, begin(host, fresh), asio::detached);
        co_await w.clock.sleep_for(offset);
        std::string const word = "go";
        for (bool again = true; again;) {
          again = false;
          try {
            co_await w.client().signal(talk, "1", "go", word);
          } catch (error const& e) {
            BOOST_TEST((e.code() == errc::workflow_not_found));
            again = true;
          }
          if (again)
            co_await w.clock.sleep_for(50ms);
        }
        bool const completed = co_await w.completes("1", 30s);
        BOOST_TEST(completed, (fresh ? "started, " : "taken up, ") << offset.count() << " ms");
      });
    }
}

// The next run's beginning loses against a signal: that goes on to the next run.
BOOST_AUTO_TEST_CASE(a_signal_that_comes_while_it_goes_on_as_new) {
  world w;
  w.run([&]() -> awaitable<void> {
    fault_plan plan;
    plan.rival_type = "workflow_signalled";
    plan.rival_data = {{"host", "a"}, {"since", 1}, {"name", "go"}, {"value", 5}};
    auto const store = std::make_shared<fault_injecting_store>(w.context->get_executor(), w.clock, w.store, plan);
    std::vector<fault> const faults{fault::none, fault::conflict};
    store->script(operation::save, faults);
    auto host = w.host("a", 0, store);
    host.add(sum, [](workflow wf, int start) -> awaitable<int> {
      if (wf.run() == 1)
        wf.continue_as_new(start + 1);
      co_return start + co_await wf.signal<int>("go");
    });
    co_await host.open();
    co_await host.client().start(sum, "1", 0);
    co_await w.clock.sleep_for(1min);
    auto const state = co_await host.client().state(sum, "1");
    BOOST_TEST((state == workflow_state::completed));
    BOOST_TEST(store->counts().conflicts == 1u);
  });
}

BOOST_AUTO_TEST_CASE(closing_ends_what_is_under_way_and_begins_nothing) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [&](workflow wf, int) -> awaitable<int> {
      int total = 0;
      for (int i = 1; i <= 5; ++i)
        total += co_await slow_step(w.clock, wf, "step " + std::to_string(i));
      co_return total;
    });
    co_await host.open();
    co_await host.client().start(sum, "1", 0);
    co_await w.clock.sleep_for(5s);
    auto const before = w.clock.now();
    co_await host.close();
    BOOST_TEST((w.clock.now() - before < 6s));
    co_await w.clock.sleep_for(1min);
    std::size_t const events = co_await w.events_of("sum-1");
    BOOST_TEST(events == 2u); // started, and the first step
    auto again = w.host();
    again.add(sum, [&](workflow wf, int) -> awaitable<int> {
      int total = 0;
      for (int i = 1; i <= 5; ++i)
        total += co_await slow_step(w.clock, wf, "step " + std::to_string(i));
      co_return total;
    });
    co_await again.open();
    int const result = co_await again.client().result(sum, "1");
    BOOST_TEST(result == 5);
  });
}

BOOST_AUTO_TEST_CASE(opening_may_be_tried_again) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto const store = w.slow_store(0ns);
    std::vector<fault> const faults{fault::none, fault::fail};
    store->script(operation::read, faults);
    auto host = w.host("a", 0, store);
    add_all(host, w.clock);
    std::optional<boost::system::error_code> failed;
    try {
      co_await host.open();
    } catch (error const& e) {
      failed = e.code();
    }
    BOOST_TEST((failed == errc::connection_lost));
    co_await host.open();
    co_await host.client().start(talk, "1", 0);
    std::string const word = "x";
    co_await host.client().signal(talk, "1", "go", word);
    std::string const result = co_await host.client().result(talk, "1");
    BOOST_TEST(result == "x");
  });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_stored_is_a_steps_failure) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [&](workflow wf, int) -> awaitable<int> {
      int failures = 0;
      for (std::string const kind : {"long", "bytes", "words"}) {
        auto const bad = [&]() -> awaitable<std::string> {
          if (kind == "words")
            throw std::runtime_error("caf\xe9");
          co_return kind == "long" ? std::string(300'000, 'x') : std::string("\xff\xfe");
        };
        try {
          (void)co_await wf.step(kind, bad);
        } catch (step_error const& e) {
          ++failures;
          if (kind == "long")
            BOOST_TEST(e.number() == static_cast<int>(errc::workflow_result_too_large));
        }
      }
      co_return failures;
    });
    host.add(talk, [](workflow, int) -> awaitable<std::string> { co_return "\xff"; });
    co_await host.open();
    co_await host.client().start(sum, "1", 0);
    int const failures = co_await host.client().result(sum, "1");
    BOOST_TEST(failures == 3);
    co_await host.client().start(talk, "1", 0);
    bool failed = false;
    try {
      (void)co_await host.client().result(talk, "1");
    } catch (workflow_failed const&) {
      failed = true;
    }
    BOOST_TEST(failed);
  });
  BOOST_TEST(w.log->text() == "");
}

BOOST_AUTO_TEST_CASE(a_journal_that_grows_too_long) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto with = w.options("a");
    with.max_journal_entries = 20;
    workflow_host host(w.context->get_executor(), w.store, with);
    host.add(sum, [](workflow wf, int) -> awaitable<int> {
      wf.on_failure("undo", []() -> awaitable<void> { co_return; });
      for (int i = 0; i < 100; ++i) {
        auto const one = [&]() -> awaitable<int> { co_return i; };
        co_await wf.step(std::to_string(i), one);
      }
      co_return 0;
    });
    co_await host.open();
    co_await host.client().start(sum, "1", 0);
    std::optional<workflow_failure> how;
    try {
      (void)co_await host.client().result(sum, "1");
    } catch (workflow_failed const& e) {
      how = e.failure();
    }
    BOOST_TEST_REQUIRE(how.has_value());
    BOOST_TEST(how->code == static_cast<int>(errc::workflow_too_long));
    BOOST_TEST(how->undo_failed.empty());
    std::size_t const events = co_await w.events_of("sum-1");
    BOOST_TEST(events == 22u); // the start, 20 steps, and the undo step with the end
  });
}

BOOST_AUTO_TEST_CASE(many_steps_that_time_out_together) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    auto const hang = [&](workflow wf, std::string name) -> awaitable<int> {
      auto const one = [&]() -> awaitable<int> {
        co_await w.clock.sleep_for(1h);
        co_return 0;
      };
      step_options brief;
      brief.timeout = 5s;
      try {
        co_return co_await wf.step(name, one, brief);
      } catch (step_error const& e) {
        co_return e.number() == static_cast<int>(errc::timed_out) ? 1 : 100;
      }
    };
    host.add(sum, [&](workflow wf, int) -> awaitable<int> {
      auto const all = co_await wf.when_all(hang(wf, "a"), hang(wf, "b"), hang(wf, "c"), hang(wf, "d"), hang(wf, "e"));
      co_return std::get<0>(all) + std::get<1>(all) + std::get<2>(all) + std::get<3>(all) + std::get<4>(all);
    });
    co_await host.open();
    for (int i = 0; i < 40; ++i)
      co_await host.client().start(sum, std::to_string(i), 0);
    for (int i = 0; i < 40; ++i) {
      int const result = co_await host.client().result(sum, std::to_string(i));
      BOOST_TEST(result == 5);
    }
    BOOST_TEST((w.clock.elapsed() == 5s));
  });
}

BOOST_AUTO_TEST_CASE(a_step_that_is_tried_for_long_is_not_taken_over) {
  world w;
  int calls = 0;
  w.run([&]() -> awaitable<void> {
    auto const begun = w.clock.now();
    auto const add = [&](workflow_host& host) {
      host.add(sum, [&](workflow wf, int start) -> awaitable<int> {
        auto tough = exponential_backoff();
        tough.max_attempts = 10'000;
        tough.max_elapsed = 10min;
        step_options again;
        again.retry = tough;
        auto const fails = [&]() -> awaitable<void> {
          if (w.clock.now() - begun < 5min)
            throw error(errc::connection_lost);
          ++calls;
          co_return;
        };
        co_await wf.step("tough", fails, again);
        co_return start;
      });
    };
    auto a = w.host("a");
    auto b = w.host("b");
    add(a);
    add(b);
    co_await a.open();
    co_await b.open();
    co_await a.client().start(sum, "1", 3);
    int const result = co_await a.client().result(sum, "1");
    BOOST_TEST(result == 3);
    BOOST_TEST(b.metrics().resumed == 0u);
    BOOST_TEST(calls == 1);
  });
}

BOOST_AUTO_TEST_CASE(what_another_host_hosts_may_be_started_twice) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host();
    host.add(sum, [](workflow, int start) -> awaitable<int> { co_return start; });
    co_await host.open();
    co_await host.client().start(talk, "1", 0);
    bool const again = co_await host.client().start(talk, "1", 0);
    BOOST_TEST(!again);
    co_await w.clock.sleep_for(1s);
  });
  BOOST_TEST(w.log->text() == "");
}

// Whoever starts a workflow of another host's type hears of it late: its answer comes when all is over.
BOOST_AUTO_TEST_CASE(the_end_of_what_another_host_runs_is_found) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto other = w.host("b");
    other.add(sum, [](workflow, int n) -> awaitable<int> { co_return n + 1; });
    co_await other.open();
    auto host = w.host("a", 0, w.slow_store(1s));
    host.add(outer, [](workflow, int n) -> awaitable<int> { co_return n; });
    co_await host.open();
    co_await host.client().start(sum, "1", 1);
    call_options patience;
    patience.timeout = 1min;
    int const result = co_await host.client().result(sum, "1", patience);
    BOOST_TEST(result == 2);
    co_await host.close();
    co_await other.close();
  });
}

// The host goes on with it, although whoever starts it is destroyed before it hears that it is stored.
BOOST_AUTO_TEST_CASE(who_starts_one_may_go_before_it_is_told) {
  world w;
  w.run([&]() -> awaitable<void> {
    auto host = w.host("a", 0, w.slow_store(1s));
    host.add(sum, [](workflow, int n) -> awaitable<int> { co_return n + 1; });
    co_await host.open();
    for (int i = 1; i <= 8; ++i) { // at every half second: before it is stored, and before that is told
      auto const id = std::to_string(i);
      {
        asio::io_context callers(1);
        asio::co_spawn(callers, host.client().start(sum, id, 1), asio::detached);
        callers.poll();
        for (int half = 1; half < i; ++half) {
          co_await w.clock.sleep_for(500ms);
          callers.poll();
        }
      }
      co_await w.clock.sleep_for(10s);
      auto const version = co_await w.store->latest_version("sum-" + id);
      BOOST_TEST((version == 0 || version == 2), id << ": " << version);
    }
    co_await host.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()
