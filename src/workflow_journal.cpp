// Making a journal's entries, and reading its events.
#include "workflow_journal.hpp"

#include <aether/error.hpp>

#include <utility>
#include <variant>

namespace aether::detail::journal {

entry entry_of(entry_kind kind, std::optional<std::string> name) {
  entry made;
  made.kind = kind;
  made.name = std::move(name);
  return made;
}

any read(event const& e) {
  if (auto body = event_as_one_of<event_types>(e))
    return *std::move(body);
  throw error(errc::unknown_event_type, "actor \"" + e.actor_id + "\", version " + std::to_string(e.version) + ": \"" +
                                            e.event_type + "\" is no event of a workflow's journal");
}

std::string const& host_of(any const& body) {
  return std::visit([](auto const& b) -> std::string const& { return b.host; }, body);
}

std::int64_t run_begins_at(any const& body, std::int64_t version) {
  return std::visit(
      [&](auto const& b) {
        if constexpr (requires { b.since; })
          return b.since;
        else
          return version;
      },
      body);
}

} // namespace aether::detail::journal
