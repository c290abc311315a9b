// Saving an event or a batch, from the caller's side: check, decide from the cache, encode, wait.
#pragma once

#include <aether/event_store.hpp>

#include <memory>
#include <vector>

namespace aether::nats::detail {

class store_core;

awaitable<save_outcome> save_one(std::shared_ptr<store_core> store, event e, save_options options);
awaitable<save_outcome> save_batch(std::shared_ptr<store_core> store, std::vector<event> batch, save_options options);

} // namespace aether::nats::detail
