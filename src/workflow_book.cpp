// Reading a run's journal into a value, and telling a replaying workflow what it says.
#include "workflow_book.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>

#include <boost/describe/enum_to_string.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace aether::detail {

namespace {

using journal::entry_kind;

[[noreturn]] void refuse(errc code, std::string const& actor, std::int64_t run, std::string const& what) {
  throw error(code, "workflow " + actor + ", run " + std::to_string(run) + ": " + what);
}

bool fits(operation_kind asked, entry_kind recorded) {
  switch (recorded) {
  case entry_kind::step_completed:
  case entry_kind::step_failed:
    return asked == operation_kind::step || asked == operation_kind::child;
  case entry_kind::step_begun:
    return asked == operation_kind::step;
  case entry_kind::timer_fired:
    return asked == operation_kind::timer;
  case entry_kind::signal_taken:
    return asked == operation_kind::signal || asked == operation_kind::signal_until;
  case entry_kind::signal_timed_out:
    return asked == operation_kind::signal_until;
  case entry_kind::recorded:
    return asked == operation_kind::recorded;
  case entry_kind::cancelled:
    return true;
  case entry_kind::claimed:
  case entry_kind::parked:
    break;
  }
  return false;
}

char const* name_of(operation_kind kind) {
  switch (kind) {
  case operation_kind::step:
    return "a step";
  case operation_kind::timer:
    return "a timer";
  case operation_kind::signal:
  case operation_kind::signal_until:
    return "a signal";
  case operation_kind::recorded:
    return "a recorded value";
  case operation_kind::child:
    return "a child";
  }
  return "?";
}

std::string_view name_of(entry_kind kind) { return boost::describe::enum_to_string(kind, "?"); }

workflow_record record_of(journal::entry const& e) {
  workflow_record made;
  made.kind = e.kind;
  if (e.value)
    made.value = *e.value;
  if (e.error)
    made.error = *e.error;
  made.attempts = e.attempts.value_or(1);
  if (e.kind == entry_kind::step_begun)
    made.until = e.until.value_or(time_point());
  return made;
}

} // namespace

bool workflow_book::is_from_outside(journal::any const& body) {
  return std::holds_alternative<journal::signalled>(body) || std::holds_alternative<journal::cancel_requested>(body);
}

void workflow_book::apply(event const& e) { apply(e, journal::read(e)); }

void workflow_book::apply(event const& e, journal::any body) {
  if (e.version <= version_)
    throw error(errc::version_order, "workflow " + actor_id_ + ": version " + std::to_string(e.version) +
                                         " after version " + std::to_string(version_));
  if (auto* const first = std::get_if<journal::started>(&body)) {
    if (version_ != 0)
      refuse(errc::malformed_event, actor_id_, run_, "is started again at version " + std::to_string(e.version));
    begin(e.version, 1, std::move(first->workflow), first->code_version, std::move(first->input),
          std::move(first->host), std::move(first->parent));
  } else if (auto* const next = std::get_if<journal::continued>(&body)) {
    begin(e.version, next->run, std::move(next->workflow), next->code_version, std::move(next->input),
          std::move(next->host), std::move(next->parent));
    signals_.assign(std::move_iterator(next->signals.begin()), std::move_iterator(next->signals.end()));
    for (auto const& s : signals_)
      signal_ids_.insert(s.id);
    cancel_reason_ = std::move(next->cancelled);
  } else if (version_ == 0) {
    throw error(errc::malformed_event, "workflow " + actor_id_ + ": its journal begins with \"" + e.event_type +
                                           "\" at version " + std::to_string(e.version));
  } else if (auto* const more = std::get_if<journal::advanced>(&body)) {
    was_parked_ = std::any_of(more->entries.begin(), more->entries.end(),
                              [](auto const& entry) { return entry.kind == entry_kind::parked; });
    for (auto& entry : more->entries)
      take(std::move(entry));
    last_host_ = std::move(more->host);
  } else if (auto* const last = std::get_if<journal::finished>(&body)) {
    for (auto& entry : last->entries)
      take(std::move(entry));
    last_host_ = std::move(last->host);
    outcome_ = std::move(last->outcome);
  } else if (auto* const sent = std::get_if<journal::signalled>(&body)) {
    if (signal_ids_.insert(e.id).second)
      signals_.push_back({e.id, std::move(sent->name), std::move(sent->value)});
  } else if (!cancel_reason_) {
    cancel_reason_ = std::move(std::get<journal::cancel_requested>(body).reason);
  }
  version_ = e.version;
}

