// A workflow's journal entry by entry.
#include "cli/journal_view.hpp"

#include "cli/event_rows.hpp"
#include "cli/options.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace aether::cli {

using journal::entry_kind;

namespace {

/// What stands in a row behind the event's own columns; what is empty is left out of the JSON.
struct journal_cells {
  std::string_view kind;
  std::string name;
  std::string host;
  std::int64_t attempts = 0;
  std::string value; ///< JSON
  std::string error; ///< JSON
  std::string text;  ///< for people; empty: the value
  std::vector<std::pair<std::string_view, std::string>> more; ///< members of JSON only
  bool bad = false;

  journal_cells() = default;
};

row journal_row(recorded_event const& e, std::int64_t run, journal_cells const& c) {
  row r;
  r.number("version", "VERSION", e.event.version);
  r.member("sequence", std::to_string(e.sequence));
  r.time("stored", "STORED", e.stored);
  r.number("run", "RUN", run);
  r.text("kind", "ENTRY", c.kind);
  if (c.name.empty())
    r.nothing("NAME");
  else
    r.text("name", "NAME", c.name);
  if (c.attempts == 0)
    r.nothing("ATTEMPTS");
  else
    r.number("attempts", "ATTEMPTS", c.attempts);
  if (c.host.empty())
    r.nothing("HOST");
  else
    r.text("host", "HOST", c.host);
  r.cell("VALUE", c.text.empty() ? c.value : c.text);
  if (!c.value.empty())
    r.member("value", c.value);
  if (!c.error.empty())
    r.member("error", c.error);
  for (auto const& [name, value] : c.more)
    r.member(name, value);
  if (c.bad)
    r.bad();
  return r;
}

std::string shown_failure(journal::failure const& f) {
  auto const is_code = f.category != "exception" && f.category != "unknown";
  return "error: " + f.message + " (" + f.category + (is_code ? " " + std::to_string(f.code) : std::string()) + ')';
}

bool is_step(entry_kind kind) { return kind == entry_kind::step_completed || kind == entry_kind::step_failed; }

void add_failure(journal_cells& c, journal::failure const& f) {
  c.error = failure_json(f);
  c.text = shown_failure(f);
}

void add_notes(journal_cells& c, journal::entry const& e) {
  if (e.until) {
    c.more.emplace_back("until", json_time(*e.until));
    c.text = "until " + shown_time(*e.until);
  }
  if (e.signals && !e.signals->empty()) {
    c.more.emplace_back("signals", json_list(*e.signals));
    c.text = "signal " + joined(*e.signals) + (c.text.empty() ? "" : ' ' + c.text);
  }
}

} // namespace

void journal_view::keep_signal(journal::signal s) {
  if (signal_ids_.insert(s.id).second)
    signals_.push_back(std::move(s));
}

void journal_view::begin_run(std::vector<journal::signal> signals) {
  signals_.clear();
  signal_ids_.clear();
  for (auto& s : signals)
    keep_signal(std::move(s));
}

/// The value of the signal that the entry took, as JSON; empty: it never came, or was taken before.
std::string journal_view::take_signal(journal::entry const& e) {
  auto const at = std::find_if(signals_.begin(), signals_.end(),
                               [&](journal::signal const& s) { return e.signal && s.id == *e.signal; });
  if (at == signals_.end())
    return {};
  auto value = boost::json::serialize(at->value);
  signals_.erase(at);
  return value;
}

void journal_view::add_entries(std::vector<row>& out, recorded_event const& e, std::int64_t run,
                               std::string const& host, std::vector<journal::entry> const& entries) {
  for (auto const& one : entries) {
    journal_cells c;
    c.kind = boost::describe::enum_to_string(one.kind, "?");
    c.name = one.name.value_or("");
    c.host = host;
    c.attempts = is_step(one.kind) ? one.attempts.value_or(1) : 0;
    if (one.value)
      c.value = boost::json::serialize(*one.value);
    add_notes(c, one);
    if (one.error)
      add_failure(c, *one.error);
    if (one.signal)
      c.more.emplace_back("signal", json_text(*one.signal));
    if (one.kind == entry_kind::signal_taken) {
      c.value = take_signal(one);
      c.bad = c.value.empty();
      if (c.bad)
        c.text = "no such signal came";
    }
    c.bad = c.bad || one.kind == entry_kind::step_failed;
    out.push_back(journal_row(e, run, c));
  }
}

