// Whether an event of some version may follow an actor's current version: the one rule that all stores decide by.
#pragma once

#include <aether/event_store.hpp>

#include <cstdint>
#include <optional>

namespace aether::detail {

enum class version_verdict {
  ok,
  conflict,
};

/// What the caller asked for: an expectation, if given, stands in the policy's place.
struct version_demand {
  version_policy policy = version_policy::increasing;
  std::optional<std::int64_t> expected;
};

/// Decides for an event of `version` (of a batch: its first event's) on an actor at `current` (0: no event). That this
/// very event is stored already is asked before; then the answer here does not matter.
constexpr version_verdict decide_version(std::int64_t current, version_demand const& demand,
                                         std::int64_t version) noexcept {
  if (version <= current)
    return version_verdict::conflict;
  if (demand.expected)
    return *demand.expected == current ? version_verdict::ok : version_verdict::conflict;
  if (demand.policy == version_policy::contiguous && version - 1 != current)
    return version_verdict::conflict;
  return version_verdict::ok;
}

} // namespace aether::detail
