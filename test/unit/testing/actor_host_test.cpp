// An actor host on virtual time: passivation, whoever is cancelled while others wait, and how a host ends.
#include "faulty_world.hpp"
#include "forgetful_store.hpp"

#include <aether/task_group.hpp>
#include <support/account.hpp>
#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(actor_hosts)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

actor_host_options on(virtual_clock const& clock) {
  actor_host_options options;
  options.time = std::make_shared<virtual_clock>(clock);
  options.snapshots = snapshot_policy::never();
  return options;
}

/// Every call takes a second there and a second back.
fault_plan slow() {
  fault_plan plan;
  plan.min_delay = plan.max_delay = 1s;
  return plan;
}

struct stage {
  faulty_world world;
  actor_host_options options;
  actor_host host;

  explicit stage(fault_plan plan = fault_plan()) : world(std::move(plan)), options(on(world.clock)) {}
  void run(std::function<awaitable<void>()> body) {
    make_host();
    world.run(std::move(body));
  }
  void make_host() {
    host = actor_host(world.context.get_executor(), std::make_shared<fault_injecting_store>(world.store), options);
  }
  actor<account> get(std::string id = "account-1") const { return host.get<account>(std::move(id)); }
  awaitable<void> pass(std::chrono::nanoseconds d) const { return world.clock.sleep_for(d); }
};

/// What a call gave: a text, empty while it is under way.
awaitable<void> note(std::string& into, awaitable<command_result> call) {
  try {
    auto const r = co_await std::move(call);
    into = std::to_string(r.first_version) + "-" + std::to_string(r.last_version) + (r.repeated ? " repeated" : "");
  } catch (boost::system::system_error const& e) {
    into = e.code() == boost::asio::error::operation_aborted ? "cancelled" : e.code().message();
  }
}
awaitable<void> note(std::string& into, awaitable<std::int64_t> call) {
  try {
    auto const r = co_await std::move(call);
    into = std::to_string(r);
  } catch (boost::system::system_error const& e) {
    into = e.code() == boost::asio::error::operation_aborted ? "cancelled" : e.code().message();
  }
}

std::string text_of(errc code) { return make_error_code(code).message(); }

BOOST_AUTO_TEST_CASE(idle_actors_go) {
  stage s;
  s.options.idle_after = 10s;
  s.run([&]() -> awaitable<void> {
    co_await s.get("account-1").execute<deposit>("ref", 1);
    co_await s.pass(6s);
    co_await s.get("account-2").execute<deposit>("ref", 1);
    co_await s.pass(4s - 1ns);
    BOOST_TEST(s.host.metrics().actors == 2u);
    co_await s.pass(1ns);
    co_await s.pass(0s);
    BOOST_TEST(s.host.metrics().actors == 1u);
    co_await s.pass(5s);
    co_await s.get("account-2").version(); // in memory, and is so again for 10 s
    BOOST_TEST(s.host.metrics().loads == 2u);
    co_await s.pass(9s);
    BOOST_TEST(s.host.metrics().actors == 1u);
    co_await s.pass(2s);
    BOOST_TEST(s.host.metrics().actors == 0u);
    BOOST_TEST(s.host.metrics().evictions == 2u);
    auto const balance = co_await s.get("account-1").query(&balance_of);
    BOOST_TEST(balance == 1);
    BOOST_TEST(s.host.metrics().loads == 3u);
    co_await s.pass(11s); // and the next time too
    BOOST_TEST(s.host.metrics().actors == 0u);
    co_await s.host.close();
  });
}

BOOST_AUTO_TEST_CASE(the_actor_used_longest_ago_makes_room) {
  stage s;
  s.options.max_actors = 2;
  s.run([&]() -> awaitable<void> {
    for (auto const* id : {"account-1", "account-2", "account-1", "account-3"})
      co_await s.get(id).execute<deposit>("ref", 1);
    BOOST_TEST(s.host.metrics().actors == 2u);
    BOOST_TEST(s.host.metrics().loads == 3u);
    co_await s.get("account-1").version();
    BOOST_TEST(s.host.metrics().loads == 3u);
    co_await s.get("account-2").version();
    BOOST_TEST(s.host.metrics().loads == 4u);
    BOOST_TEST(s.host.metrics().evictions == 2u);
    co_await s.host.close();
  });
}