void journal_view::add_body(std::vector<row>& out, recorded_event const& e, journal::any const& body) {
  journal_cells c;
  if (auto const* first = std::get_if<journal::started>(&body)) {
    begin_run({});
    c.kind = "started";
    c.name = first->workflow;
    c.host = first->host;
    c.value = boost::json::serialize(first->input);
    c.more.emplace_back("codeVersion", std::to_string(first->code_version));
    if (first->parent)
      c.more.emplace_back("parent", json_text(*first->parent));
  } else if (auto const* next = std::get_if<journal::continued>(&body)) {
    if (events_ > 1) // of the run before
      add_entries(out, e, next->run - 1, next->host, next->entries);
    begin_run(next->signals);
    c.kind = "continued";
    c.name = next->workflow;
    c.host = next->host;
    c.value = boost::json::serialize(next->input);
    c.more.emplace_back("codeVersion", std::to_string(next->code_version));
    if (next->parent)
      c.more.emplace_back("parent", json_text(*next->parent));
  } else if (auto const* more = std::get_if<journal::advanced>(&body)) {
    add_entries(out, e, more->run, more->host, more->entries);
    if (!more->entries.empty())
      return;
    c.kind = "advanced";
    c.host = more->host;
  } else if (auto const* last = std::get_if<journal::finished>(&body)) {
    add_entries(out, e, last->run, last->host, last->entries);
    c.kind = "finished";
    c.name = boost::describe::enum_to_string(last->outcome.kind, "?");
    c.host = last->host;
    if (last->outcome.result)
      c.value = boost::json::serialize(*last->outcome.result);
    if (last->outcome.error)
      add_failure(c, *last->outcome.error);
    if (auto const& undo = last->outcome.undo_failed) {
      c.more.emplace_back("undoFailed", json_list(*undo));
      if (!undo->empty())
        c.text += (c.text.empty() ? "not undone: " : "; not undone: ") + joined(*undo);
    }
    c.bad = last->outcome.kind == journal::outcome_kind::failed;
  } else if (auto const* sent = std::get_if<journal::signalled>(&body)) {
    keep_signal({e.event.id, sent->name, sent->value});
    c.kind = "signalled";
    c.name = sent->name;
    c.value = boost::json::serialize(sent->value);
    c.more.emplace_back("signal", json_text(e.event.id));
  } else if (auto const* asked = std::get_if<journal::cancel_requested>(&body)) {
    c.kind = "cancel_requested";
    c.value = json_text(asked->reason);
    c.text = asked->reason;
  }
  out.push_back(journal_row(e, status_.run, c));
}

void journal_view::note(std::vector<row>& out, recorded_event const& e, std::string what) const {
  journal_cells c;
  c.kind = "malformed";
  c.name = e.event.event_type;
  c.text = what;
  c.more.emplace_back("reason", json_text(what));
  c.bad = true;
  out.push_back(journal_row(e, status_.run, c));
}

std::vector<row> journal_view::on_event(recorded_event const& e) {
  std::vector<row> out;
  ++events_;
  try {
    auto const body = journal::read(e.event);
    bool const begins = std::holds_alternative<journal::started>(body);
    if (begins != (events_ == 1) && !(events_ == 1 && std::holds_alternative<journal::continued>(body)))
      note(out, e, begins ? "it is started again" : "its journal does not begin here: older events have expired");
    apply(status_, e.event, e.stored);
    add_body(out, e, body);
  } catch (error const& what) {
    note(out, e, what.what());
  }
  return out;
}

row journal_view::on_error(replay_error const& bad) {
  row r;
  r.nothing("VERSION").member("sequence", std::to_string(bad.sequence));
  r.nothing("STORED").nothing("RUN").text("kind", "ENTRY", error_name(bad.error));
  r.nothing("NAME").nothing("ATTEMPTS").nothing("HOST").text("reason", "VALUE", bad.reason);
  add_raw(r, bad.raw_data);
  return r.bad();
}

std::vector<std::string> summary_lines(journal_view const& v) {
  auto const& s = v.status();
  std::vector<std::string> out;
  if (s.state == workflow_state::unknown)
    return {"this is no journal of a workflow"};
  auto const how = describe(s);
  std::string line(name_of(s.state));
  if (s.run > 1)
    line += ", run " + std::to_string(s.run);
  if (!s.host.empty())
    line += ", host " + s.host;
  line += ", since " + shown_time(s.since);
  if (!how.empty())
    line += (s.outcome ? ": " : ", waits for ") + how;
  out.push_back(std::move(line));
  for (auto const& one : v.untaken())
    out.push_back("signal " + one.name + " was not taken: " + boost::json::serialize(one.value));
  return out;
}

row summary_row(std::string_view actor_id, journal_view const& v) {
  row r;
  r.member("kind", "\"summary\"").member("actor", json_text(actor_id));
  add_status(r, v.status());
  std::string list = "[";
  for (auto const& one : v.untaken()) {
    list += list.size() == 1 ? "" : ",";
    list += R"({"signal":)" + json_text(one.id) + R"(,"name":)" + json_text(one.name) + R"(,"value":)" +
            boost::json::serialize(one.value) + '}';
  }
  r.member("untaken", list + ']');
  return r;
}

} // namespace aether::cli
