// The error category, its messages, and what may be tried again.
#include <aether/error.hpp>

#include "detail/utf8.hpp"

#include <utility>

namespace aether {
namespace {

char const* message_of(errc e) noexcept {
  switch (e) {
  case errc::not_open:
    return "This handle is not open: it was made by default or moved from, so open it first.";
  case errc::closed:
    return "This handle was closed, or its execution context is gone: open a new one.";
  case errc::invalid_argument:
    return "An argument or option is not valid: correct the one that is named.";
  case errc::invalid_id:
    return "An id, type or name is not valid: use 1 to 255 bytes of UTF-8 without NUL.";
  case errc::invalid_version:
    return "The version is not valid: use 1 to 2^63 - 1, and an expectation below the event's version.";
  case errc::invalid_batch:
    return "The batch is not valid: give 1 to 1,000 events of one actor with increasing versions.";
  case errc::data_too_deep:
    return "The data is nested deeper than 32 levels: flatten it, or store the inner part as a string.";
  case errc::event_too_large:
    return "The event is larger than the store takes: make it smaller, or raise the limit (a server's max_payload).";
  case errc::not_implemented:
    return "This version of the library cannot do that: use another call or a newer version.";
  case errc::version_conflict:
    return "The version is taken or passed, or an expectation is not met: read what was missed, then decide again.";
  case errc::duplicate_event_id:
    return "The event's id was used for a different event: give each event an id of its own.";
  case errc::outcome_unknown:
    return "It is not known whether the event was stored: save the same event again to learn, it is never stored "
           "twice.";
  case errc::batch_not_supported:
    return "This server has no atomic batches: save the events one by one, or use nats-server 2.12.1 or newer.";
  case errc::overloaded:
    return "Too many saves are waiting and nothing was stored: try again later, or raise max_waiting_saves.";
  case errc::history_too_long:
    return "The history is longer than the limit of one call: read it in parts, use a snapshot, or raise the limit.";
  case errc::snapshot_not_found:
    return "The actor has no snapshot: replay its events, or use find_snapshot.";
  case errc::malformed_event:
    return "The text is no well-formed event: correct what wrote it; get_events_with_errors shows the stored bytes.";
  case errc::malformed_snapshot:
    return "The text is no well-formed snapshot: replay the actor's events and save a new one.";
  case errc::actor_mismatch:
    return "Another actor's events are on this actor's subject: rename the actor, or use the percent encoding.";
  case errc::version_order:
    return "The event stands behind one whose version is not smaller: find out who wrote it without an expectation.";
  case errc::start_expired:
    return "Events behind the start may have expired: start at the first, or rebuild what was built from them.";
  case errc::position_invalid:
    return "The position does not fit what the store holds: read from the beginning, or rebuild what was built from "
           "it.";
  case errc::workflow_not_found:
    return "There is no workflow of this type and id: start it, or correct the id.";
  case errc::workflow_exists:
    return "A workflow of this id was started with another input: use another id, or the same input.";
  case errc::workflow_finished:
    return "The workflow has finished and takes no signal any more: ask for its result.";
  case errc::workflow_failed:
    return "The workflow failed: the exception says how, its journal shows where.";
  case errc::workflow_cancelled:
    return "The workflow was cancelled, or is being: let the exception pass, undo steps run then.";
  case errc::workflow_diverged:
    return "The workflow's code does not fit its journal: run the code it was started with, or use has_recorded().";
  case errc::workflow_name_used:
    return "A name stands for two operations of a run: give each a name of its own.";
  case errc::workflow_too_long:
    return "The run's journal has reached max_journal_entries: go on with continue_as_new().";
  case errc::workflow_result_too_large:
    return "A step's result is larger than max_result_bytes: store it elsewhere, and return where it is.";
  case errc::step_failed:
    return "A step failed: the exception has its name and what it threw.";
  case errc::step_in_doubt:
    return "A step that may run only once was begun, and it is not known whether it ended: find out, then decide.";
  case errc::node_name_taken:
    return "Another process lives under this node's name: give each process a name of its own.";
  case errc::command_not_routable:
    return "The node did not understand the command and nothing was stored: register its type there, or deploy newer "
           "code.";
  case errc::projection_taken_over:
    return "Another runner works on this projection, or its checkpoint was changed: run one of each name at a time.";
  case errc::database_error:
    return "The read model's database refused: see its words in the text, and mend what they name.";
  case errc::group_settings_differ:
    return "The group exists with other settings: join with those it has, choose another name, or delete the group.";
  case errc::group_not_found:
    return "The group does not exist any more: join it to make it anew.";
  case errc::unknown_event_type:
    return "The event's type or its version is not known here: add it to the set, deploy newer code, or choose to skip "
           "what is unknown.";
  case errc::circuit_open:
    return "The circuit breaker is open and nothing was tried: wait until it lets a trial through.";
  case errc::command_rejected:
    return "The actor refused the command: see the rejection's code and text.";
  case errc::decide_failed:
    return "The decider threw instead of deciding, and nothing was stored: correct it; the exception holds what it "
           "threw.";
  case errc::evolve_failed:
    return "An event could not be applied to the actor's state: correct evolve, or add an upcaster for the old event.";
  case errc::timed_out:
    return "The deadline passed; a save of events stored nothing: try again, or allow more time.";
  case errc::connect_failed:
    return "No server could be reached: check the addresses and that a server is running, then try again.";
  case errc::connection_lost:
    return "The connection broke during the call: try again, it is made anew in the background.";
  case errc::authentication_failed:
    return "The server refused the credentials: check the user, password, token, key or credentials file.";
  case errc::tls_failed:
    return "TLS could not be set up: check certificates, host name and TLS settings on both sides.";
  case errc::permission_denied:
    return "The server forbids a subject that this call needs: extend the user's permissions.";
  case errc::jetstream_not_available:
    return "JetStream is not available: start the server with -js, or enable it for this account.";
  case errc::stream_not_found:
    return "The stream does not exist: create it, or open the store with permission to create it.";
  case errc::stream_settings_differ:
    return "The stream exists with other settings: change one side, choose another name, or adopt the stream.";
  case errc::stream_of_another:
    return "The stream belongs to another namespace and name: choose another name, or open it as that pair.";
  case errc::not_enough_replicas:
    return "The server cannot keep so many replicas: ask for fewer, or add servers to the cluster.";
  case errc::server_too_old:
    return "The server is too old for what was asked: upgrade it, or use one replica.";
  case errc::storage_full:
    return "The server has no room for more: free space, or raise its limits.";
  case errc::server_error:
    return "The server answered with an error: see its code and description.";
  case errc::protocol_error:
    return "The server's answer was not understood: check that only a NATS server answers, and report the text.";
  }
  return "This is an unknown aether error: the value comes from another version of the library.";
}

class aether_category final : public boost::system::error_category {
public:
  // The number makes categories of two copies of the library (a program and a plug-in) compare equal.
  constexpr aether_category() noexcept : error_category(0x6AE7C3D19B5F2E84u) {}

