// What stands behind the readers, subscriptions and listings of an embedded store.
#pragma once

#include "memory_log.hpp"

#include <aether/actor_list.hpp>
#include <aether/event_feed.hpp>
#include <aether/event_reader.hpp>
#include <aether/subscription.hpp>

#include <memory>
#include <string>

namespace aether::detail {

inline position place_of(stored_event const& e, stream_identity const& stream) {
  return position({stream_place(stream.name, stream.created, e.sequence, e.value.id)});
}
inline position beginning_of(stream_identity const& stream) {
  return position({stream_place(stream.name, stream.created, 0, std::string())});
}
inline void copy_out(stored_event const& e, std::shared_ptr<stream_identity const> const& stream,
                     recorded_event& into) {
  into.event = e.value;
  into.sequence = e.sequence;
  into.stored = e.stored;
  into.stream = stream;
}

// All of these keep the log alive, check their arguments when they are first used, and throw `closed` once it is.

std::shared_ptr<event_feed> make_memory_reader(std::shared_ptr<memory_log> log, std::string actor_id,
                                               read_options const& options);
std::shared_ptr<actor_pages> make_memory_listing(std::shared_ptr<memory_log> log, list_options options);

/// The sequence behind which to begin; not for latest_of_each_actor. Throws position_invalid.
std::uint64_t start_behind(memory_log& log, start_from const& start);

/// Suspends only to let others run while it looks for each actor's latest event. Throws position_invalid.
awaitable<std::shared_ptr<event_feed>> subscribe_to_memory(std::shared_ptr<memory_log> log, subscribe_options options);

} // namespace aether::detail
