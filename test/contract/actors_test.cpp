// Actors over every store: what a command stores and gives, conflicts, repeated commands, snapshots, and trouble.
#include <contract/reading.hpp>
#include <support/account.hpp>

#include <aether/task_group.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(contract_actors)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// The body gets a store and its executor; hosts it makes are closed by their end.
void with_actors(store_provider const& provider,
                 std::function<awaitable<void>(store_ptr, asio::any_io_executor)> body) {
  with_data(provider, [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto store = co_await data.open(context.get_executor(), settings);
    co_await body(store, context.get_executor());
  });
}

actor_host_options without_snapshots() {
  actor_host_options options;
  options.snapshots = snapshot_policy::never();
  return options;
}

template <class Error, class T> awaitable<std::string> text_of_thrown(awaitable<T> call) {
  std::string text = "nothing";
  try {
    (void)co_await std::move(call);
  } catch (Error const& e) {
    text = e.what();
  }
  co_return text;
}

BOOST_DATA_TEST_CASE(commands_become_events, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host host(executor, store);
    auto const a = host.get<account>("account-42");
    command_options options;
    options.command_id = "c-1";
    options.metadata.user_id("alice");
    auto const first = co_await a.with(options).execute<deposit>("ref", 7);
    BOOST_TEST((first == command_result{1, 1, false}));
    withdraw const some{3};
    auto const second = co_await a.execute(some);
    BOOST_TEST((second == command_result{2, 2, false}));
    auto const nothing = co_await a.execute<withdraw>(0);
    BOOST_TEST((nothing == command_result{0, 2, false}));
    auto const refused = co_await a.try_execute<withdraw>(5);
    BOOST_REQUIRE(std::holds_alternative<rejection>(refused));
    BOOST_TEST(std::get<rejection>(refused).code == "insufficient_funds");
    auto const thrown = co_await text_of_thrown<command_rejected>(a.execute<withdraw>(5));
    BOOST_TEST(thrown.starts_with("actor \"account-42\": insufficient_funds: there are 4"));

    auto const events = co_await store->get_events("account-42");
    BOOST_TEST_REQUIRE(events.size() == 2u);
    BOOST_TEST(events[0].event_type == "Deposited");
    BOOST_TEST(events[0].command_id == "c-1");
    BOOST_TEST(events[0].metadata.user_id() == "alice");
    BOOST_TEST(events[0].metadata.correlation_id() == "c-1");
    BOOST_TEST(events[0].metadata.causation_id() == "c-1");
    BOOST_TEST((event_as<deposited>(events[0]) == deposited{"ref", 7}));
    BOOST_TEST((event_as<withdrawn>(events[1]) == withdrawn{3}));
    BOOST_TEST(events[1].metadata.empty());

    auto const balance = co_await a.query(&balance_of);
    BOOST_TEST(balance == 4);
    auto const version = co_await a.version();
    BOOST_TEST(version == 2);
    auto const m = host.metrics();
    BOOST_TEST(m.commands == 5u);
    BOOST_TEST(m.stored == 2u);
    BOOST_TEST(m.nothing == 1u);
    BOOST_TEST(m.rejected == 2u);
    BOOST_TEST(m.loads == 1u);
    BOOST_TEST(m.actors == 1u);
    co_await host.close();
    auto const closed = co_await error_of(a.execute<deposit>("x", 1));
    BOOST_TEST((closed == errc::closed));
    BOOST_TEST(host.metrics().actors == 0u);
  });
}

awaitable<void> deposit_often(actor<account> a, int times, std::string name) {
  for (int i = 0; i < times; ++i) {
    auto const with = with_id(name + "-" + std::to_string(i));
    co_await a.with(with).execute<deposit>(name, 1);
  }
}

/// Every command id once, versions without a gap.
awaitable<void> check_history(store_ptr store, std::string actor_id, std::size_t events, bool& right) {
  auto const all = co_await store->get_events(actor_id);
  right = right && all.size() == events;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < all.size(); ++i) {
    right = right && all[i].version == static_cast<std::int64_t>(i) + 1;
    right = right && ids.insert(all[i].command_id).second;
  }
}

