// A run as a whole: the history against every replica's stream, progress after each fault, and whether it was a test
// at all. Pure, like check_history().
#pragma once

#include "fault/check_history.hpp"

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace aether::fault {

struct run_record {
  std::vector<operation> operations;
  std::vector<std::vector<stored_message>> replicas; ///< in stream order; the leader's first
  std::vector<fault_window> faults;                  ///< from the break to the end of the repair
  std::set<std::uint32_t> killed;                    ///< processes whose calls may be open
  std::chrono::nanoseconds longest_call{};           ///< no call may take longer; 0: not looked at
  std::set<int> fitting_errors;                      ///< what a failed call may have been told; empty: not looked at
  bool of_the_library = false;                       ///< whose every write carries an expectation
};

/// Within this time of a repair a save that began after it has succeeded.
inline constexpr std::chrono::seconds healing_limit{30};

/// check_history() on the leader's stream, and: the replicas agree; every call ended in time, but for the open ones of
/// killed processes; within healing_limit of each repair a save that began after it has succeeded, and in each process
/// that goes on longer one was answered; a call that met no fault of a server, nor began within healing_limit of one,
/// ended neither as failed nor as unknown; errors are fitting; every event was sent with the right expectation.
verdict check_run(run_record const& run);

/// Versions for which calls of several processes were under way at one time.
std::size_t contested_versions(std::vector<operation> const& operations);

/// "12 saved, 3 already, …", of those that occurred.
std::string text_of(history_counts const& counts);

} // namespace aether::fault