  char const* name() const noexcept override { return "aether"; }
  std::string message(int value) const override { return message_of(static_cast<errc>(value)); }

  boost::system::error_condition default_error_condition(int value) const noexcept override {
    namespace generic = boost::system::errc;
    switch (static_cast<errc>(value)) {
    case errc::invalid_argument:
    case errc::invalid_id:
    case errc::invalid_version:
    case errc::invalid_batch:
      return make_error_condition(generic::invalid_argument);
    case errc::event_too_large:
      return make_error_condition(generic::message_size);
    case errc::not_implemented:
      return make_error_condition(generic::function_not_supported);
    case errc::batch_not_supported:
      return make_error_condition(generic::operation_not_supported);
    case errc::timed_out:
      return make_error_condition(generic::timed_out);
    case errc::connection_lost:
      return make_error_condition(generic::connection_reset);
    case errc::permission_denied:
      return make_error_condition(generic::permission_denied);
    case errc::storage_full:
      return make_error_condition(generic::no_space_on_device);
    case errc::protocol_error:
      return make_error_condition(generic::protocol_error);
    default:
      return boost::system::error_condition(value, *this);
    }
  }
};

std::string describe(version_conflict const& c) {
  return "actor " + detail::quoted(c.actor_id) + ": version " + std::to_string(c.attempted_version) +
         " cannot be saved, the current version is " + std::to_string(c.current_version);
}

} // namespace

boost::system::error_category const& error_category() noexcept {
  static constinit aether_category const category;
  return category;
}

boost::system::error_code make_error_code(errc e) noexcept {
  return boost::system::error_code(static_cast<int>(e), error_category());
}

bool is_retryable(boost::system::error_code const& ec) noexcept {
  if (ec.category() != error_category())
    return false;
  switch (static_cast<errc>(ec.value())) {
  case errc::connection_lost:
  case errc::connect_failed:
  case errc::timed_out:
  case errc::overloaded:
  case errc::outcome_unknown:
  case errc::circuit_open:
    return true;
  default:
    return false;
  }
}

version_conflict_error::version_conflict_error(version_conflict conflict)
    : error(errc::version_conflict, describe(conflict)), conflict_(std::move(conflict)) {}

} // namespace aether
