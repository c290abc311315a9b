// Journals as rows, and how a workflow is by its last events.
#include "cli/journal_view.hpp"

#include <aether/error.hpp>
#include <aether/typed_event.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(cli_journal)

using namespace aether;
using namespace aether::cli;
using journal::entry_kind;

namespace {

/// Events of one journal, a second apart.
struct written_journal {
  std::vector<recorded_event> events;

  template <class T> written_journal& add(T const& body, std::string id = {}) {
    recorded_event e;
    auto const version = static_cast<std::int64_t>(events.size()) + 1;
    e.event = to_event("charge-7", version, body);
    if (!id.empty())
      e.event.id = std::move(id);
    e.sequence = 10 + static_cast<std::uint64_t>(version);
    e.stored = time_point(std::chrono::seconds(version));
    events.push_back(std::move(e));
    return *this;
  }

  std::vector<boost::json::object> rows(journal_view& view) const {
    std::vector<boost::json::object> out;
    for (auto const& e : events)
      for (auto const& r : view.on_event(e))
        out.push_back(boost::json::parse(r.to_json()).as_object());
    return out;
  }

  workflow_status status() const {
    workflow_status s;
    for (auto const& e : events)
      apply(s, e.event, e.stored);
    return s;
  }
};

journal::started started(std::string host = "a") {
  journal::started b;
  b.workflow = "charge";
  b.input = 5;
  b.host = std::move(host);
  return b;
}

journal::entry completed(std::string name, boost::json::value value) {
  auto e = entry_of(entry_kind::step_completed, std::move(name));
  e.value = std::move(value);
  return e;
}

journal::entry parked(std::vector<std::string> signals, std::optional<time_point> until = {}) {
  auto e = entry_of(entry_kind::parked);
  e.signals = std::move(signals);
  e.until = until;
  return e;
}

journal::advanced advanced(std::vector<journal::entry> entries, std::string host = "a") {
  journal::advanced b;
  b.host = std::move(host);
  b.entries = std::move(entries);
  return b;
}

journal::finished finished(journal::outcome_kind kind) {
  journal::finished b;
  b.host = "a";
  b.outcome.kind = kind;
  return b;
}

journal::signalled signalled(std::string name, boost::json::value value) {
  journal::signalled b;
  b.host = "a";
  b.name = std::move(name);
  b.value = std::move(value);
  return b;
}

journal::failure stolen() {
  journal::failure f;
  f.category = "exception";
  f.message = "stolen";
  return f;
}

boost::json::object parsed(char const* text) { return boost::json::parse(text).as_object(); }

} // namespace

BOOST_AUTO_TEST_CASE(each_entry_is_a_row) {
  auto failed = entry_of(entry_kind::step_failed, "refund");
  failed.error = stolen();
  failed.attempts = 3;
  auto last = finished(journal::outcome_kind::completed);
  last.entries = {failed};
  last.outcome.result = 42;
  written_journal j;
  j.add(started()).add(advanced({entry_of(entry_kind::claimed), completed("charge", 41)}, "b")).add(last);
  journal_view view;
  auto const rows = j.rows(view);
  BOOST_TEST_REQUIRE(rows.size() == 5u);
  BOOST_TEST(rows[0] == parsed(R"({"version":1,"sequence":11,"stored":"1970-01-01T00:00:01Z","run":1,"kind":"started",
    "name":"charge","host":"a","value":5,"codeVersion":1})"));
  BOOST_TEST(rows[1] == parsed(R"({"version":2,"sequence":12,"stored":"1970-01-01T00:00:02Z","run":1,"kind":"claimed",
    "host":"b"})"));
  BOOST_TEST(rows[2] == parsed(R"({"version":2,"sequence":12,"stored":"1970-01-01T00:00:02Z","run":1,
    "kind":"step_completed","name":"charge","attempts":1,"host":"b","value":41})"));
  BOOST_TEST(rows[3] == parsed(R"({"version":3,"sequence":13,"stored":"1970-01-01T00:00:03Z","run":1,
    "kind":"step_failed","name":"refund","attempts":3,"host":"a",
    "error":{"category":"exception","code":0,"message":"stolen"}})"));
  BOOST_TEST(rows[4] == parsed(R"({"version":3,"sequence":13,"stored":"1970-01-01T00:00:03Z","run":1,"kind":"finished",
    "name":"completed","host":"a","value":42})"));
  auto const lines = summary_lines(view);
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0] == "completed, host a, since 1970-01-01T00:00:03Z: 42");
}

