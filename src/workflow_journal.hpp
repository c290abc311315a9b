// What a workflow's journal holds: the events of its actor, as described structs.
#pragma once

#include <aether/typed_event.hpp>

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::detail::journal {

/// An error as it is stored. A step's failure is this to the workflow, live and replayed.
struct failure {
  std::string category; ///< of an error code; `exception`: a std::exception without one; `unknown`: anything else
  std::int64_t code = 0;
  std::string message;

  friend bool operator==(failure const&, failure const&) = default;
};
BOOST_DESCRIBE_STRUCT(failure, (), (category, code, message))

enum class entry_kind {
  step_completed,
  step_failed,
  step_begun,
  timer_fired,
  signal_taken,
  signal_timed_out,
  cancelled,
  recorded,
  claimed,
  parked,
};
BOOST_DESCRIBE_ENUM(entry_kind, step_completed, step_failed, step_begun, timer_fired, signal_taken, signal_timed_out,
                    cancelled, recorded, claimed, parked)

/// One thing that came to be settled, or a note to other hosts (step_begun, claimed, parked).
struct entry {
  entry_kind kind = entry_kind::parked;
  std::optional<std::string> name;         ///< the operation's key
  std::optional<boost::json::value> value; ///< step_completed, recorded
  std::optional<failure> error;            ///< step_failed
  std::optional<std::int64_t> attempts;    ///< of a step, when it took more than one
  std::optional<std::string> signal;       ///< signal_taken: the signal's event id
  std::optional<time_point> until;         ///< step_begun: nobody else takes over before; parked: wakes then
  std::optional<std::vector<std::string>> signals; ///< parked: the names waited for

  friend bool operator==(entry const&, entry const&) = default;
};
BOOST_DESCRIBE_STRUCT(entry, (), (kind, name, value, error, attempts, signal, until, signals))

entry entry_of(entry_kind kind, std::optional<std::string> name = std::nullopt);

enum class outcome_kind { completed, failed, cancelled };
BOOST_DESCRIBE_ENUM(outcome_kind, completed, failed, cancelled)

struct outcome {
  outcome_kind kind = outcome_kind::completed;
  std::optional<boost::json::value> result;
  std::optional<failure> error;
  std::optional<std::vector<std::string>> undo_failed; ///< the names of undo steps that failed

  friend bool operator==(outcome const&, outcome const&) = default;
};
BOOST_DESCRIBE_STRUCT(outcome, (), (kind, result, error, undo_failed))

struct signal {
  std::string id; ///< of the event that brought it
  std::string name;
  boost::json::value value;

  friend bool operator==(signal const&, signal const&) = default;
};
BOOST_DESCRIBE_STRUCT(signal, (), (id, name, value))

// In all of them `since` is the version of the event with which the run began, so that its journal can be read from
// there on, and `host` who wrote last of those that may: what is no host's own takes both over.

struct started {
  static constexpr std::string_view event_type = "workflow_started";
  std::string workflow;
  std::int64_t code_version = 1;
  boost::json::value input;
  std::string host;                  ///< who is to run it; empty: whoever claims it first
  std::optional<std::string> parent; ///< the actor id of the workflow that waits for it
};
BOOST_DESCRIBE_STRUCT(started, (), (workflow, code_version, input, host, parent))

struct advanced {
  static constexpr std::string_view event_type = "workflow_advanced";
  std::string host;
  std::int64_t run = 1;
  std::int64_t since = 1;
  std::vector<entry> entries;
};
BOOST_DESCRIBE_STRUCT(advanced, (), (host, run, since, entries))

struct finished {
  static constexpr std::string_view event_type = "workflow_finished";
  std::string host;
  std::int64_t run = 1;
  std::int64_t since = 1;
  std::vector<entry> entries;
  journal::outcome outcome;
  std::optional<std::string> parent;
};
BOOST_DESCRIBE_STRUCT(finished, (), (host, run, since, entries, outcome, parent))

struct signalled {
  static constexpr std::string_view event_type = "workflow_signalled";
  std::string host;
  std::int64_t since = 1;
  std::string name;
  boost::json::value value;
};
BOOST_DESCRIBE_STRUCT(signalled, (), (host, since, name, value))

struct cancel_requested {
  static constexpr std::string_view event_type = "workflow_cancel_requested";
  std::string host;
  std::int64_t since = 1;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(cancel_requested, (), (host, since, reason))

struct continued {
  static constexpr std::string_view event_type = "workflow_continued";
  std::string workflow;
  std::int64_t code_version = 1;
  std::string host;
  std::int64_t run = 2; ///< that begins with it
  boost::json::value input;
  std::vector<entry> entries;  ///< of the run that ends
  std::vector<signal> signals; ///< that nobody took
  std::optional<std::string> cancelled; ///< the reason: cancelling was requested and not yet told to the code
  std::optional<std::string> parent;
};
BOOST_DESCRIBE_STRUCT(continued, (), (workflow, code_version, host, run, input, entries, signals, cancelled, parent))

using event_types = event_set<started, advanced, finished, signalled, cancel_requested, continued>;
using any = event_types::variant;

/// Throws malformed_event, and unknown_event_type for what belongs to no journal.
any read(event const& e);

/// Who wrote last of those that may; empty: nobody claimed the workflow yet.
std::string const& host_of(any const& body);

/// The version with which the event's run began.
std::int64_t run_begins_at(any const& body, std::int64_t version);

} // namespace aether::detail::journal
