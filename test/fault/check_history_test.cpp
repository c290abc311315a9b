// The checker, on histories that are right but for one thing: each rule is broken once, and only what breaks it is
// told.
#include "fault/check_history.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <ostream>

BOOST_AUTO_TEST_SUITE(check_history_rules)

using namespace aether::fault;

namespace {

written_event event_of(std::int64_t version, std::string id) {
  written_event e;
  e.version = version;
  e.digest = digest_of(id);
  e.id = std::move(id);
  return e;
}

// A run of two processes on one actor: 1 saves a and b, 2 is refused with x, saves c, and both read.
struct run {
  std::vector<operation> operations;
  std::vector<stored_message> messages;

  operation& save(std::uint32_t process, std::int64_t version, std::string id, call_end end, std::uint64_t sequence) {
    auto& o = call(process, call_kind::save, end);
    o.events.push_back(event_of(version, std::move(id)));
    o.sequence = sequence;
    o.version = sequence ? version : 0;
    return o;
  }
  operation& refused(std::uint32_t process, std::int64_t version, std::string id, std::int64_t current) {
    auto& o = save(process, version, std::move(id), call_end::conflict, 0);
    o.version = current;
    return o;
  }
  operation& latest(std::uint32_t process, std::int64_t version) {
    auto& o = call(process, call_kind::latest_version, call_end::answered);
    o.version = version;
    return o;
  }
  operation& read(std::uint32_t process, std::vector<written_event> events) {
    auto& o = call(process, call_kind::get_events, call_end::answered);
    o.events = std::move(events);
    return o;
  }
  void stored(std::uint64_t sequence, std::int64_t version, std::string id) {
    stored_message m;
    m.sequence = sequence;
    m.actor_id = "order-1";
    m.event = event_of(version, std::move(id));
    messages.push_back(std::move(m));
  }
  operation& call(std::uint32_t process, call_kind kind, call_end end) {
    auto& o = operations.emplace_back();
    o.process = process;
    o.number = operations.size();
    o.kind = kind;
    o.actor_id = "order-1";
    o.invoked = clock += 10;
    o.returned = end == call_end::open ? 0 : clock += 10;
    o.end = end;
    return o;
  }
  verdict check() const { return check_history(operations, messages); }

