// Actors under every fault at once: clients of two hosts of the same actors that repeat their commands, give them up
// and are cancelled, over hundreds of seeds. What each was told is compared with what is stored in the end.
#include "faulty_world.hpp"

#include <aether/task_group.hpp>
#include <support/account.hpp>

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(actor_faults)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;

namespace {

enum class end {
  none,     ///< not told yet
  stored,   ///< and where
  rejected, ///< by the decider
  given_up, ///< when it was told last that nothing was stored
};

/// One command, and what its client was told in the end.
struct told {
  std::string id, actor;
  int kind = 0;
  end how = end::none;
  command_result as;
  bool was_open = false; ///< a try was cancelled, or told that it is unknown: its events may come late

  told() = default;
};

fault_plan every_fault(std::uint64_t seed) {
  fault_plan plan;
  plan.seed = seed;
  plan.lose_acknowledgement = 0.1;
  plan.lose_request = 0.1;
  plan.store_late = 0.1;
  plan.fail_save = 0.05;
  plan.conflict = 0.1;
  plan.fail_read = 0.1;
  plan.outage = 0.05;
  plan.max_delay = 200ms;
  plan.max_lateness = 5s;
  plan.max_outage = 4s;
  plan.answer_wait = 1s;
  plan.operation_timeout = 2s;
  plan.rival_type = "Deposited";
  plan.rival_data = {{"reference", "rival"}, {"amount", 1}};
  return plan;
}

struct campaign {
  faulty_world world;
  fault_injecting_store other;
  std::mt19937_64 random;
  std::vector<actor_host> hosts;
  std::vector<told> log;
  int queries = 0;

