// Reading all journals again, and saying what is wrong with them.
#include "testing/workflow_checks.hpp"

#include "workflow_book.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/describe/enum_to_string.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace aether::testing::detail {

namespace journal = aether::detail::journal;

namespace {

class reader {
public:
  explicit reader(std::string const& actor_id) : book_(actor_id) {}

  void read(event const& e, journal_findings& into) {
    auto body = journal::read(e);
    auto const at = e.actor_id + ", version " + std::to_string(e.version) + ": ";
    if (book_.outcome())
      into.faults.push_back(at + e.event_type + " behind its end");
    if (e.version != book_.version() + 1)
      into.faults.push_back(at + "behind version " + std::to_string(book_.version()));
    auto const before = book_.last_host();
    auto const* const more = std::get_if<journal::advanced>(&body);
    auto const* const last = std::get_if<journal::finished>(&body);
    if (more || last)
      check_claim(more ? more->entries : last->entries, before, journal::host_of(body), at, into);
    if (std::holds_alternative<journal::continued>(body))
      leave_open(into);
    auto const entries = more ? more->entries : last ? last->entries : std::vector<journal::entry>();
    book_.apply(e, std::move(body));
    for (auto const& entry : entries)
      if (entry.name)
        into.settled.insert(run_key() + *entry.name);
  }

  void end(journal_findings& into) {
    into.outcomes[book_.actor_id()] = book_.outcome();
    if (!book_.outcome())
      leave_open(into);
  }

private:
  std::string run_key() const { return book_.actor_id() + "/" + std::to_string(book_.run()) + "/"; }
  void leave_open(journal_findings& into) const { into.open_ended.insert(run_key()); }

  static void check_claim(std::vector<journal::entry> const& entries, std::string const& before, std::string const& by,
                          std::string const& at, journal_findings& into) {
    auto const claims = std::count_if(entries.begin(), entries.end(),
                                      [](auto const& e) { return e.kind == journal::entry_kind::claimed; });
    into.claims += static_cast<std::size_t>(claims);
    if (claims != (before == by ? 0 : 1))
      into.faults.push_back(at + "host \"" + by + "\" writes behind \"" + before + "\" with " + std::to_string(claims) +
                            " claims");
    if (claims == 1 && entries.front().kind != journal::entry_kind::claimed)
      into.faults.push_back(at + "the claim is not its first entry");
  }

  aether::detail::workflow_book book_;
};

} // namespace

journal_findings check_journals(std::vector<event> const& events) {
  journal_findings found;
  std::map<std::string, reader> readers;
  for (auto const& e : events) {
    auto at = readers.find(e.actor_id);
    if (at == readers.end()) {
      if (e.event_type != journal::started::event_type)
        continue;
      at = readers.try_emplace(e.actor_id, e.actor_id).first;
    }
    try {
      at->second.read(e, found);
    } catch (error const& fault) {
      found.faults.emplace_back(fault.what());
    }
  }
  for (auto& [actor, one] : readers)
    one.end(found);
  return found;
}

std::string shown(std::vector<event> const& events) {
  std::string text;
  for (auto const& e : events)
    text += "  " + e.actor_id + " " + std::to_string(e.version) + " " + e.event_type + " " +
            boost::json::serialize(boost::json::value(e.data)) + "\n";
  return text;
}

std::string shown(std::optional<journal::outcome> const& outcome) {
  if (!outcome)
    return "not finished";
  std::string text = boost::describe::enum_to_string(outcome->kind, "?");
  if (outcome->result)
    text += " " + boost::json::serialize(*outcome->result);
  if (outcome->error)
    text += " " + outcome->error->category + " " + std::to_string(outcome->error->code);
  if (outcome->undo_failed)
    for (auto const& name : *outcome->undo_failed)
      text += ", undo failed: " + name;
  return text;
}

} // namespace aether::testing::detail