  std::int64_t clock = 0;
};

run good_run() {
  run r;
  r.operations.reserve(64);
  r.save(1, 1, "a", call_end::saved, 3);
  r.save(1, 2, "b", call_end::saved, 5);
  r.refused(2, 2, "x", 2);
  r.save(2, 3, "c", call_end::saved, 6);
  r.latest(1, 3);
  r.read(2, {event_of(1, "a"), event_of(2, "b"), event_of(3, "c")});
  r.stored(3, 1, "a");
  r.stored(5, 2, "b");
  r.stored(6, 3, "c");
  return r;
}

std::vector<rule> broken_in(run const& r) {
  std::vector<rule> broken;
  for (auto const& v : r.check().violations)
    if (std::find(broken.begin(), broken.end(), v.broken) == broken.end())
      broken.push_back(v.broken);
  std::sort(broken.begin(), broken.end());
  return broken;
}

std::string names(std::vector<rule> const& rules) {
  std::string all;
  for (auto const r : rules)
    all += std::string(all.empty() ? "" : "; ") + to_string(r);
  return all;
}

struct row {
  char const* what;
  std::function<void(run&)> change;
  std::vector<rule> broken;
};

std::vector<row> rows() {
  return {
      {"nothing", [](run&) {}, {}},
      {"an acknowledged event is gone, which the reads before saw",
       [](run& r) {
         r.messages.pop_back();
         r.operations.resize(4);
       },
       {rule::saved_event_is_stored}},
      {"an acknowledged event has other bytes",
       [](run& r) {
         r.messages[2].event.digest ^= 1;
         r.operations.resize(4);
       },
       {rule::saved_event_is_stored, rule::known_origin}},
      {"a version is told wrong", [](run& r) { r.operations[3].version = 2; }, {rule::saved_event_is_stored}},
      {"a sequence is told wrong", [](run& r) { r.operations[3].sequence = 7; }, {rule::saved_event_is_stored}},
      {"an event is stored twice", [](run& r) { r.stored(7, 3, "c"); }, {rule::stored_once, rule::versions_increase}},
      {"two events win a version, one of them stored",
       [](run& r) { r.save(1, 3, "d", call_end::saved, 6); },
       {rule::saved_event_is_stored, rule::one_success_per_version, rule::real_time_order}},
      {"two events win a version, both stored",
       [](run& r) {
         r.save(1, 3, "d", call_end::saved, 7);
         r.stored(7, 3, "d");
       },
       {rule::stored_once, rule::one_success_per_version, rule::versions_increase}},
      {"a failed event is stored",
       [](run& r) {
         r.save(1, 4, "d", call_end::failed, 0);
         r.stored(7, 4, "d");
       },
       {rule::refused_is_not_stored}},
      {"a failed event that was then saved is stored",
       [](run& r) {
         r.save(1, 4, "d", call_end::failed, 0);
         r.save(1, 4, "d", call_end::saved, 7);
         r.stored(7, 4, "d");
       },
       {}},
      {"a failed event is found when it is saved again",
       [](run& r) {
         r.save(1, 4, "d", call_end::failed, 0);
         r.save(1, 4, "d", call_end::already_saved, 7);
         r.stored(7, 4, "d");
       },
       {rule::refused_is_not_stored}},
      {"an unknown event fails when it is saved again",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(1, 4, "d", call_end::failed, 0);
         r.stored(7, 4, "d");
       },
       {rule::unknown_until_resolved}},
      {"an unknown event fails and was saved all the same",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(1, 4, "d", call_end::failed, 0);
         r.save(1, 4, "d", call_end::already_saved, 7);
         r.stored(7, 4, "d");
       },
       {rule::unknown_until_resolved}},
      {"an unknown event that was never stored may fail",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(1, 4, "d", call_end::failed, 0);
       },
       {}},
      {"an unknown event that was proved not to be stored may fail, and be saved then",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(1, 4, "d", call_end::failed, 0);
         r.save(1, 4, "d", call_end::saved, 7);
         r.stored(7, 4, "d");
       },
       {}},
      {"an unknown event that was resolved may fail",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(2, 4, "e", call_end::saved, 7);
         r.refused(1, 4, "d", 4);
         r.save(1, 4, "d", call_end::failed, 0);
         r.stored(7, 4, "e");
       },
       {}},
      {"a refused event is stored",
       [](run& r) {
         r.refused(1, 4, "d", 3);
         r.stored(7, 4, "d");
       },
       {rule::refused_is_not_stored, rule::no_conflict_with_oneself, rule::conflict_is_explained}},
      {"a conflict against one's own earlier attempt",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.refused(1, 4, "d", 4);
         r.stored(7, 4, "d");
       },
       {rule::no_conflict_with_oneself}},
      {"the same with an expectation",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0).expected_version = 3;
         r.refused(1, 4, "d", 4).expected_version = 3;
         r.stored(7, 4, "d");
       },
       {rule::no_conflict_with_oneself}},
      {"an unknown event is stored, or not",
       [](run& r) {
         r.save(1, 4, "d", call_end::unknown, 0);
         r.save(1, 5, "e", call_end::unknown, 0);
         r.stored(7, 5, "e");
       },
       {}},
      {"a killed process's event is stored", // its call is open for ever
       [](run& r) {
         r.save(1, 4, "d", call_end::open, 0);
         r.stored(7, 4, "d");
       },
       {}},
      {"a conflict with a version that is not there",
       [](run& r) { r.refused(1, 4, "d", 9); },
       {rule::conflict_is_explained}},
      {"a conflict with a version that is no obstacle",
       [](run& r) { r.refused(1, 4, "d", 3); },
       {rule::conflict_is_explained}},
      {"a conflict with what was written only later",
       [](run& r) {
         r.refused(1, 4, "d", 4);
         r.save(2, 4, "e", call_end::saved, 7);
         r.stored(7, 4, "e");
       },
       {rule::conflict_is_explained}},
      {"an expectation that was not met is a conflict",
       [](run& r) { r.refused(1, 9, "d", 3).expected_version = 8; },
       {}},
      {"an expectation is measured by a version that has been passed",
       [](run& r) { r.refused(1, 9, "d", 2).expected_version = 8; },
       {rule::conflict_is_explained}},
      {"an expectation that was met is none",
       [](run& r) { r.refused(1, 9, "d", 3).expected_version = 3; },
       {rule::conflict_is_explained}},
      {"a gap is a conflict of a contiguous writer", [](run& r) { r.refused(1, 9, "d", 3).contiguous = true; }, {}},
      {"a version is lower than the one before",
       [](run& r) { std::swap(r.messages[0].event, r.messages[1].event); },
       {rule::saved_event_is_stored, rule::versions_increase, rule::read_is_stored}},
      {"stored against its expectation",
       [](run& r) {
         r.save(1, 9, "d", call_end::saved, 7).expected_version = 8;
         r.stored(7, 9, "d");
       },
       {rule::expectation_holds}},
      {"stored against its expectation, after a call without one had failed",
       [](run& r) {
         r.save(1, 9, "d", call_end::failed, 0);
         r.save(1, 9, "d", call_end::saved, 7).expected_version = 8;
         r.stored(7, 9, "d");
       },
       {rule::expectation_holds}},
      {"stored as expected",
       [](run& r) {
         r.save(1, 9, "d", call_end::saved, 7).expected_version = 3;
         r.stored(7, 9, "d");
       },
       {}},
      {"stored behind a gap by a contiguous writer",
       [](run& r) {
         r.save(1, 9, "d", call_end::saved, 7).contiguous = true;
         r.stored(7, 9, "d");
       },
       {rule::expectation_holds}},
      {"saved later, stands before",
       [](run& r) {
         auto& o = r.save(2, 4, "d", call_end::saved, 7);
         o.invoked = 1, o.returned = 2; // before everything else
         r.stored(7, 4, "d");
         r.operations.erase(r.operations.begin() + 4, r.operations.begin() + 6);
       },
       {rule::real_time_order}},
      {"an event that nobody wrote", [](run& r) { r.stored(7, 4, "z"); }, {rule::known_origin}},
      {"a read misses what was acknowledged",
       [](run& r) { r.latest(7, 2); },
       {rule::read_sees_acknowledged, rule::read_never_goes_back}},
      {"a list misses what was acknowledged",
       [](run& r) { r.read(7, {event_of(1, "a"), event_of(2, "b")}); },
       {rule::read_sees_acknowledged, rule::read_never_goes_back}},
      {"a process reads less than before",
       [](run& r) {
         r.save(3, 4, "d", call_end::unknown, 0);
         r.stored(7, 4, "d");
         r.latest(1, 4);
         r.latest(1, 3);
       },
       {rule::read_never_goes_back}},
      {"another process reads less, of what was never acknowledged",
       [](run& r) {
         r.save(3, 4, "d", call_end::unknown, 0);
         r.stored(7, 4, "d");
         r.latest(1, 4);
         r.latest(2, 3);
       },
       {rule::read_never_goes_back}},
      {"a list from a version on",
       [](run& r) { r.read(1, {event_of(2, "b"), event_of(3, "c")}).expected_version = 1; },
       {}},
      {"a list from a version on, too short",
       [](run& r) { r.read(1, {event_of(2, "b")}).expected_version = 1; },
       {rule::read_sees_acknowledged, rule::read_never_goes_back}},
      {"a read invents a version", [](run& r) { r.latest(1, 4); }, {rule::read_is_stored}},
      {"a list leaves one out",
       [](run& r) { r.read(1, {event_of(1, "a"), event_of(3, "c")}); },
       {rule::read_is_stored}},
      {"a batch stands side by side",
       [](run& r) {
         auto& o = r.save(1, 4, "d", call_end::saved, 8);
         o.events.push_back(event_of(5, "e"));
         o.version = 5;
         r.stored(7, 4, "d");
         r.stored(8, 5, "e");
       },
       {}},
      {"half a batch",
       [](run& r) {
         auto& o = r.save(1, 4, "d", call_end::saved, 8);
         o.events.push_back(event_of(5, "e"));
         o.version = 5;
         r.stored(8, 5, "e");
       },
       {rule::saved_event_is_stored}},
  };
}

} // namespace