BOOST_DATA_TEST_CASE(many_clients_of_a_few_actors, all_readers() * one_and_four_threads(), provider, threads) {
  constexpr int actors = 3, clients = 12, each = 8;
  bool right = true;
  std::int64_t sum = 0;
  actor_metrics m;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto const store = co_await data.open(context.get_executor(), settings);
    actor_host host(context.get_executor(), store);
    task_group group(context.get_executor());
    for (int client = 0; client < clients; ++client)
      group.spawn(deposit_often(host.get<account>("account-" + std::to_string(client % actors)), each,
                                "client-" + std::to_string(client)));
    co_await group.join();
    for (int i = 0; i < actors; ++i) {
      auto const id = "account-" + std::to_string(i);
      co_await check_history(store, id, clients / actors * each, right);
      auto const balance = co_await host.get<account>(id).query(&balance_of);
      sum += balance;
    }
    m = host.metrics();
    co_await host.close();
  };
  run_options options;
  options.threads = threads;
  with_data(provider, body, options);
  BOOST_TEST(right);
  BOOST_TEST(sum == clients * each);
  BOOST_TEST(m.stored == static_cast<std::uint64_t>(clients * each));
  BOOST_TEST(m.conflicts == 0u);
  BOOST_TEST(m.batches <= m.stored);
}

// Two hosts know nothing of each other, as two processes.
BOOST_DATA_TEST_CASE(hosts_of_the_same_actors, all_readers() * one_and_four_threads(), provider, threads) {
  constexpr int hosts = 3, actors = 2, clients = 12, each = 8;
  bool right = true;
  std::int64_t sum = 0;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    std::vector<actor_host> all;
    store_ptr store;
    for (int i = 0; i < hosts; ++i) {
      store = co_await data.open(context.get_executor(), settings);
      all.emplace_back(context.get_executor(), store);
    }
    task_group group(context.get_executor());
    for (int client = 0; client < clients; ++client)
      group.spawn(deposit_often(
          all[static_cast<std::size_t>(client % hosts)].get<account>("account-" + std::to_string(client % actors)),
          each, "client-" + std::to_string(client)));
    co_await group.join();
    for (int i = 0; i < actors; ++i) {
      auto const id = "account-" + std::to_string(i);
      co_await check_history(store, id, clients / actors * each, right);
      auto const balance = co_await all[0].get<account>(id).query(&balance_of, freshness::latest());
      sum += balance;
    }
    for (auto& host : all)
      co_await host.close();
  };
  run_options options;
  options.threads = threads;
  with_data(provider, body, options);
  BOOST_TEST(right);
  BOOST_TEST(sum == clients * each);
}

