// Keeping and finding snapshots: one message per snapshot on the actor's own subject, the last one counts.
#pragma once

#include <aether/event_store.hpp>

#include <memory>
#include <optional>
#include <string>

namespace aether::nats::detail {

class store_core;

awaitable<void> keep_snapshot(std::shared_ptr<store_core> store, actor_snapshot s, call_options options);
awaitable<std::optional<actor_snapshot>> load_snapshot(std::shared_ptr<store_core> store, std::string actor_id,
                                                       call_options options);

} // namespace aether::nats::detail