void workflow_book::begin(std::int64_t version, std::int64_t run, std::string workflow, std::int64_t code_version,
                          boost::json::value input, std::string host, std::optional<std::string> parent) {
  since_ = version;
  run_ = run;
  workflow_ = std::move(workflow);
  code_version_ = code_version;
  input_ = std::move(input);
  last_host_ = std::move(host);
  parent_ = std::move(parent);
  outcome_.reset();
  cancel_reason_.reset();
  cancel_told_ = false;
  was_parked_ = false;
  entries_ = 0;
  records_.clear();
  asked_.clear();
  order_.clear();
  signals_.clear();
  signal_ids_.clear();
}

void workflow_book::take(journal::entry&& entry) {
  ++entries_;
  if (entry.kind == entry_kind::claimed || entry.kind == entry_kind::parked)
    return;
  if (!entry.name)
    refuse(errc::malformed_event, actor_id_, run_, "an entry " + std::string(name_of(entry.kind)) + " without a name");
  auto made = record_of(entry);
  if (entry.kind == entry_kind::signal_taken) {
    auto const at = std::find_if(signals_.begin(), signals_.end(),
                                 [&](journal::signal const& s) { return entry.signal && s.id == *entry.signal; });
    if (at == signals_.end())
      refuse(errc::malformed_event, actor_id_, run_,
             "signal " + entry.signal.value_or("without an id") + " was taken and never came");
    made.value = std::move(at->value);
    signals_.erase(at);
  }
  if (entry.kind == entry_kind::cancelled)
    cancel_told_ = true;
  auto const [at, is_new] = records_.try_emplace(*entry.name, std::move(made));
  if (is_new) {
    order_.push_back(*entry.name);
    return;
  }
  if (at->second.kind != entry_kind::step_begun)
    refuse(errc::malformed_event, actor_id_, run_, quoted(*entry.name) + " is settled twice");
  at->second = record_of(entry); // a step that was begun has ended
}

asked_answer workflow_book::ask(operation_kind kind, std::string const& key) {
  auto const at = records_.find(key);
  bool const again = at != records_.end() ? at->second.asked : !asked_.try_emplace(key, true).second;
  if (again)
    refuse(errc::workflow_name_used, actor_id_, run_, quoted(key) + " is asked for twice: names are unique in a run");
  if (at == records_.end())
    return asked_answer::not_recorded;
  auto& found = at->second;
  if (!fits(kind, found.kind))
    refuse(errc::workflow_diverged, actor_id_, run_,
           "the code asks for " + quoted(key) + " as " + name_of(kind) + ", and its journal has it as " +
               std::string(name_of(found.kind)));
  found.asked = true;
  if (found.kind == entry_kind::cancelled)
    return asked_answer::cancelled;
  return found.kind == entry_kind::step_begun ? asked_answer::in_doubt : asked_answer::recorded;
}

workflow_record const& workflow_book::record(std::string const& key) const { return records_.at(key); }

bool workflow_book::has_record(std::string const& key) const { return records_.contains(key); }

bool workflow_book::was_asked(std::string const& key) const {
  auto const at = records_.find(key);
  return at != records_.end() ? at->second.asked : asked_.contains(key);
}

void workflow_book::settle(journal::entry const& entry) {
  ++entries_;
  if (!entry.name)
    return;
  auto made = record_of(entry);
  made.asked = true;
  if (records_.insert_or_assign(*entry.name, std::move(made)).second)
    order_.push_back(*entry.name);
  asked_.erase(*entry.name);
}

void workflow_book::wrote(std::int64_t version, std::string const& host) {
  version_ = version;
  last_host_ = host;
}

time_point workflow_book::busy_until() const {
  time_point last{};
  for (auto const& [key, record] : records_)
    if (record.kind == entry_kind::step_begun)
      last = std::max(last, record.until);
  return last;
}

std::vector<std::string> workflow_book::unasked() const {
  std::vector<std::string> out;
  for (auto const& key : order_)
    if (!records_.at(key).asked)
      out.push_back(key);
  return out;
}

std::optional<journal::signal> workflow_book::take_signal(std::string const& name) {
  auto const at =
      std::find_if(signals_.begin(), signals_.end(), [&](journal::signal const& s) { return s.name == name; });
  if (at == signals_.end())
    return std::nullopt;
  auto taken = std::move(*at);
  signals_.erase(at);
  return taken;
}

bool workflow_book::has_signal(std::string const& name) const {
  return std::any_of(signals_.begin(), signals_.end(), [&](journal::signal const& s) { return s.name == name; });
}

std::vector<journal::signal> workflow_book::untaken() const { return {signals_.begin(), signals_.end()}; }

} // namespace aether::detail
