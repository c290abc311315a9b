// The event: an immutable fact about one actor.
#pragma once

#include <aether/metadata.hpp>

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether {

/// Time of an event: UTC, nanoseconds since the epoch.
using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What happened to one actor, at one version of it.
///
/// Two events are *the same event* when actor_id, version and id are equal; the payload is not
/// compared. Saving the same event again is always safe.
struct event {
  std::string id;             ///< unique; the key by which a retry is recognised. 1 to 255 bytes
  std::string event_type;     ///< 1 to 255 bytes
  std::string actor_id;       ///< `order-42`. 1 to 255 bytes of UTF-8 without NUL
  std::string command_id;     ///< optional: the command this event answers
  std::int64_t version = 0;   ///< 1 to 2^63 - 1, strictly increasing per actor
  boost::json::object data;   ///< at most 32 levels deep, itself the first
  aether::metadata metadata;
  time_point timestamp{};     ///< the epoch: stamped when saved

  event() = default;          // declared, so that no braced temporary meets `co_await` (g++ 12)

  friend bool operator==(event const&, event const&) = default;
};

/// A new event with a random UUID as its id and the time of now.
event make_event(std::string event_type, std::string actor_id, std::int64_t version, boost::json::object data = {});

/// The same, made in answer to `cause`: correlation and causation are filled in.
event make_event(event const& cause, std::string event_type, std::string actor_id, std::int64_t version,
                 boost::json::object data = {});

/// The actor's type: what stands before the first `-` that is not the first character, else `unknown`.
/// The view points into `actor_id` or to a literal.
std::string_view actor_type(std::string_view actor_id) noexcept;

/// A random UUID (version 4) as 36 characters, from a generator of this thread seeded by the operating system.
std::string make_uuid();

} // namespace aether