BOOST_AUTO_TEST_CASE(an_id_that_may_be_repeated_and_is_new) {
  stage s;
  s.run([&]() -> awaitable<void> {
    auto options = with_id("new");
    options.maybe_repeated = true;
    auto const first = co_await s.get().with(options).execute<deposit>("ref", 1);
    BOOST_TEST((first == command_result{1, 1, false}));
    for (int i = 0; i < 40; ++i)
      co_await s.get().with(with_id("c-" + std::to_string(i))).execute<deposit>("ref", 1);
    options.command_id = "newer";
    auto const newer = co_await s.get().with(options).execute<deposit>("ref", 1);
    BOOST_TEST((newer == command_result{42, 42, false}));
    auto const again = co_await s.get().with(options).execute<deposit>("ref", 1);
    BOOST_TEST((again == command_result{42, 42, true}));
    co_await s.host.close();
  });
}

// At 2 s the command is stored, and both queries are asked for together until 4 s.
BOOST_AUTO_TEST_CASE(queries_of_whoever_goes) {
  for (int cancelled = 0; cancelled < 3; ++cancelled) {
    stage s(slow());
    s.run([&]() -> awaitable<void> {
      co_await s.get().version();
      auto const executor = s.world.context.get_executor();
      std::string command, ends[2];
      int looked[2] = {0, 0};
      task_group commands(executor), first(executor), second(executor);
      commands.spawn(note(command, s.get().execute<deposit>("ref", 7)));
      co_await s.pass(100ms);
      auto const look_at = [&looked](int which) {
        return [&looked, which](account::state const& state) {
          ++looked[which];
          return state.balance;
        };
      };
      auto const look_first = look_at(0), look_second = look_at(1);
      first.spawn(note(ends[0], s.get().query(look_first, freshness::latest())));
      second.spawn(note(ends[1], s.get().query(look_second, freshness::latest())));
      co_await s.pass(2900ms);
      BOOST_TEST(command == "1-1");
      if (cancelled < 2)
        (cancelled == 0 ? first : second).cancel();
      co_await first.join();
      co_await second.join();
      co_await commands.join();
      for (int i = 0; i < 2; ++i) {
        BOOST_TEST(ends[i] == (i == cancelled ? "cancelled" : "7"), i << " of " << cancelled);
        BOOST_TEST(looked[i] == (i == cancelled ? 0 : 1));
      }
      co_await s.host.close();
    });
  }
}

// The first leads; the two behind it are decided together. Each of them goes at each second.
BOOST_AUTO_TEST_CASE(commands_of_whoever_goes) {
  for (int cancelled = 0; cancelled < 3; ++cancelled)
    for (auto const after : {100ms, 500ms, 1500ms, 2500ms, 3500ms, 4500ms, 5500ms, 6500ms, 7500ms}) {
      stage s(slow());
      s.run([&]() -> awaitable<void> {
        co_await s.get().version();
        auto const executor = s.world.context.get_executor();
        std::string ends[3];
        task_group a(executor), b(executor), c(executor);
        task_group* const groups[] = {&a, &b, &c};
        for (int i = 0; i < 3; ++i)
          groups[i]->spawn(note(ends[i], s.get().with(with_id(std::to_string(i))).execute<deposit>("ref", 1)));
        co_await s.pass(after);
        groups[cancelled]->cancel();
        for (auto* group : groups)
          co_await group->join();
        co_await s.pass(1min);
        auto const events = co_await s.world.inner->get_events("account-1");
        std::map<std::string, std::int64_t> versions;
        for (auto const& e : events)
          BOOST_TEST(versions.emplace(e.command_id, e.version).second);
        for (int i = 0; i < 3; ++i) {
          auto const at = versions[std::to_string(i)];
          if (ends[i] == "cancelled" || ends[i].empty())
            BOOST_TEST(i == cancelled);
          else
            BOOST_TEST(ends[i] == std::to_string(at) + "-" + std::to_string(at));
          auto const again = co_await s.get().with(with_id(std::to_string(i))).execute<deposit>("ref", 1);
          BOOST_TEST(again.repeated == (at > 0));
        }
        auto const version = co_await s.world.inner->latest_version("account-1");
        BOOST_TEST(version == 3);
        BOOST_TEST(s.host.metrics().waiting == 0u);
        co_await s.host.close();
      });
    }
}

BOOST_AUTO_TEST_CASE(closing_lets_commands_end) {
  stage s(slow());
  s.run([&]() -> awaitable<void> {
    auto const executor = s.world.context.get_executor();
    std::string ends[2];
    task_group group(executor);
    for (auto& end : ends)
      group.spawn(note(end, s.get().execute<deposit>("ref", 1)));
    co_await s.pass(1500ms);
    co_await s.host.close();
    BOOST_TEST(ends[0] == "1-1");
    BOOST_TEST(ends[1] == "2-2");
    BOOST_TEST(s.host.metrics().actors == 0u);
    std::string late;
    co_await note(late, s.get().execute<deposit>("ref", 1));
    BOOST_TEST(late == text_of(errc::closed));
    co_await group.join();
  });
}

