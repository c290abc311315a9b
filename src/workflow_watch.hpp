// What a host makes of an event of a workflow that it does not have in memory: a pure decision.
#pragma once

#include "workflow_journal.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace aether::detail {

struct workflow_sighting {
  enum class what {
    nothing, ///< it has finished, or only waits for what will be seen
    take_up, ///< read it now
    look,    ///< read it at `when`, if nothing else is seen before
  };
  what to_do = what::nothing;
  time_point when{};

  friend bool operator==(workflow_sighting const&, workflow_sighting const&) = default;
};

/// `seen`: now, by this host's clock. What this host wrote last it goes on with at once; what another one did, only
/// when that has been silent for `takeover_after` although there was something to do.
inline workflow_sighting judge_sighting(journal::any const& body, time_point seen, std::string const& own_name,
                                        std::chrono::nanoseconds takeover_after) {
  using what = workflow_sighting::what;
  if (std::holds_alternative<journal::finished>(body))
    return {};
  auto const& host = journal::host_of(body);
  auto const* const advanced = std::get_if<journal::advanced>(&body);
  if (host == own_name || host.empty())
    return {what::take_up, {}};
  auto silent_since = seen;
  if (advanced)
    for (auto const& entry : advanced->entries) {
      if (entry.kind == journal::entry_kind::step_begun && entry.until && *entry.until > silent_since)
        silent_since = *entry.until;
      if (entry.kind == journal::entry_kind::parked) {
        if (!entry.until)
          return {}; // what it waits for is seen
        if (*entry.until > silent_since)
          silent_since = *entry.until;
      }
    }
  return {what::look, silent_since + takeover_after};
}

} // namespace aether::detail
