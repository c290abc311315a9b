// The rules by name, for reports.
#include "fault/check_history.hpp"

namespace aether::fault {

char const* to_string(rule r) noexcept {
  switch (r) {
  case rule::saved_event_is_stored:
    return "a saved event is stored";
  case rule::stored_once:
    return "stored once";
  case rule::one_success_per_version:
    return "one success a version";
  case rule::refused_is_not_stored:
    return "what is refused is not stored";
  case rule::unknown_until_resolved:
    return "unknown until resolved";
  case rule::no_conflict_with_oneself:
    return "no conflict with oneself";
  case rule::conflict_is_explained:
    return "a conflict is explained";
  case rule::versions_increase:
    return "versions increase";
  case rule::expectation_holds:
    return "an expectation holds";
  case rule::real_time_order:
    return "real-time order";
  case rule::known_origin:
    return "known origin";
  case rule::read_sees_acknowledged:
    return "a read sees what was acknowledged";
  case rule::read_never_goes_back:
    return "a read never goes back";
  case rule::read_is_stored:
    return "what is read is stored";
  case rule::replicas_agree:
    return "replicas agree";
  case rule::expectation_was_sent:
    return "an expectation was sent";
  case rule::error_is_fitting:
    return "an error is fitting";
  case rule::every_call_ends:
    return "every call ends";
  case rule::progress_after_faults:
    return "progress after faults";
  case rule::no_failure_without_a_fault:
    return "no failure without a fault";
  }
  return "?";
}

} // namespace aether::fault