// The clock stands still, so the snapshot is never stored.
BOOST_AUTO_TEST_CASE(closing_does_not_wait_for_snapshots_beyond_its_deadline) {
  virtual_clock const clock;
  auto options = on(clock);
  options.snapshots = snapshot_policy::every(1);
  aether::test::run([&](boost::asio::io_context& context) -> awaitable<void> {
    fault_injecting_store store(context.get_executor(), clock);
    store.script(operation::save_snapshot, {fault::outage});
    actor_host host(context.get_executor(), std::make_shared<fault_injecting_store>(store), options);
    co_await host.get<account>("account-1").execute<deposit>("ref", 1);
    call_options soon;
    soon.timeout = 10ms;
    co_await host.close(soon);
    BOOST_TEST(host.metrics().snapshots == 0u);
    BOOST_TEST(host.metrics().actors == 0u);
    co_await host.close(soon); // twice is no error
  });
}

BOOST_AUTO_TEST_CASE(the_last_handle_goes_while_a_command_runs) {
  stage s(slow());
  s.run([&]() -> awaitable<void> {
    auto const a = s.get();
    std::string ends[2];
    task_group group(s.world.context.get_executor());
    for (auto& end : ends)
      group.spawn(note(end, a.execute<deposit>("ref", 1)));
    co_await s.pass(1500ms);
    s.host = actor_host();
    co_await group.join();
    BOOST_TEST(ends[0] == "1-1");
    BOOST_TEST(ends[1] == "2-2");
    std::string late;
    co_await note(late, a.execute<deposit>("ref", 1));
    BOOST_TEST(late == text_of(errc::closed));
  });
  s.world.context.run(); // nothing is left there
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_is_ahead_of_the_events) {
  stage s;
  s.options.snapshots = snapshot_policy::every(100);
  s.run([&]() -> awaitable<void> {
    for (std::int64_t version = 1; version <= 3; ++version) {
      event e = event_of("account-1", version);
      e.event_type = "Deposited";
      e.data = {{"reference", "x"}, {"amount", 1}};
      co_await s.world.inner->save_event(std::move(e));
    }
    auto ahead = snapshot_of("account-1", 100);
    ahead.state = {
        {"state", {{"balance", 1000}, {"changes", 1}}}, {"stateVersion", 1}, {"commands", boost::json::array()}};
    co_await s.world.inner->save_snapshot(std::move(ahead));
    auto const latest = co_await s.get().query(&balance_of, freshness::latest());
    BOOST_TEST(latest == 3);
    s.make_host();
    std::string end;
    co_await note(end, s.get().execute<withdraw>(2));
    BOOST_TEST(end == "4-4");
    s.make_host();
    auto const refused = co_await s.get().try_execute<withdraw>(2);
    BOOST_TEST(std::holds_alternative<rejection>(refused)); // from what is really there
    co_await s.host.close();
  });
}

// What is behind a save that nobody knows of waits for it, and has not been handed over itself.
BOOST_AUTO_TEST_CASE(who_waits_behind_an_unknown_save_is_out_of_time) {
  stage s(slow());
  s.run([&]() -> awaitable<void> {
    co_await s.get().version();
    auto const executor = s.world.context.get_executor();
    std::string first, behind, asks;
    task_group leads(executor), waits(executor);
    leads.spawn(note(first, s.get().with(with_id("first")).execute<deposit>("ref", 1)));
    co_await s.pass(500ms);
    auto soon = with_id("behind");
    soon.timeout = 20ms;
    call_options asked_soon;
    asked_soon.timeout = 20ms;
    waits.spawn(note(behind, s.get().with(soon).execute<deposit>("ref", 1)));
    waits.spawn(note(asks, s.get().query(&balance_of, freshness::cached(), asked_soon)));
    co_await s.pass(1ms);
    s.world.store.begin_outage();
    leads.cancel();
    co_await waits.join();
    BOOST_TEST(behind == text_of(errc::timed_out));
    BOOST_TEST(asks == text_of(errc::timed_out));
    s.world.store.end_outage();
    co_await leads.join();
    auto const again = co_await s.get().with(with_id("first")).execute<deposit>("ref", 1);
    BOOST_TEST(again.last_version == 1);
    auto const version = co_await s.world.inner->latest_version("account-1");
    BOOST_TEST(version == 1);
    co_await s.host.close();
  });
}

struct patient_account : account {
  static constexpr auto multi_event = aether::multi_event::one_by_one;
};

