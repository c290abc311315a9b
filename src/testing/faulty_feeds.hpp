// Readers, subscriptions and listings on a fault_injecting_store.
#pragma once

#include "testing/fault_core.hpp"

#include <memory>
#include <string>

namespace aether::testing::detail {

// Opening is a call of kind operation::read: a reader's first step, a subscription, each page of a listing. What comes
// afterwards meets outages only: nothing comes while there is one. They end with `closed` when the store is closed.

event_reader read_events(core_ptr core, std::string actor_id, read_options options);
asio::awaitable<event_subscription> subscribe(core_ptr core, subscribe_options options);
actor_list list_actors(core_ptr core, list_options options);

} // namespace aether::testing::detail
