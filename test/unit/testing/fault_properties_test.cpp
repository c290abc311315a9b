// The contract under every fault at once: writers that retry, give up and are cancelled, in two stores before one, over
// a thousand seeds. What each was told is compared with what is stored when everything late has arrived.
#include "faulty_world.hpp"

#include <aether/task_group.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(fault_injecting_store_properties)

using namespace aether;
using namespace aether::test;
using namespace aether::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

enum class end {
  none, ///< not told yet
  saved, ///< and where
  conflict, ///< with which current version
  refused, ///< given up when it was told last that nothing was stored
  unknown, ///< given up when it was told last that this is unknown
  cancelled, ///< given up after it was cancelled
};

/// One event or batch and what its writer was told in the end.
struct told {
  std::vector<event> events;
  end how = end::none;
  saved as;
  std::int64_t current = 0;
  end last = end::none; ///< of a try that told nothing final
  bool was_open = false; ///< a try was told that it is unknown: so are all that fail later
  int store = 0;

  told() = default;
};

using records = std::vector<told>;

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
  return plan;
}

/// What all writers of a run share.
struct campaign {
  faulty_world world;
  fault_injecting_store other;
  records log;
  std::mt19937_64 random;

  explicit campaign(std::uint64_t seed)
      : world(every_fault(seed)), other(world.context.get_executor(), world.clock, world.inner, every_fault(seed + 1)),
        random(seed) {}

  fault_injecting_store& store(int which) { return which == 0 ? world.store : other; }
  bool chance(int percent) { return static_cast<int>(random() % 100) < percent; }
};

// One try: how it ended, as far as the writer can tell. `none`: to be tried again.
awaitable<void> try_once(campaign& c, told& t, save_options options) {
  fault_injecting_store store = c.store(t.store);
  std::vector<event> events = t.events;
  try {
    save_outcome outcome;
    if (events.size() > 1)
      outcome = co_await store.try_save_events(std::move(events), options);
    else
      outcome = co_await store.try_save_event(std::move(events[0]), options);
    if (auto const* as = std::get_if<saved>(&outcome)) {
      t.how = end::saved;
      t.as = *as;
    } else {
      t.how = end::conflict;
      t.current = std::get<version_conflict>(outcome).current_version;
    }
  } catch (error const& e) {
    bool const is_unknown = e.code() == errc::outcome_unknown;
    if (t.was_open && !is_unknown)
      BOOST_ERROR("an unanswered attempt was forgotten: " << e.what());
    t.was_open = is_unknown;
    t.last = is_unknown ? end::unknown : end::refused;
    if (!is_retryable(e.code()))
      throw;
  }
}

// A try that is cancelled, unless it ends before: whether it was handed over only the store knows.
awaitable<void> try_and_cancel(campaign& c, told& t, save_options options) {
  t.last = end::cancelled;
  task_group group(c.world.context.get_executor());
  group.spawn(try_once(c, t, options));
  co_await c.world.clock.sleep_for(std::chrono::milliseconds(c.random() % 400));
  group.cancel();
  co_await group.join();
}

awaitable<std::int64_t> read_version(campaign& c, int store, std::string actor) {
  std::int64_t version = -1;
  while (version < 0) {
    fault_injecting_store from = c.store(store);
    boost::system::error_code thrown;
    try {
      version = co_await from.latest_version(actor);
    } catch (error const& e) {
      thrown = e.code();
    }
    if (thrown)
      BOOST_TEST(is_retryable(thrown));
  }
  co_return version;
}

std::vector<event> next_events(campaign& c, std::string const& actor, std::int64_t version, std::string const& id) {
  std::int64_t const count = c.chance(25) ? 3 : 1;
  version += c.chance(20) ? 2 : 1;
  std::vector<event> events;
  for (std::int64_t i = 0; i < count; ++i)
    events.push_back(event_of(actor, version + i, id + "-" + std::to_string(i)));
  return events;
}

awaitable<void> write(campaign& c, int writer) {
  int const store = writer % 2;
  for (int round = 0; round < 8; ++round) {
    std::string const actor = "order-" + std::to_string(c.random() % 2);
    std::int64_t const version = co_await read_version(c, store, actor);
    told t;
    t.store = store;
    t.events = next_events(c, actor, version, std::to_string(writer) + "-" + std::to_string(round));
    int const patience = c.chance(80) ? 30 : 1 + static_cast<int>(c.random() % 3);
    for (int tries = 0; t.how == end::none && tries < patience; ++tries) {
      save_options options;
      if (c.chance(30))
        options.expected_version = version;
      if (c.chance(15))
        co_await try_and_cancel(c, t, options);
      else
        co_await try_once(c, t, options);
      if (t.how == end::none)
        co_await c.world.clock.sleep_for(std::chrono::milliseconds(c.random() % 1000));
    }
    if (t.how == end::none)
      t.how = t.last;
    c.log.push_back(std::move(t));
  }
}

awaitable<void> write_snapshots(campaign& c, std::int64_t& acknowledged) {
  for (std::int64_t version = 1; version <= 8; ++version) {
    boost::system::error_code const thrown =
        co_await error_of(c.world.store.save_snapshot(snapshot_of("order-0", version, version)));
    if (!thrown)
      acknowledged = version;
    else
      BOOST_TEST(is_retryable(thrown));
    co_await c.world.clock.sleep_for(500ms);
  }
}

struct found {
  std::map<std::string, std::vector<event>> by_actor;
  std::multiset<std::string> ids;
};

