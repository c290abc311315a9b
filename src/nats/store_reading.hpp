// Subscriptions, readers and listings of the JetStream store.
#pragma once

#include "nats/store_core.hpp"

#include <aether/event_reader.hpp>
#include <aether/subscription.hpp>

#include <memory>

namespace aether::nats::detail {

awaitable<event_subscription> subscribe(std::shared_ptr<store_core> store, subscribe_options options);

} // namespace aether::nats::detail