BOOST_AUTO_TEST_CASE(events_saved_one_by_one_over_answers_that_are_lost) {
  for (auto const& faults : std::vector<std::vector<fault>>{
           {fault::none, fault::lose_acknowledgement},
           {fault::none, fault::lose_request, fault::lose_request},
           {fault::lose_acknowledgement, fault::none, fault::lose_acknowledgement, fault::lose_acknowledgement}}) {
    boost::asio::io_context context;
    virtual_clock const clock;
    auto const inner = std::make_shared<forgetful_store>(context.get_executor(), false);
    fault_injecting_store store(context.get_executor(), clock, inner);
    store.script(operation::save, faults);
    auto const body = [&]() -> awaitable<void> {
      actor_host host(context.get_executor(), std::make_shared<fault_injecting_store>(store), on(clock));
      auto const a = host.get<patient_account>("account-1").with(with_id("c-1"));
      std::string end;
      co_await note(end, a.execute<deposit_in_parts>(30, 3));
      BOOST_TEST(end == "1-3");
      co_await note(end, a.execute<deposit_in_parts>(30, 3));
      BOOST_TEST(end == "1-3 repeated");
      auto const version = co_await inner->latest_version("account-1");
      BOOST_TEST(version == 3);
      co_await host.close();
    };
    aether::testing::run(clock, context, body());
  }
}

// Another writer comes between them: the command ends, and what comes next sees everything.
BOOST_AUTO_TEST_CASE(events_saved_one_by_one_and_another_writer) {
  boost::asio::io_context context;
  virtual_clock const clock;
  fault_plan plan;
  plan.rival_type = "Deposited";
  plan.rival_data = {{"reference", "rival"}, {"amount", 1}};
  auto const inner = std::make_shared<forgetful_store>(context.get_executor(), false);
  fault_injecting_store store(context.get_executor(), clock, inner, plan);
  store.script(operation::save, {fault::none, fault::conflict});
  auto const body = [&]() -> awaitable<void> {
    actor_host host(context.get_executor(), std::make_shared<fault_injecting_store>(store), on(clock));
    auto const a = host.get<patient_account>("account-1");
    std::string end;
    co_await note(end, a.execute<deposit_in_parts>(30, 3));
    BOOST_TEST(end == text_of(errc::version_conflict));
    co_await note(end, a.execute<withdraw>(11));
    BOOST_TEST(end == "3-3");
    co_await host.close();
  };
  aether::testing::run(clock, context, body());
}

BOOST_AUTO_TEST_CASE(too_many_at_once_are_overloaded) {
  stage s(slow());
  s.options.max_waiting_commands = 2;
  s.run([&]() -> awaitable<void> {
    std::string ends[3];
    task_group group(s.world.context.get_executor());
    for (auto& end : ends)
      group.spawn(note(end, s.get().execute<deposit>("ref", 1)));
    co_await group.join();
    BOOST_TEST(ends[0] == "1-1");
    BOOST_TEST(ends[1] == "2-2");
    BOOST_TEST(ends[2] == text_of(errc::overloaded));
    co_await note(ends[2], s.get().execute<deposit>("ref", 1));
    BOOST_TEST(ends[2] == "3-3");
    co_await s.host.close();
  });
}

/// Its value cannot be written.
struct unwritable {
  friend void tag_invoke(boost::json::value_from_tag, boost::json::value&, unwritable const&) {
    throw std::runtime_error("it cannot be written");
  }
  friend unwritable tag_invoke(boost::json::value_to_tag<unwritable>, boost::json::value const&) { return {}; }
};
struct broken {
  static constexpr std::string_view event_type = "Broken";
  unwritable what;
};
BOOST_DESCRIBE_STRUCT(broken, (), (what))
struct write_broken {};

struct breaking_account {
  using state = account::state;
  using event = std::variant<deposited, broken>;
  using decision = aether::decision<event>;

  static decision decide(deposit const& c, state const&) { return deposited{c.reference, c.amount}; }
  static decision decide(write_broken const&, state const&) { return broken{}; }
  static void evolve(state& s, deposited const& e) { s.balance += e.amount; }
  static void evolve(state&, broken const&) {}
};

BOOST_AUTO_TEST_CASE(an_event_that_cannot_be_written_fails_its_command_alone) {
  stage s(slow());
  s.run([&]() -> awaitable<void> {
    auto const a = s.host.get<breaking_account>("account-1");
    std::string ends[4];
    task_group group(s.world.context.get_executor());
    group.spawn(note(ends[0], a.execute<deposit>("ref", 1)));
    group.spawn(note(ends[1], a.execute<write_broken>()));
    group.spawn(note(ends[2], a.execute<deposit>("ref", 1)));
    group.spawn(note(ends[3], a.execute<deposit>("ref", 1)));
    co_await group.join();
    BOOST_TEST(ends[0] == "1-1");
    BOOST_TEST(ends[1] == text_of(errc::decide_failed));
    BOOST_TEST(ends[2] == "2-2");
    BOOST_TEST(ends[3] == "3-3");
    co_await s.host.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
