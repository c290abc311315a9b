// The actors of a stream, page after page of its subjects.
#pragma once

#include "nats/store_core.hpp"

#include <aether/actor_list.hpp>

#include <memory>

namespace aether::nats::detail {

/// Arguments are checked when the first page is asked for.
std::shared_ptr<actor_pages> make_actor_pages(std::shared_ptr<store_core> store, list_options options);

} // namespace aether::nats::detail
