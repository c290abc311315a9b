// What becomes of the nth call of a kind: a function of the plan alone, so that a seed tells everything.
#pragma once

#include <aether/event.hpp>
#include <aether/testing/fault_plan.hpp>

#include <chrono>
#include <cstdint>

namespace aether::testing::detail {

/// Where in a call an outage begins.
enum class stage {
  before,   ///< nothing is handed over
  under_way,
  answering,
};

struct drawn_faults {
  fault what = fault::none;
  stage outage_at = stage::before;
  std::chrono::nanoseconds there{};    ///< how long the call is on its way
  std::chrono::nanoseconds back{};     ///< and its answer
  std::chrono::nanoseconds lateness{}; ///< of what is stored late
  std::chrono::nanoseconds outage{};   ///< how long one lasts that begins with this call
};

/// The plan with its defaults filled in. The plan is valid.
fault_plan settled(fault_plan plan);

/// Whether this can become of a call of the kind.
bool can_happen(operation kind, fault what) noexcept;

/// The plan is settled. Everything is drawn each time, so that no call's faults depend on those of another.
drawn_faults draw(fault_plan const& plan, operation kind, std::uint64_t nth);

/// Another writer's event at the version of `beaten`, with an id that belongs to both.
event make_rival(event const& beaten, fault_plan const& plan, std::uint64_t nth);

} // namespace aether::testing::detail
