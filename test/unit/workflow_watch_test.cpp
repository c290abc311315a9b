// What a host makes of an event of a workflow that it does not have, and its agenda.
#include "workflow_core.hpp"
#include "workflow_watch.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(workflow_watches)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;

namespace {

using what = workflow_sighting::what;

constexpr time_point now{1000h};

template <class Body> journal::any by(std::string host) {
  Body body;
  body.host = std::move(host);
  return body;
}

journal::any advanced(std::string host, std::vector<journal::entry> entries) {
  journal::advanced body;
  body.host = std::move(host);
  body.entries = std::move(entries);
  return body;
}

journal::entry note(journal::entry_kind kind, std::optional<time_point> until) {
  journal::entry e;
  e.kind = kind;
  e.until = until;
  return e;
}

} // namespace

BOOST_AUTO_TEST_CASE(sightings) {
  using enum journal::entry_kind;
  struct row {
    char const* name;
    journal::any body;
    what to_do;
    std::optional<std::chrono::nanoseconds> in; ///< from now
  };
  std::vector<row> const rows{
      {"finished", by<journal::finished>("b"), what::nothing, {}},
      {"finished here", by<journal::finished>("a"), what::nothing, {}},
      {"nobody's", by<journal::started>(""), what::take_up, {}},
      {"started here", by<journal::started>("a"), what::take_up, {}},
      {"started by another", by<journal::started>("b"), what::look, 60s},
      {"advanced here", advanced("a", {}), what::take_up, {}},
      {"parked here", advanced("a", {note(parked, std::nullopt)}), what::take_up, {}},
      {"advanced by another", advanced("b", {}), what::look, 60s},
      {"waits for signals", advanced("b", {note(parked, std::nullopt)}), what::nothing, {}},
      {"waits for a timer", advanced("b", {note(parked, now + 1h)}), what::look, 1h + 60s},
      {"its timer has passed", advanced("b", {note(parked, now - 1h)}), what::look, 60s},
      {"a long step", advanced("b", {note(step_begun, now + 5min)}), what::look, 5min + 60s},
      {"two steps", advanced("b", {note(step_begun, now + 5min), note(step_begun, now + 9min)}), what::look,
       9min + 60s},
      {"a step that should have ended", advanced("b", {note(step_begun, now - 5min)}), what::look, 60s},
      {"signalled", by<journal::signalled>("b"), what::look, 60s},
      {"signalled, ours", by<journal::signalled>("a"), what::take_up, {}},
      {"to be cancelled", by<journal::cancel_requested>("b"), what::look, 60s},
      {"continued", by<journal::continued>("b"), what::look, 60s},
  };
  for (auto const& r : rows) {
    auto const judged = judge_sighting(r.body, now, "a", 60s);
    BOOST_TEST((judged.to_do == r.to_do), r.name);
    if (r.in)
      BOOST_TEST((judged.when == now + *r.in), r.name);
  }
}

BOOST_AUTO_TEST_CASE(an_agenda) {
  workflow_agenda agenda;
  BOOST_TEST(!agenda.next().has_value());
  BOOST_TEST(!agenda.take_due(now).has_value());
  agenda.add("a", now + 3s);
  agenda.add("b", now + 2s);
  agenda.add("a", now + 5s); // later: the earlier one counts
  BOOST_TEST((agenda.next() == now + 2s));
  agenda.add("a", now + 1s);
  BOOST_TEST((agenda.next() == now + 1s));
  agenda.set("a", now + 4s);
  BOOST_TEST((agenda.next() == now + 2s));
  BOOST_TEST(!agenda.take_due(now + 1s).has_value());
  BOOST_TEST(agenda.take_due(now + 4s).value() == "b");
  BOOST_TEST(agenda.take_due(now + 4s).value() == "a");
  BOOST_TEST(!agenda.take_due(now + 4s).has_value());
  agenda.set("c", now);
  agenda.remove("c");
  agenda.remove("c");
  BOOST_TEST(!agenda.next().has_value());
  agenda.set("d", now);
  agenda.clear();
  BOOST_TEST(!agenda.take_due(now).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
