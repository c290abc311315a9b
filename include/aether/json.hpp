// Events and snapshots as JSON text: the form in which they are stored and that other programs read.
#pragma once

#include <aether/error.hpp>
#include <aether/snapshot.hpp>

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <string>
#include <string_view>

namespace aether {

/// What the text of an event or snapshot can hold wrong: `reason` names field and fault, for people.
struct parse_error {
  boost::system::error_code code; ///< errc::malformed_event or errc::malformed_snapshot
  std::string reason;
};

/// Writes the event as one JSON object: id, eventType, actorId, commandId (left out when empty), version,
/// data, metadata (left out when empty), timestamp (RFC 3339, UTC, as many fractional digits as needed). Numbers read
/// back as they were: integers as integers, doubles as the same double.
///
/// Throws aether::error for what JSON cannot hold or no reader would take: invalid_argument for NaN, infinity and
/// strings that are not UTF-8 (the text names the field), data_too_deep beyond 32 levels. Ids and version are not
/// checked.
std::string to_json(event const& e);
std::string to_json(actor_snapshot const& s);
/// The same, appended to `out`, whose capacity is used again; when it throws, `out` is as it was.
void append_json(std::string& out, event const& e);
void append_json(std::string& out, actor_snapshot const& s);

/// Reads an event from JSON text. Unknown fields are ignored, of a field that occurs twice the last counts, null is an
/// empty object in `data` and absent in `commandId` and `metadata`, integers of 64 bits stay integers, and a number
/// that is too large for a double is refused. Text that is not strictly JSON, another missing or mistyped field, or a
/// value deeper than 32 levels is an error: false is returned, `error` says what, and `out` is left in a valid,
/// unspecified state.
bool parse_event(std::string_view text, event& out, parse_error& error);
bool parse_snapshot(std::string_view text, actor_snapshot& out, parse_error& error);

/// The same, throwing aether::error.
event event_from_json(std::string_view text);
actor_snapshot snapshot_from_json(std::string_view text);

/// RFC 3339 in UTC (`2026-01-31T12:00:00.25Z`), and back with any offset. Digits behind the ninth of a fraction are cut
/// off, a leap second reads as the second after it, and a time outside 1677-09-21 to 2262-04-11, which nanoseconds
/// cannot hold (Go's zero time is of the year 1), becomes the first or last they can. False: no such time.
std::string format_time(time_point t);
bool parse_time(std::string_view text, time_point& out) noexcept;

/// Levels of nesting of a value: a scalar has 0, an object or array one more than its deepest element.
/// Stops counting above `limit` and then returns `limit` + 1.
int json_depth(boost::json::object const& object, int limit) noexcept;
inline constexpr int max_json_depth = 32;

// Boost.JSON conversions: boost::json::value_from(event) and boost::json::value_to<event>(value).
void tag_invoke(boost::json::value_from_tag, boost::json::value& out, event const& e);
event tag_invoke(boost::json::value_to_tag<event>, boost::json::value const& v);
void tag_invoke(boost::json::value_from_tag, boost::json::value& out, actor_snapshot const& s);
actor_snapshot tag_invoke(boost::json::value_to_tag<actor_snapshot>, boost::json::value const& v);

} // namespace aether