BOOST_DATA_TEST_CASE(a_repeated_command_counts_once, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    command_result const first{1, 1, false}, again{1, 1, true};
    {
      actor_host host(executor, store);
      auto const a = host.get<account>("account-1").with(with_id("c-1"));
      auto const stored = co_await a.execute<deposit>("ref", 7);
      BOOST_TEST((stored == first));
      auto const repeated = co_await a.execute<deposit>("ref", 7);
      BOOST_TEST((repeated == again));
      co_await host.close();
    }
    actor_host host(executor, store); // as a new process
    auto const a = host.get<account>("account-1");
    auto const repeated = co_await a.with(with_id("c-1")).execute<deposit>("ref", 7);
    BOOST_TEST((repeated == again));
    // Rejections leave no trace, and are decided again.
    auto const refused = co_await a.with(with_id("c-2")).try_execute<withdraw>(100);
    BOOST_TEST(std::holds_alternative<rejection>(refused));
    auto const more = co_await a.execute<deposit>("ref", 100);
    BOOST_TEST((more == command_result{2, 2, false}));
    auto const taken = co_await a.with(with_id("c-2")).execute<withdraw>(100);
    BOOST_TEST((taken == command_result{3, 3, false}));
    // Beyond what an actor remembers.
    for (int i = 0; i < 40; ++i)
      co_await a.with(with_id("filler-" + std::to_string(i))).execute<deposit>("ref", 1);
    auto far = with_id("c-1");
    far.maybe_repeated = true;
    auto const found = co_await a.with(far).execute<deposit>("ref", 7);
    BOOST_TEST((found == again));
    auto const version = co_await a.version();
    BOOST_TEST(version == 43);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(a_command_that_comes_twice_at_once_counts_once, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host host(executor, store);
    auto const a = host.get<account>("account-1").with(with_id("c-1"));
    std::vector<command_result> results;
    auto const once = [&]() -> awaitable<void> {
      auto const result = co_await a.execute<deposit>("ref", 7);
      results.push_back(result);
    };
    task_group group(executor);
    for (int i = 0; i < 5; ++i)
      group.spawn(once());
    co_await group.join();
    int new_ones = 0;
    for (auto const& r : results) {
      new_ones += r.repeated ? 0 : 1;
      BOOST_TEST(r.first_version == 1);
      BOOST_TEST(r.last_version == 1);
    }
    BOOST_TEST(new_ones == 1);
    auto const version = co_await store->latest_version("account-1");
    BOOST_TEST(version == 1);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(a_decision_of_several_events, all_readers(), provider) {
  with_actors(provider, [&](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host host(executor, store);
    auto const a = host.get<account>("account-1").with(with_id("c-1"));
    if (!store->supports_batches()) {
      auto const refused = co_await error_of(a.execute<deposit_in_parts>(30, 3));
      BOOST_TEST((refused == errc::batch_not_supported));
      auto const version = co_await store->latest_version("account-1");
      BOOST_TEST(version == 0);
    } else {
      auto const stored = co_await a.execute<deposit_in_parts>(30, 3);
      BOOST_TEST((stored == command_result{1, 3, false}));
      auto const repeated = co_await a.execute<deposit_in_parts>(30, 3);
      BOOST_TEST((repeated == command_result{1, 3, true}));
    }
    co_await host.close();
  });
}

/// The same, of a type that takes what it gets.
struct patient_account : account {
  static constexpr auto multi_event = aether::multi_event::one_by_one;
};

BOOST_DATA_TEST_CASE(several_events_one_by_one, all_readers(), provider) {
  with_actors(provider, [&](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host host(executor, store);
    auto const a = host.get<patient_account>("account-1");
    auto const stored = co_await a.execute<deposit_in_parts>(30, 3);
    BOOST_TEST((stored == command_result{1, 3, false}));
    auto const balance = co_await a.query(&balance_of);
    BOOST_TEST(balance == 30);
    auto const versions = co_await versions_of(*store, "account-1");
    BOOST_TEST(versions == versions_between(1, 3), boost::test_tools::per_element());
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(what_the_decider_throws_fails_its_command_alone, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host host(executor, store);
    auto const a = host.get<account>("account-1");
    std::vector<std::string> texts;
    std::vector<std::int64_t> versions;
    auto const deposits = [&]() -> awaitable<void> {
      auto const result = co_await a.execute<deposit>("ref", 1);
      versions.push_back(result.last_version);
    };
    auto const breaks_decide = [&]() -> awaitable<void> {
      auto text = co_await text_of_thrown<error>(a.execute<break_decide>());
      texts.push_back(std::move(text));
    };
    auto const breaks_evolve = [&]() -> awaitable<void> {
      auto text = co_await text_of_thrown<error>(a.execute<break_evolve>());
      texts.push_back(std::move(text));
    };
    task_group group(executor);
    for (int i = 0; i < 3; ++i) {
      group.spawn(deposits());
      group.spawn(breaks_decide());
      group.spawn(breaks_evolve());
    }
    co_await group.join();
    BOOST_TEST(texts.size() == 6u);
    for (auto const& text : texts) {
      BOOST_TEST(text.starts_with("actor \"account-1\" at version "), text);
      BOOST_TEST(
          (text.find("decide is broken") != std::string::npos || text.find("evolve is broken") != std::string::npos),
          text);
    }
    BOOST_TEST(versions == versions_between(1, 3), boost::test_tools::per_element());
    auto const balance = co_await a.query(&balance_of);
    BOOST_TEST(balance == 3);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(old_events_that_do_not_fit, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    auto const plain = make_event("Deposited", "account-1", 1, {{"reference", "x"}, {"amount", 1}});
    auto const unknown = make_event("Renamed", "account-1", 2);
    auto const breaks = make_event("Deposited", "account-2", 7, {{"reference", "break"}, {"amount", 1}});
    auto const wrong = make_event("Deposited", "account-3", 4, {{"reference", "x"}});
    for (auto const* e : {&plain, &unknown, &breaks, &wrong})
      co_await store->save_event(*e);
    actor_host host(executor, store);
    auto text = co_await text_of_thrown<error>(host.get<account>("account-1").execute<deposit>("ref", 1));
    BOOST_TEST(text.starts_with("actor \"account-1\" at version 2: \"Renamed\" is none of its event types"), text);
    text = co_await text_of_thrown<error>(host.get<account>("account-2").query(&balance_of));
    BOOST_TEST(text.starts_with("actor \"account-2\" at version 7: the stored event \"Deposited\": evolve is broken"),
               text);
    text = co_await text_of_thrown<error>(host.get<account>("account-3").query(&balance_of));
    BOOST_TEST(text.find("account-3") != std::string::npos, text);
    BOOST_TEST(text.find("amount") != std::string::npos, text);
    BOOST_TEST(host.metrics().actors == 0u); // none stays
    auto const invalid = co_await error_of(host.get<account>("").execute<deposit>("ref", 1));
    BOOST_TEST((invalid == errc::invalid_id));
    co_await host.close();

    actor_host_options options;
    options.skip_unknown_events = true;
    actor_host skips(executor, store, options);
    auto const a = skips.get<account>("account-1");
    auto const result = co_await a.execute<deposit>("ref", 1);
    BOOST_TEST(result.last_version == 3);
    auto const balance = co_await a.query(&balance_of);
    BOOST_TEST(balance == 2);
    co_await skips.close();
  });
}

BOOST_DATA_TEST_CASE(snapshots_shorten_the_way, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host_options options;
    options.snapshots = snapshot_policy::every(10);
    {
      actor_host host(executor, store, options);
      auto const a = host.get<account>("account-1");
      for (int i = 1; i <= 25; ++i)
        co_await a.with(with_id("c-" + std::to_string(i))).execute<deposit>("ref", 1);
      co_await host.close();
      BOOST_TEST(host.metrics().snapshots >= 1u);
    }
    auto kept = co_await store->find_snapshot("account-1");
    BOOST_REQUIRE(kept.has_value());
    BOOST_TEST(kept->version >= 10);
    // What stands in it is believed: a wrong one shows that it was used.
    kept->state["state"].as_object()["balance"] = 1'000;
    co_await store->save_snapshot(*kept);
    {
      actor_host host(executor, store, options);
      auto const a = host.get<account>("account-1");
      auto const balance = co_await a.query(&balance_of);
      BOOST_TEST(balance == 1'000 + 25 - kept->version);
      // And so are the ids of the commands before it.
      std::string const id = "c-" + std::to_string(kept->version);
      auto const repeated = co_await a.with(with_id(id)).execute<deposit>("ref", 1);
      BOOST_TEST(repeated.repeated);
      BOOST_TEST(repeated.last_version == kept->version);
      co_await host.close();
    }
    // Of another's making, or another version of the state: everything is replayed.
    for (auto const* change : {"stateVersion", "state", "commands"}) {
      auto foreign = *kept;
      foreign.version = 25;
      foreign.state[change] = "something else";
      co_await store->save_snapshot(foreign);
      actor_host host(executor, store, options);
      auto const balance = co_await host.get<account>("account-1").query(&balance_of);
      BOOST_TEST(balance == 25);
      co_await host.close();
    }
    actor_host host(executor, store, without_snapshots());
    auto const balance = co_await host.get<account>("account-1").query(&balance_of);
    BOOST_TEST(balance == 25);
    co_await host.close();
  });
}

BOOST_DATA_TEST_CASE(queries_are_as_fresh_as_was_asked_for, all_readers(), provider) {
  with_actors(provider, [](store_ptr store, asio::any_io_executor executor) -> awaitable<void> {
    actor_host here(executor, store), there(executor, store);
    auto const a = here.get<account>("account-1");
    auto const b = there.get<account>("account-1");
    co_await a.execute<deposit>("ref", 1);
    auto const seen = co_await b.query(&balance_of);
    BOOST_TEST(seen == 1);
    co_await a.execute<deposit>("ref", 10);
    auto const cached = co_await b.query(&balance_of);
    BOOST_TEST(cached == 1);
    auto const recent = co_await b.query(&balance_of, freshness::at_most(1h));
    BOOST_TEST(recent == 1);
    auto const fresh = co_await b.query(&balance_of, freshness::at_most(0ns));
    BOOST_TEST(fresh == 11);
    co_await a.execute<deposit>("ref", 100);
    auto const latest = co_await b.query(&balance_of, freshness::latest());
    BOOST_TEST(latest == 111);
    // A rejection rests on everything that was stored before the command came.
    co_await a.execute<deposit>("ref", 1'000);
    auto const taken = co_await b.execute<withdraw>(1'111);
    BOOST_TEST(taken.last_version == 5);
    // What a query throws is the caller's.
    auto const throws = [](account::state const&) -> int { throw std::runtime_error("a query"); };
    auto const text = co_await text_of_thrown<std::runtime_error>(b.query(throws));
    BOOST_TEST(text == "a query");
    co_await here.close();
    co_await there.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
