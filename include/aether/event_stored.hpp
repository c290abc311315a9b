// What a store tells a broadcaster after a save: an event of type EventStored.
#pragma once

#include <aether/event.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aether {

inline constexpr std::string_view event_stored_type = "EventStored";

/// An event is in its store. Announced under the same actor and version, in the store's namespace, with these as its
/// data: `eventId`, `actorId`, `version`, `timestamp` (of the event, Unix seconds). Its metadata names the event as its
/// cause, and passes the correlation id and the trace context on.
///
/// In the order in which a store object stored an actor's events, one for each event of a batch; by the store whose
/// attempt was stored, when it learns so. At most once: a process that ends, a broadcaster that throws or stays behind
/// lose it. Who needs every event subscribes to the store.
struct event_stored {
  std::string event_id;
  std::string actor_id;
  std::int64_t version = 0;
  std::chrono::sys_seconds timestamp{};

  event_stored() = default;
};

/// None: it is not of that type, or not well-formed.
std::optional<event_stored> as_event_stored(event const& e);

/// For stores: what is announced of `stored`.
event make_event_stored(event const& stored);

} // namespace aether