void check_end(told const& t, found const& stored) {
  std::vector<event> const& history = stored.by_actor.at(t.events[0].actor_id);
  auto const is_stored = [&](event const& e) {
    return std::any_of(history.begin(), history.end(),
                       [&](event const& other) { return other.id == e.id && other.version == e.version; });
  };
  auto const there = std::count_if(t.events.begin(), t.events.end(), is_stored);
  BOOST_TEST((there == 0 || there == static_cast<std::ptrdiff_t>(t.events.size())), "a part was stored");
  switch (t.how) {
  case end::saved:
    BOOST_TEST(there > 0, "saved, but " << t.events[0].id << " is not there");
    BOOST_TEST(t.as.version == t.events.back().version);
    break;
  case end::conflict: {
    BOOST_TEST(there == 0, "a conflict, but " << t.events[0].id << " is there");
    auto const winner =
        std::find_if(history.begin(), history.end(), [&](event const& e) { return e.version == t.current; });
    BOOST_TEST((winner != history.end() || t.current == 0), "nobody won at " << t.current);
    break;
  }
  case end::refused:
    BOOST_TEST(there == 0, "refused, but " << t.events[0].id << " is there");
    break;
  case end::unknown:
  case end::cancelled:
    break;
  case end::none:
    BOOST_ERROR("no end");
    break;
  }
}

// The store that said "unknown" last says at its end which ones those are.
void check_report(records const& log, int store, close_report const& report) {
  std::set<std::string> reported;
  for (unknown_save const& u : report.unknown)
    reported.insert(u.event_id);
  for (told const& t : log)
    for (event const& e : t.events) {
      if (t.store != store)
        continue;
      if (t.how == end::unknown)
        BOOST_TEST(reported.contains(e.id), "not reported: " << e.id);
      if (t.how == end::saved || t.how == end::conflict || t.how == end::refused)
        BOOST_TEST(!reported.contains(e.id), "reported: " << e.id);
    }
}

void add(fault_counts& sum, fault_counts const& c) {
  for (auto const member :
       {&fault_counts::saves, &fault_counts::snapshots, &fault_counts::reads, &fault_counts::lost_acknowledgements,
        &fault_counts::lost_requests, &fault_counts::sent_late, &fault_counts::stored_late,
        &fault_counts::came_too_late, &fault_counts::conflicts, &fault_counts::failures, &fault_counts::delays,
        &fault_counts::outages, &fault_counts::held_up, &fault_counts::unknown, &fault_counts::timed_out})
    sum.*member += c.*member;
}

awaitable<void> run_campaign(campaign& c) {
  std::int64_t acknowledged = 0;
  task_group group(c.world.context.get_executor());
  for (int writer = 0; writer < 4; ++writer)
    group.spawn(write(c, writer));
  group.spawn(write_snapshots(c, acknowledged));
  co_await group.join();
  for (int store = 0; store < 2; ++store) {
    close_report const report = co_await c.store(store).close();
    check_report(c.log, store, report);
  }
  co_await c.world.clock.sleep_for(1h); // what is late arrives after that too

  found stored;
  for (std::string const actor : {"order-0", "order-1"}) {
    std::vector<event> events = co_await c.world.inner->get_events(actor);
    for (event const& e : events)
      stored.ids.insert(e.id);
    stored.by_actor.emplace(actor, std::move(events));
  }
  for (std::string const& id : stored.ids)
    BOOST_TEST(stored.ids.count(id) == 1u, id << " is stored twice");
  for (told const& t : c.log)
    check_end(t, stored);
  std::optional<actor_snapshot> const snapshot = co_await c.world.inner->find_snapshot("order-0");
  BOOST_TEST((snapshot ? snapshot->version : 0) >= acknowledged);
}

/// What a run did, to compare it with another one.
std::string trace(campaign& c) {
  std::string out;
  for (told const& t : c.log)
    out += t.events[0].id + ":" + std::to_string(static_cast<int>(t.how)) + "@" + std::to_string(t.as.sequence) + " ";
  return out + std::to_string(c.world.clock.elapsed().count());
}

} // namespace

BOOST_AUTO_TEST_CASE(nobody_is_told_what_is_not_so) {
  fault_counts sum;
  std::map<end, int> ends;
  int already = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    campaign c(seed);
    BOOST_TEST_CONTEXT("seed " << seed) {
      c.world.run([&] { return run_campaign(c); });
    }
    add(sum, c.world.store.counts());
    add(sum, c.other.counts());
    for (told const& t : c.log) {
      ++ends[t.how];
      already += t.how == end::saved && t.as.already_saved;
    }
  }
  constexpr std::uint64_t often = 1000;
  BOOST_TEST(sum.lost_acknowledgements > often);
  BOOST_TEST(sum.lost_requests > often);
  BOOST_TEST(sum.sent_late > often);
  BOOST_TEST(sum.stored_late > often);
  BOOST_TEST(sum.came_too_late > often);
  BOOST_TEST(sum.conflicts > often);
  BOOST_TEST(sum.failures > often);
  BOOST_TEST(sum.delays > often);
  BOOST_TEST(sum.outages > often);
  BOOST_TEST(sum.held_up > often);
  BOOST_TEST(sum.unknown > often);
  BOOST_TEST(sum.timed_out > often);
  BOOST_TEST(already > 1000);
  for (end const how : {end::saved, end::conflict, end::refused, end::unknown, end::cancelled})
    BOOST_TEST(ends[how] > 100, static_cast<int>(how));
}

BOOST_AUTO_TEST_CASE(the_same_seed_and_the_same_calls_meet_the_same_faults) {
  std::set<std::string> traces;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    campaign one(seed), two(seed);
    one.world.run([&] { return run_campaign(one); });
    two.world.run([&] { return run_campaign(two); });
    BOOST_TEST(trace(one) == trace(two));
    BOOST_TEST((one.world.store.counts() == two.world.store.counts()));
    traces.insert(trace(one));
  }
  BOOST_TEST(traces.size() == 50u);
}

BOOST_AUTO_TEST_SUITE_END()
