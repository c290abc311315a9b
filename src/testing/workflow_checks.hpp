// What the journals of workflows must be, whatever crashed: pure functions of the stored events.
#pragma once

#include "workflow_journal.hpp"

#include <aether/event.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aether::testing::detail {

struct journal_findings {
  std::vector<std::string> faults; ///< what is not as it must be
  std::map<std::string, std::optional<aether::detail::journal::outcome>> outcomes; ///< by actor; none: not finished
  std::set<std::string> settled; ///< `{actor}/{run}/{name}` of what has a record, if only that it began
  std::set<std::string> open_ended; ///< `{actor}/{run}/` of runs that continued as new or have not ended
  std::size_t claims = 0;

  journal_findings() = default;
};

/// `events`: in the order in which they were stored; other actors' are passed over.
journal_findings check_journals(std::vector<event> const& events);

/// A line for each event.
std::string shown(std::vector<event> const& events);
std::string shown(std::optional<aether::detail::journal::outcome> const& outcome);

} // namespace aether::testing::detail
