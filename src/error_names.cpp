// Errors by names that other processes know.
#include "error_names.hpp"

#include <utility>

namespace aether::detail {
namespace {

// What a command may end with. Names never change.
constexpr std::pair<errc, std::string_view> known_error_names[] = {
    {errc::closed, "closed"},
    {errc::invalid_argument, "invalid_argument"},
    {errc::invalid_id, "invalid_id"},
    {errc::invalid_version, "invalid_version"},
    {errc::invalid_batch, "invalid_batch"},
    {errc::data_too_deep, "data_too_deep"},
    {errc::event_too_large, "event_too_large"},
    {errc::not_implemented, "not_implemented"},
    {errc::version_conflict, "version_conflict"},
    {errc::duplicate_event_id, "duplicate_event_id"},
    {errc::outcome_unknown, "outcome_unknown"},
    {errc::batch_not_supported, "batch_not_supported"},
    {errc::overloaded, "overloaded"},
    {errc::history_too_long, "history_too_long"},
    {errc::malformed_event, "malformed_event"},
    {errc::malformed_snapshot, "malformed_snapshot"},
    {errc::version_order, "version_order"},
    {errc::actor_mismatch, "actor_mismatch"},
    {errc::unknown_event_type, "unknown_event_type"},
    {errc::circuit_open, "circuit_open"},
    {errc::decide_failed, "decide_failed"},
    {errc::evolve_failed, "evolve_failed"},
    {errc::command_not_routable, "command_not_routable"},
    {errc::timed_out, "timed_out"},
    {errc::connection_lost, "connection_lost"},
    {errc::permission_denied, "permission_denied"},
    {errc::jetstream_not_available, "jetstream_not_available"},
    {errc::stream_not_found, "stream_not_found"},
    {errc::not_enough_replicas, "not_enough_replicas"},
    {errc::storage_full, "storage_full"},
    {errc::server_error, "server_error"},
    {errc::protocol_error, "protocol_error"},
};

} // namespace

std::string_view error_name(errc e) noexcept {
  for (auto const& [code, name] : known_error_names)
    if (code == e)
      return name;
  return {};
}

std::optional<errc> error_of(std::string_view name) noexcept {
  for (auto const& [code, known] : known_error_names)
    if (known == name)
      return code;
  return std::nullopt;
}

} // namespace aether::detail
