// Streams, actors and events as rows.
#pragma once

#include "cli/row.hpp"
#include "nats/stream_listing.hpp"

#include <aether/actor_list.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <optional>

namespace aether::cli {

row stream_row(nats::detail::listed_stream const& s);

/// `last`: none when it has no well-formed event.
row actor_row(listed_actor const& actor, std::optional<event> const& last);

/// `with_actor`: several actors' events stand in one list, and programs get the position behind each.
row event_row(recorded_event const& e, bool with_actor);
row malformed_row(replay_error const& bad, bool with_actor);

/// The bytes of a message that is no event: `raw`, or `rawBase64` when they are no UTF-8.
void add_raw(row& r, std::string_view bytes);

/// The name of an error code as it stands in JSON: `malformed_event`.
std::string error_name(boost::system::error_code const& code);

} // namespace aether::cli
