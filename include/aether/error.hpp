// Everything that can go wrong, as error codes and as the exceptions that carry them.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace aether {

/// What failed. Each has one message that says what to do next: `make_error_code(e).message()`.
enum class errc {
  // the call
  not_open = 1,             ///< the handle is default-made or was moved from
  closed,                   ///< close() was called, or the execution context is gone
  invalid_argument,         ///< an option or argument is nonsense; the text names it
  invalid_id,               ///< an id, type or name is empty, too long, not UTF-8 or holds NUL
  invalid_version,          ///< a version is below 1, or an expectation is not below the event's version
  invalid_batch,            ///< empty, of several actors, not in order, or more than 1,000 events
  data_too_deep,            ///< data or state is nested deeper than 32 levels
  event_too_large,          ///< the encoded message is larger than the server takes
  not_implemented,
  // saving
  version_conflict,         ///< the version is taken or passed, or an expectation is not met
  duplicate_event_id,       ///< the event's id was used for a different event
  outcome_unknown,          ///< an attempt was handed over and not answered; save the same event again to learn
  batch_not_supported,      ///< more than one event in a batch on a server without atomic batches
  overloaded,               ///< more saves wait than max_waiting_saves; nothing was stored
  // reading
  history_too_long,         ///< more events or bytes than the store's limit for one call
  snapshot_not_found,
  malformed_event,          ///< a stored message is no well-formed event
  malformed_snapshot,
  version_order,            ///< an event's version is not greater than that of one before it
  actor_mismatch,           ///< two actors meet on one subject (underscore encoding)
  start_expired,            ///< events behind the start asked for may have expired
  position_invalid,         ///< a position is no text of one, or the streams are not those it was taken from
  // projections
  projection_taken_over,    ///< another runner began later, or its checkpoint was changed
  database_error,           ///< the read model's database refused; the text has its own code and words
  // groups
  group_settings_differ,    ///< the group exists with other settings; the text names each with both values
  group_not_found,          ///< the group was deleted, or never made
  // typed events, retries and actors
  unknown_event_type,       ///< no event type asked for has this name, or its version is newer than the code
  circuit_open,             ///< a circuit breaker lets nothing through for now; the operation did not begin
  command_rejected,         ///< the decider refused the command; the exception has its code and text
  decide_failed,            ///< the decider threw; the exception holds what it threw
  evolve_failed,            ///< an event could not be applied to an actor's state; the text names actor and version
  // workflows
  workflow_not_found,
  workflow_exists,          ///< it was started with another input
  workflow_finished,        ///< it takes no signal any more
  workflow_failed,          ///< its result was asked for; the exception says how it ended
  workflow_cancelled,       ///< it was cancelled, or is being
  workflow_diverged,        ///< the code does not ask for what its journal holds; the text has both
  workflow_name_used,       ///< a name stands for two operations of a run
  workflow_too_long,        ///< max_journal_entries: continue as new
  workflow_result_too_large, ///< of a step: max_result_bytes
  step_failed,              ///< the exception has the step's name, and category and code of what it threw
  step_in_doubt,            ///< an at-most-once step was begun, and it is not known whether it ended
  // placement
  node_name_taken,          ///< another process lives under this node's name
  command_not_routable,     ///< the node that got the command knows no such type, or not this form of it
  // the connection
  timed_out,                ///< the deadline passed; of a save of events: nothing was stored
  connect_failed,           ///< no server of the list could be reached
  connection_lost,          ///< the connection broke while the call was under way
  authentication_failed,    ///< user, password, token, key or credentials were refused
  tls_failed,               ///< certificate, host name or TLS settings do not fit
  permission_denied,        ///< the server's permissions forbid a subject this call needs
  // the server
  jetstream_not_available,  ///< JetStream is off, or not for this account
  stream_not_found,
  stream_settings_differ,   ///< an existing stream is set up differently; the text names each setting
  stream_of_another,        ///< the stream was made for another namespace and name
  not_enough_replicas,      ///< the server cannot give so many replicas
  server_too_old,
  storage_full,             ///< the server has no room for more
  server_error,             ///< another error answer; the text has its code and description
  protocol_error,           ///< an answer that this library does not understand
};

boost::system::error_category const& error_category() noexcept;
boost::system::error_code make_error_code(errc e) noexcept;

/// True when the same call may succeed later without anything being changed: connection_lost,
/// connect_failed, timed_out, overloaded, circuit_open, and outcome_unknown, where the *same* event is to be
/// saved again. A version conflict is not: read what was missed first.
bool is_retryable(boost::system::error_code const& ec) noexcept;

/// The base of all exceptions this library throws, but for cancellation, which is the
/// boost::system::system_error of asio::error::operation_aborted, as everywhere in Asio.
class error : public boost::system::system_error {
public:
  explicit error(errc e) : system_error(make_error_code(e)) {}
  error(errc e, std::string const& what) : system_error(make_error_code(e), what) {}
  error(boost::system::error_code ec, std::string const& what) : system_error(ec, what) {}
};

/// The event of a save lost: its version is taken or passed, or an expectation is not met.
struct version_conflict {
  std::string actor_id;
  std::int64_t attempted_version = 0;
  std::int64_t current_version = 0; ///< of the actor when the save was refused; 0: no event

  version_conflict() = default;
  version_conflict(std::string actor, std::int64_t attempted, std::int64_t current)
      : actor_id(std::move(actor)), attempted_version(attempted), current_version(current) {}
  friend bool operator==(version_conflict const&, version_conflict const&) = default;
};

class version_conflict_error : public error {
public:
  explicit version_conflict_error(version_conflict conflict);
  version_conflict const& conflict() const noexcept { return conflict_; }
  std::string const& actor_id() const noexcept { return conflict_.actor_id; }
  std::int64_t attempted_version() const noexcept { return conflict_.attempted_version; }
  std::int64_t current_version() const noexcept { return conflict_.current_version; }

private:
  version_conflict conflict_;
};

} // namespace aether

template <> struct boost::system::is_error_code_enum<aether::errc> : std::true_type {};