BOOST_AUTO_TEST_CASE(each_rule_goes_red_and_nothing_else) {
  for (auto const& r : rows()) {
    auto history = good_run();
    r.change(history);
    auto expected = r.broken;
    std::sort(expected.begin(), expected.end());
    BOOST_TEST(names(broken_in(history)) == names(expected), r.what);
  }
}

BOOST_AUTO_TEST_CASE(every_rule_has_a_row) {
  std::vector<rule> seen;
  for (auto const& r : rows())
    seen.insert(seen.end(), r.broken.begin(), r.broken.end());
  for (int i = 0; i <= static_cast<int>(rule::read_is_stored); ++i)
    BOOST_TEST((std::find(seen.begin(), seen.end(), static_cast<rule>(i)) != seen.end()),
               to_string(static_cast<rule>(i)));
}

BOOST_AUTO_TEST_CASE(with_replicas_a_leader_that_is_none_may_answer_for_a_while) {
  constexpr std::int64_t second = 1'000'000'000;
  auto history = good_run();
  auto& o = history.latest(7, 2);
  o.invoked = 100 * second;
  o.returned = 101 * second;
  auto const stale_with = [&](fault_window const& fault, bool replicated) {
    auto const v = check_history(history.operations, history.messages, {fault}, replicated);
    return v.violations.empty() && v.counts.stale > 0;
  };
  fault_window const just_healed{80 * second, 95 * second};
  BOOST_TEST(stale_with(just_healed, true));
  BOOST_TEST(!stale_with(just_healed, false));
  BOOST_TEST(!stale_with({70 * second, 85 * second}, true));
  BOOST_TEST(!stale_with({80 * second, 95 * second, false}, true));
}

