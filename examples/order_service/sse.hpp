// Events of the store as server-sent events, from where the client left off.
#pragma once

#include "http_server.hpp"

#include <aether/event_store.hpp>

#include <memory>
#include <string>

namespace orders {

/// Follows what the filter chooses: from `start`, or behind the event with that Last-Event-ID when there is one.
///
/// Each server-sent event has a store's position as its id, so a browser that reconnects, also to another process,
/// misses nothing and gets nothing twice. Throws what event_store::subscribe throws.
aether::awaitable<http::answer> follow_events(std::shared_ptr<aether::event_store> store, aether::event_filter filter,
                                              aether::start_from start, std::string last_event_id);

} // namespace orders
