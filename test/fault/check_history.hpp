// Whether what the writers were told agrees with what the stream holds. Pure: no server, no clock, no library.
#pragma once

#include "fault/history.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace aether::fault {

enum class rule {
  saved_event_is_stored,     ///< at its sequence, byte for byte, and the events of a batch side by side
  stored_once,               ///< an event, and a version of an actor
  one_success_per_version,   ///< two events cannot both have won
  refused_is_not_stored,     ///< conflict or failed, and there it is
  unknown_until_resolved,    ///< what was unknown and is stored did not fail there afterwards
  no_conflict_with_oneself,  ///< conflict because of an event of one's own
  conflict_is_explained,     ///< by another's event that was there, or may have been
  versions_increase,         ///< in stream order
  expectation_holds,         ///< expected_version and contiguous, of every event that is stored
  real_time_order,           ///< what was saved before another call began stands before what that one saved
  known_origin,              ///< every stored event was written by a logged call
  read_sees_acknowledged,    ///< never less than what was acknowledged before it began
  read_never_goes_back,      ///< within a process
  read_is_stored,            ///< every event and version that a read tells

  // of check_run()
  replicas_agree,
  expectation_was_sent,       ///< with every event, and it names the message before
  every_call_ends,            ///< in time; of killed processes all but the open ones
  progress_after_faults,      ///< a save that began after the repair succeeds in time
  no_failure_without_a_fault, ///< nor an outcome that stays unknown
  error_is_fitting,           ///< one of those that a broken server can cause
};

char const* to_string(rule r) noexcept;

struct violation {
  rule broken = rule::stored_once;
  std::string text; ///< the calls and messages that contradict each other
};

struct history_counts {
  std::size_t saved = 0, already_saved = 0, conflicts = 0, unknown = 0, failed = 0, open = 0, reads = 0;
  std::size_t met_a_fault = 0; ///< calls that were under way while something was broken
  std::size_t faults_met = 0;  ///< and faults that met a call
  std::size_t stale = 0;       ///< answers of a leader that no longer was one, see `replicated`
};

struct verdict {
  std::vector<violation> violations;
  history_counts counts;
};

/// `messages` in stream order. With replicas a server that was parted from the others or stood still may believe itself
/// the leader for another ten seconds and answer reads as one: such are counted as stale, near faults of servers only.
verdict check_history(std::vector<operation> const& operations, std::vector<stored_message> const& messages,
                      std::vector<fault_window> const& faults = {}, bool replicated = false);

} // namespace aether::fault