BOOST_AUTO_TEST_CASE(actors_are_apart) {
  auto history = good_run();
  auto other = good_run();
  for (auto& o : other.operations)
    o.actor_id = "order-2";
  for (auto& m : other.messages) {
    m.actor_id = "order-2";
    m.sequence += 10;
  }
  for (auto& o : other.operations)
    if (o.sequence)
      o.sequence += 10;
  history.operations.insert(history.operations.end(), other.operations.begin(), other.operations.end());
  history.messages.insert(history.messages.end(), other.messages.begin(), other.messages.end());
  BOOST_TEST(names(broken_in(history)) == "");
}

BOOST_AUTO_TEST_CASE(it_counts_how_calls_ended_and_which_met_a_fault) {
  auto history = good_run();
  history.save(1, 4, "d", call_end::unknown, 0);
  history.save(1, 5, "e", call_end::failed, 0);
  history.save(1, 6, "f", call_end::already_saved, 7);
  history.stored(7, 6, "f");
  history.save(1, 7, "g", call_end::open, 0);
  fault_window const fault{history.operations[6].invoked + 1, history.operations[6].returned - 1};
  auto const v = check_history(history.operations, history.messages, {fault});
  BOOST_TEST(v.counts.saved == 3u);
  BOOST_TEST(v.counts.already_saved == 1u);
  BOOST_TEST(v.counts.conflicts == 1u);
  BOOST_TEST(v.counts.unknown == 1u);
  BOOST_TEST(v.counts.failed == 1u);
  BOOST_TEST(v.counts.open == 1u);
  BOOST_TEST(v.counts.reads == 2u);
  BOOST_TEST(v.counts.met_a_fault == 1u);
  BOOST_TEST(v.counts.faults_met == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
