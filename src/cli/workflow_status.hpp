// How a workflow is, as its journal's last events say.
#pragma once

#include "cli/row.hpp"
#include "workflow_journal.hpp"

#include <aether/recorded_event.hpp>
#include <aether/workflow_host.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cli {

namespace journal = aether::detail::journal;

struct workflow_status {
  workflow_state state = workflow_state::unknown;
  std::int64_t run = 0;      ///< 0: not known
  std::string host;          ///< who wrote last of those that may; empty: nobody yet
  time_point since{};        ///< when a host, or the starter, wrote last
  bool cancel_requested = false;
  std::optional<journal::outcome> outcome; ///< when it has finished

  // While it is running. All empty: steps that take no note before they begin.
  bool is_parked = false;           ///< no step is under way
  std::vector<std::string> signals; ///< waited for
  std::optional<time_point> until;  ///< the next timer
  std::vector<std::string> steps;   ///< begun, and not known to have ended
  bool is_started = false;          ///< its host wrote something since the run began

  workflow_status() = default;
};

/// The event is one of a workflow's journal.
bool is_of_workflow(std::string_view event_type) noexcept;
/// It says by itself how the workflow is: those before it need not be read.
bool says_all(std::string_view event_type) noexcept;

/// Takes in the next event of the journal. Throws malformed_event.
void apply(workflow_status& status, event const& e, time_point stored);

/// `signal "approve" until 2026-…`; of one that has finished how it did.
std::string describe(workflow_status const& status);

row workflow_row(std::string_view actor_id, workflow_status const& status);

/// The members of JSON that a status has everywhere.
void add_status(row& r, workflow_status const& status);

/// `{"category":…,"code":…,"message":…}`
std::string failure_json(journal::failure const& f);

} // namespace aether::cli
