// A reader's feed of one actor: where to begin is found out when it is first waited for.
#pragma once

#include "nats/store_core.hpp"

#include <aether/event_feed.hpp>
#include <aether/event_reader.hpp>

#include <memory>
#include <string>

namespace aether::nats::detail {

/// Arguments are checked when it is waited for. `store` may be null: not_open.
std::shared_ptr<event_feed> make_actor_feed(std::shared_ptr<store_core> store, std::string actor_id,
                                            read_options options);

} // namespace aether::nats::detail