BOOST_AUTO_TEST_CASE(signals_taken_and_untaken) {
  auto taken = entry_of(entry_kind::signal_taken, "approve#1");
  taken.signal = "s1";
  auto twice = entry_of(entry_kind::signal_taken, "approve#2");
  twice.signal = "s1";
  written_journal j;
  j.add(started()).add(signalled("approve", "Ada"), "s1").add(signalled("approve", "Bob"), "s2");
  j.add(advanced({taken, twice, parked({"confirm"}, time_point(std::chrono::seconds(90)))}));
  journal_view view;
  auto const rows = j.rows(view);
  BOOST_TEST_REQUIRE(rows.size() == 6u);
  BOOST_TEST(rows[1].at("signal").as_string() == "s1");
  BOOST_TEST(rows[3].at("value").as_string() == "Ada");
  BOOST_TEST(!rows[4].contains("value"));
  BOOST_TEST(rows[5].at("until").as_string() == "1970-01-01T00:01:30Z");
  BOOST_TEST_REQUIRE(view.untaken().size() == 1u);
  BOOST_TEST(view.untaken()[0].id == "s2");
  auto const lines = summary_lines(view);
  BOOST_TEST_REQUIRE(lines.size() == 2u);
  BOOST_TEST(lines[0] ==
             "running, host a, since 1970-01-01T00:00:04Z, waits for signal confirm until 1970-01-01T00:01:30Z");
  BOOST_TEST(lines[1] == "signal approve was not taken: \"Bob\"");
  auto const summary = parsed(summary_row("charge-7", view).to_json().c_str());
  BOOST_TEST(summary == parsed(R"({"kind":"summary","actor":"charge-7","state":"running","run":1,"host":"a",
    "since":"1970-01-01T00:00:04Z","cancelRequested":false,"waitsForSignals":["confirm"],
    "waitsUntil":"1970-01-01T00:01:30Z","stepsBegun":[],
    "untaken":[{"signal":"s2","name":"approve","value":"Bob"}]})"));
}

BOOST_AUTO_TEST_CASE(a_signal_that_is_repeated_counts_once) {
  auto taken = entry_of(entry_kind::signal_taken, "approve");
  taken.signal = "s1";
  written_journal j;
  j.add(started()).add(signalled("approve", 1), "s1").add(advanced({taken})).add(signalled("approve", 1), "s1");
  journal_view view;
  j.rows(view);
  BOOST_TEST(view.untaken().empty());
}

BOOST_AUTO_TEST_CASE(the_next_run_takes_signals_along) {
  journal::continued next;
  next.workflow = "charge";
  next.host = "a";
  next.run = 2;
  next.input = 6;
  journal::signal kept;
  kept.id = "s1";
  kept.name = "approve";
  kept.value = 1;
  next.signals = {kept};
  next.entries = {completed("last", 3)};
  written_journal j;
  j.add(started()).add(signalled("approve", 1), "s1").add(next);
  journal_view view;
  auto const rows = j.rows(view);
  BOOST_TEST_REQUIRE(rows.size() == 4u);
  BOOST_TEST(rows[2].at("name").as_string() == "last"); // of the run that ended
  BOOST_TEST(rows[2].at("run").to_number<int>() == 1);
  BOOST_TEST(rows.back().at("run").to_number<int>() == 2);
  BOOST_TEST(rows.back().at("kind").as_string() == "continued");
  BOOST_TEST(view.untaken().size() == 1u);
  BOOST_TEST(view.status().run == 2);
}

