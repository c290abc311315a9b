// How a workflow is, as its journal's last events say.
#include "cli/workflow_status.hpp"

#include "cli/options.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <type_traits>
#include <variant>

namespace aether::cli {

using journal::entry_kind;

namespace {

workflow_state state_of(journal::outcome_kind kind) {
  switch (kind) {
  case journal::outcome_kind::completed:
    return workflow_state::completed;
  case journal::outcome_kind::failed:
    return workflow_state::failed;
  case journal::outcome_kind::cancelled:
    return workflow_state::cancelled;
  }
  return workflow_state::unknown;
}

void take_entries(workflow_status& s, std::vector<journal::entry> const& entries) {
  s.is_parked = false;
  s.signals.clear();
  s.until.reset();
  for (auto const& e : entries) {
    auto const name = e.name.value_or("");
    std::erase(s.steps, name); // one that was begun has been settled
    if (e.kind == entry_kind::step_begun)
      s.steps.push_back(name);
    if (e.kind != entry_kind::parked)
      continue;
    s.is_parked = true;
    s.until = e.until;
    if (e.signals)
      s.signals = *e.signals;
  }
}

void begin_run(workflow_status& s, std::int64_t run, bool cancel_requested) {
  s = workflow_status();
  s.state = workflow_state::running;
  s.run = run;
  s.cancel_requested = cancel_requested;
}

std::string waits(workflow_status const& s) {
  if (!s.is_started)
    return s.host.empty() ? "a host" : "what is not written yet";
  std::vector<std::string> parts;
  if (!s.steps.empty())
    parts.push_back("step " + joined(s.steps));
  else if (!s.is_parked)
    parts.emplace_back("a step");
  if (!s.signals.empty())
    parts.push_back("signal " + joined(s.signals));
  if (s.until)
    parts.push_back((s.signals.empty() ? "timer at " : "until ") + shown_time(*s.until));
  if (parts.empty())
    parts.emplace_back("a child");
  std::string out;
  for (auto const& p : parts)
    out += (out.empty() ? "" : " ") + p;
  return out;
}

} // namespace

bool is_of_workflow(std::string_view type) noexcept {
  static constexpr std::array names{journal::started::event_type,   journal::advanced::event_type,
                                    journal::finished::event_type,  journal::signalled::event_type,
                                    journal::continued::event_type, journal::cancel_requested::event_type};
  return std::find(names.begin(), names.end(), type) != names.end();
}

bool says_all(std::string_view type) noexcept {
  return type == journal::started::event_type || type == journal::advanced::event_type ||
         type == journal::finished::event_type || type == journal::continued::event_type;
}

void apply(workflow_status& s, event const& e, time_point stored) {
  auto const body = journal::read(e);
  std::visit(
      [&](auto const& b) {
        using type = std::remove_cvref_t<decltype(b)>;
        if constexpr (std::is_same_v<type, journal::started>) {
          begin_run(s, 1, false);
        } else if constexpr (std::is_same_v<type, journal::continued>) {
          begin_run(s, b.run, b.cancelled.has_value());
        } else if constexpr (std::is_same_v<type, journal::advanced> || std::is_same_v<type, journal::finished>) {
          s.run = b.run;
          s.is_started = true;
          s.state = workflow_state::running;
          take_entries(s, b.entries);
          if constexpr (std::is_same_v<type, journal::finished>) {
            s.state = state_of(b.outcome.kind);
            s.outcome = b.outcome;
          }
        } else if constexpr (std::is_same_v<type, journal::cancel_requested>) {
          s.cancel_requested = true;
        }
        if (s.state == workflow_state::unknown)
          s.state = workflow_state::running;
        s.host = b.host;
      },
      body);
  if (says_all(e.event_type) || s.since == time_point{})
    s.since = stored;
}

std::string describe(workflow_status const& s) {
  if (!s.outcome) {
    auto out = waits(s);
    return s.cancel_requested ? out + "; cancelling was requested" : out;
  }
  std::string out;
  if (s.outcome->result)
    out = boost::json::serialize(*s.outcome->result);
  if (s.outcome->error)
    out = s.outcome->error->message;
  if (s.outcome->undo_failed && !s.outcome->undo_failed->empty())
    out += (out.empty() ? "" : "; ") + std::string("not undone: ") + joined(*s.outcome->undo_failed);
  return out;
}

std::string failure_json(journal::failure const& f) {
  return R"({"category":)" + json_text(f.category) + R"(,"code":)" + std::to_string(f.code) + R"(,"message":)" +
         json_text(f.message) + '}';
}

void add_status(row& r, workflow_status const& s) {
  r.member("state", json_text(name_of(s.state)));
  r.member("run", std::to_string(s.run));
  r.member("host", json_text(s.host));
  r.member("since", json_time(s.since));
  if (s.outcome) {
    if (s.outcome->result)
      r.member("result", boost::json::serialize(*s.outcome->result));
    if (s.outcome->error)
      r.member("error", failure_json(*s.outcome->error));
    if (s.outcome->undo_failed)
      r.member("undoFailed", json_list(*s.outcome->undo_failed));
    return;
  }
  r.member("cancelRequested", s.cancel_requested ? "true" : "false");
  r.member("waitsForSignals", json_list(s.signals));
  if (s.until)
    r.member("waitsUntil", json_time(*s.until));
  r.member("stepsBegun", json_list(s.steps));
}

row workflow_row(std::string_view actor_id, workflow_status const& s) {
  row r;
  r.text("actor", "ACTOR", actor_id);
  r.member("type", json_text(actor_type(actor_id)));
  r.cell("STATE", std::string(name_of(s.state)));
  r.cell("RUN", s.run == 0 ? std::string("?") : std::to_string(s.run), true);
  r.cell("HOST", s.host);
  r.cell("SINCE", shown_time(s.since));
  r.cell("WAITS FOR, OR ENDED WITH", describe(s));
  add_status(r, s);
  return r;
}

} // namespace aether::cli