  explicit campaign(std::uint64_t seed)
      : world(every_fault(seed)), other(world.context.get_executor(), world.clock, world.inner, every_fault(seed + 1)),
        random(seed) {
    actor_host_options options;
    options.time = std::make_shared<virtual_clock>(world.clock);
    options.random = [this] { return static_cast<double>(random() % 1000) / 1000; };
    options.command_timeout = 24h; // of real time: what is repeated is never out of time
    options.max_conflicts = 3;
    options.snapshots = snapshot_policy::every(5);
    options.idle_after = 2s;
    options.max_actors = 2;
    hosts.emplace_back(world.context.get_executor(), std::make_shared<fault_injecting_store>(world.store), options);
    hosts.emplace_back(world.context.get_executor(), std::make_shared<fault_injecting_store>(other), options);
  }
  bool chance(int percent) { return static_cast<int>(random() % 100) < percent; }
};

// One try: what it was told stands in `t`; none: to be tried again.
awaitable<void> try_once(campaign& c, told& t, int host, bool is_repeated) {
  auto options = with_id(t.id);
  options.maybe_repeated = is_repeated;
  auto const a = c.hosts[static_cast<std::size_t>(host)].get<account>(t.actor).with(std::move(options));
  try {
    command_outcome outcome;
    if (t.kind == 0)
      outcome = co_await a.try_execute<deposit>("ref", 5);
    else if (t.kind == 1)
      outcome = co_await a.try_execute<withdraw>(4);
    else
      outcome = co_await a.try_execute<deposit_in_parts>(3, 3);
    if (auto const* const as = std::get_if<command_result>(&outcome)) {
      t.how = end::stored;
      t.as = *as;
    } else {
      t.how = end::rejected;
    }
  } catch (error const& e) {
    t.was_open = t.was_open || e.code() == errc::outcome_unknown;
    if (!is_retryable(e.code()) && e.code() != errc::version_conflict)
      throw;
  }
}

awaitable<void> try_and_cancel(campaign& c, told& t, int host, bool is_repeated) {
  task_group group(c.world.context.get_executor());
  group.spawn(try_once(c, t, host, is_repeated));
  co_await c.world.clock.sleep_for(std::chrono::milliseconds(c.random() % 400));
  group.cancel();
  co_await group.join();
  t.was_open = t.was_open || t.how == end::none;
}

awaitable<void> ask(campaign& c, std::string actor) {
  auto const a = c.hosts[c.random() % 2].get<account>(std::move(actor));
  int looked = 0;
  auto const look = [&looked](account::state const& s) { // the frame is gone when it comes too late
    ++looked;
    return s.balance;
  };
  boost::system::error_code thrown;
  try {
    (void)co_await a.query(look, c.chance(50) ? freshness::latest() : freshness::cached());
    ++c.queries;
    BOOST_TEST(looked == 1);
  } catch (error const& e) {
    thrown = e.code();
  }
  BOOST_TEST((!thrown || is_retryable(thrown)), thrown);
}

awaitable<void> ask_and_cancel(campaign& c, std::string actor) {
  task_group group(c.world.context.get_executor());
  group.spawn(ask(c, std::move(actor)));
  co_await c.world.clock.sleep_for(std::chrono::milliseconds(c.random() % 400));
  group.cancel();
  co_await group.join();
}

awaitable<void> send(campaign& c, int client) {
  for (int round = 0; round < 8; ++round) {
    told t;
    t.id = std::to_string(client) + "-" + std::to_string(round);
    t.actor = "account-" + std::to_string(c.random() % 3);
    t.kind = static_cast<int>(c.random() % 3);
    int const patience = c.chance(80) ? 100 : 1 + static_cast<int>(c.random() % 2);
    int host = client % 2;
    for (int tries = 0; t.how == end::none && tries < patience; ++tries) {
      if (c.chance(20))
        host = 1 - host;
      if (c.chance(15))
        co_await try_and_cancel(c, t, host, tries > 0);
      else
        co_await try_once(c, t, host, tries > 0);
      if (c.chance(20))
        co_await ask_and_cancel(c, t.actor);
      else if (c.chance(20))
        co_await ask(c, t.actor);
      if (t.how == end::none)
        co_await c.world.clock.sleep_for(std::chrono::milliseconds(c.random() % 500));
    }
    if (t.how == end::none)
      t.how = end::given_up;
    c.log.push_back(std::move(t));
  }
}

using histories = std::map<std::string, std::vector<event>>;

void check_end(told const& t, histories const& stored) {
  auto const expected = t.kind == 2 ? 3u : 1u;
  std::vector<std::int64_t> versions;
  for (auto const& [actor, events] : stored)
    for (event const& e : events)
      if (e.command_id == t.id) {
        BOOST_TEST(actor == t.actor);
        versions.push_back(e.version);
      }
  BOOST_TEST((versions.empty() || versions.size() == expected), t.id << " stored " << versions.size());
  if (!versions.empty())
    BOOST_TEST(versions.back() - versions.front() + 1 == static_cast<std::int64_t>(expected));
  if (t.how == end::stored) {
    BOOST_TEST_REQUIRE(!versions.empty(), t.id << " is not there");
    BOOST_TEST(t.as.first_version == versions.front());
    BOOST_TEST(t.as.last_version == versions.back());
  } else if (!t.was_open) {
    BOOST_TEST(versions.empty(), t.id << " is there, and its client was told that it is not");
  }
}

awaitable<void> run_campaign(campaign& c) {
  task_group group(c.world.context.get_executor());
  for (int client = 0; client < 8; ++client)
    group.spawn(send(c, client));
  co_await group.join();
  for (auto& host : c.hosts) {
    co_await host.close();
    BOOST_TEST(host.metrics().waiting == 0u);
    BOOST_TEST(host.metrics().actors == 0u);
  }
  co_await c.world.clock.sleep_for(1h); // what is late arrives after that too

  histories stored;
  for (auto const* actor : {"account-0", "account-1", "account-2"}) {
    auto events = co_await c.world.inner->get_events(actor);
    std::int64_t version = 0, balance = 0;
    for (event const& e : events) {
      BOOST_TEST(e.version == ++version);
      auto const amount = e.data.at("amount").to_number<std::int64_t>();
      balance += e.event_type == "Withdrawn" ? -amount : amount;
      BOOST_TEST(balance >= 0);
    }
    actor_host fresh(c.world.context.get_executor(), c.world.inner); // from snapshots, wherever they are
    auto const seen = co_await fresh.get<account>(actor).query(&balance_of);
    BOOST_TEST(seen == balance);
    co_await fresh.close();
    stored.emplace(actor, std::move(events));
  }
  for (told const& t : c.log)
    check_end(t, stored);
}

std::string trace(campaign& c) {
  std::string out;
  for (told const& t : c.log)
    out += t.id + ":" + std::to_string(static_cast<int>(t.how)) + "@" + std::to_string(t.as.last_version) + " ";
  return out + std::to_string(c.world.clock.elapsed().count());
}

#ifdef AETHER_TEST_SANITIZED
constexpr std::uint64_t seeds = 60, often = 30;
#else
constexpr std::uint64_t seeds = 500, often = 300;
#endif

BOOST_AUTO_TEST_CASE(every_command_counts_once) {
  fault_counts sum;
  actor_metrics did;
  std::map<end, std::uint64_t> ends;
  std::uint64_t repeated = 0, open = 0, queries = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    campaign c(seed);
    BOOST_TEST_CONTEXT("seed " << seed) {
      c.world.run([&] { return run_campaign(c); });
    }
    for (auto const& counts : {c.world.store.counts(), c.other.counts()}) {
      sum.lost_acknowledgements += counts.lost_acknowledgements;
      sum.stored_late += counts.stored_late;
      sum.conflicts += counts.conflicts;
      sum.held_up += counts.held_up;
      sum.failures += counts.failures;
    }
    for (auto const& host : c.hosts) {
      auto const m = host.metrics();
      did.batches += m.batches;
      did.stored += m.stored;
      did.conflicts += m.conflicts;
      did.evictions += m.evictions;
      did.snapshots += m.snapshots;
    }
    for (told const& t : c.log) {
      ++ends[t.how];
      repeated += t.as.repeated;
      open += t.was_open;
    }
    queries += static_cast<std::uint64_t>(c.queries);
  }
  for (auto const count : {sum.lost_acknowledgements, sum.stored_late, sum.conflicts, sum.held_up, sum.failures,
                           did.stored, did.conflicts, did.evictions, did.snapshots, repeated, open, queries})
    BOOST_TEST(count > often);
  BOOST_TEST(did.batches < did.stored); // some were saved together
  for (end const how : {end::stored, end::rejected, end::given_up})
    BOOST_TEST(ends[how] > often / 3, static_cast<int>(how));
}

BOOST_AUTO_TEST_CASE(the_same_seed_brings_the_same_ends) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    campaign one(seed), two(seed);
    one.world.run([&] { return run_campaign(one); });
    two.world.run([&] { return run_campaign(two); });
    BOOST_TEST(trace(one) == trace(two));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
