// Several streams' subscriptions as one feed.
#pragma once

#include <aether/event_feed.hpp>
#include <aether/subscription.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace aether::detail {

/// Tells of an event whether it counts in its part, by the actor's id.
using wanted_in_part = std::function<bool(std::size_t part, std::string_view actor_id)>;

/// Until all parts have caught up it hands out what was stored first, and waits for each of them; then what is there.
/// Its position has the places of all parts. `wanted`: empty, or what else is passed over.
std::shared_ptr<event_feed> merge_feeds(std::vector<event_subscription> parts, wanted_in_part wanted);

} // namespace aether::detail
