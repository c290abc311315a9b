// What a fault_injecting_store does wrong, how often and for how long; and the count of what it did.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace aether::testing {

/// What becomes of one call.
enum class fault {
  none,
  lose_acknowledgement, ///< stored, and nobody says so: outcome_unknown
  lose_request,         ///< not stored, and nobody says so: outcome_unknown
  store_late,           ///< outcome_unknown; stored later, unless the actor has another event by then
  conflict,             ///< another writer's event is stored first, at the same version
  fail,                 ///< connection_lost before anything was handed over
  outage,               ///< an outage begins with the call: before it, while it is on its way, or before its answer
};

/// The kinds of calls, each with a count and a script of its own.
enum class operation {
  save,          ///< save_event, save_events and their try_… forms; every fault may happen
  save_snapshot, ///< every fault but conflict; an answer that is missing is timed_out
  read,          ///< everything that asks, opens or lists: fail and outage only
};

/// Nothing answers from `from` on, and everything again from `to` on: since the clock's start.
struct outage_window {
  std::chrono::nanoseconds from{};
  std::chrono::nanoseconds to{};
};

/// How often is a probability, from 0 to 1. Durations are of virtual time, drawn evenly from `min_…` to `max_…`. Zero
/// means none, or the default that is named. A plan that is left as it is injects nothing.
struct fault_plan {
  std::uint64_t seed = 0; ///< the same seed and the same calls: the same faults

  double lose_acknowledgement = 0; ///< of a save or a snapshot, as the next three
  double lose_request = 0;
  double store_late = 0;
  double fail_save = 0;
  double conflict = 0;  ///< of a save
  double fail_read = 0; ///< of a read
  double outage = 0;    ///< of every call

  std::chrono::nanoseconds min_delay{}; ///< of a call on its way, and of its answer; 0: none
  std::chrono::nanoseconds max_delay{}; ///< 0: min_delay
  std::chrono::nanoseconds min_lateness{};
  std::chrono::nanoseconds max_lateness{}; ///< of what is stored late; 0: 10 s, or min_lateness when that is longer
  std::chrono::nanoseconds min_outage{};
  std::chrono::nanoseconds max_outage{};   ///< of one drawn or scripted; 0: 20 s, or min_outage when that is longer
  std::vector<outage_window> outages;      ///< by schedule

  /// How long a call waits for an answer that is lost before it says so, within its timeout. 0: it says so at once.
  std::chrono::nanoseconds answer_wait{};
  std::chrono::nanoseconds operation_timeout{}; ///< of a call that names none; 0: 10 s

  /// What another writer's event is: its type and data. Empty: those of the event that it beats. Its id begins with
  /// `rival-`.
  std::string rival_type;
  boost::json::object rival_data; ///< with rival_type

  fault_plan() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  void validate() const; ///< throws aether::error(invalid_argument), naming the option
};

/// What has happened to a fault_injecting_store so far: a test that is about faults demands that there were some.
struct fault_counts {
  std::uint64_t saves = 0; ///< calls, by kind
  std::uint64_t snapshots = 0;
  std::uint64_t reads = 0;

  std::uint64_t lost_acknowledgements = 0;
  std::uint64_t lost_requests = 0;
  std::uint64_t sent_late = 0;   ///< by store_late
  std::uint64_t stored_late = 0; ///< came and were stored: sent late, or still on their way when their save ended
  std::uint64_t came_too_late = 0; ///< came and were not: the actor had another event, or this one, by then
  std::uint64_t conflicts = 0;   ///< events of other writers that were stored
  std::uint64_t failures = 0;    ///< by fail
  std::uint64_t delays = 0;      ///< calls and answers that took time
  std::uint64_t outages = 0;     ///< begun by a call or by hand
  std::uint64_t held_up = 0;     ///< times that a call waited for the end of an outage
  std::uint64_t unknown = 0;     ///< saves that ended with outcome_unknown
  std::uint64_t timed_out = 0;   ///< calls that ended with timed_out

  friend bool operator==(fault_counts const&, fault_counts const&) = default;
};

} // namespace aether::testing