BOOST_AUTO_TEST_CASE(what_belongs_to_no_journal_is_a_row_too) {
  recorded_event other;
  other.event = make_event("OrderPlaced", "charge-7", 1);
  journal_view view;
  auto rows = view.on_event(other);
  BOOST_TEST_REQUIRE(rows.size() == 1u);
  BOOST_TEST(rows[0].is_bad());
  BOOST_TEST(boost::json::parse(rows[0].to_json()).at("kind").as_string() == "malformed");
  written_journal j;
  j.add(advanced({completed("late", 1)}));
  journal_view second;
  auto const late = j.rows(second);
  BOOST_TEST_REQUIRE(late.size() == 2u);
  BOOST_TEST(late[0].at("kind").as_string() == "malformed");
  BOOST_TEST(late[1].at("kind").as_string() == "step_completed");
  replay_error bad;
  bad.sequence = 3;
  bad.error = errc::malformed_event;
  bad.reason = "it is none";
  bad.raw_data = "x";
  BOOST_TEST(view.on_error(bad).to_json() ==
             R"({"sequence":3,"kind":"malformed_event","reason":"it is none","raw":"x"})");
}

BOOST_AUTO_TEST_CASE(how_a_workflow_is) {
  auto begun = entry_of(entry_kind::step_begun, "ship");
  begun.until = time_point(std::chrono::seconds(90));
  auto failed = finished(journal::outcome_kind::failed);
  failed.outcome.error = stolen();
  failed.outcome.undo_failed = std::vector<std::string>{"refund"};
  journal::cancel_requested cancel;
  cancel.host = "a";
  cancel.reason = "late";
  struct one {
    written_journal j;
    workflow_state state;
    std::string text;
  };
  auto const at = time_point(std::chrono::seconds(90));
  std::vector<one> const all{
      {written_journal().add(started("")), workflow_state::running, "a host"},
      {written_journal().add(started()), workflow_state::running, "what is not written yet"},
      {written_journal().add(started()).add(advanced({completed("x", 1)})), workflow_state::running, "a step"},
      {written_journal().add(started()).add(advanced({begun})), workflow_state::running, "step ship"},
      {written_journal().add(started()).add(advanced({begun})).add(advanced({completed("ship", 1), parked({})})),
       workflow_state::running, "a child"},
      {written_journal().add(started()).add(advanced({parked({"a", "b"})})), workflow_state::running, "signal a, b"},
      {written_journal().add(started()).add(advanced({parked({}, at)})), workflow_state::running,
       "timer at 1970-01-01T00:01:30Z"},
      {written_journal().add(started()).add(advanced({parked({"a"})})).add(cancel), workflow_state::running,
       "signal a; cancelling was requested"},
      {written_journal().add(started()).add(finished(journal::outcome_kind::completed)), workflow_state::completed, ""},
      {written_journal().add(started()).add(failed), workflow_state::failed, "stolen; not undone: refund"},
      {written_journal().add(started()).add(finished(journal::outcome_kind::cancelled)), workflow_state::cancelled, ""},
  };
  for (auto const& [j, state, text] : all) {
    auto const s = j.status();
    BOOST_TEST((s.state == state), text);
    BOOST_TEST(describe(s) == text);
  }
}

BOOST_AUTO_TEST_CASE(since_when_is_told_by_what_hosts_write) {
  written_journal j;
  j.add(started()).add(advanced({parked({"a"})})).add(signalled("b", 1)).add(signalled("b", 2));
  BOOST_TEST((j.status().since == time_point(std::chrono::seconds(2))));
  workflow_status s;
  apply(s, j.events[1].event, j.events[1].stored); // what the list reads: back to what says all
  apply(s, j.events[2].event, j.events[2].stored);
  BOOST_TEST((s.state == workflow_state::running));
  BOOST_TEST(s.run == 1);
  BOOST_TEST(describe(s) == "signal a");
  BOOST_TEST(is_of_workflow("workflow_signalled"));
  BOOST_TEST(!is_of_workflow("OrderPlaced"));
  BOOST_TEST(says_all("workflow_continued"));
  BOOST_TEST(!says_all("workflow_cancel_requested"));
}

BOOST_AUTO_TEST_SUITE_END()
