// Groups and dead letters of the JetStream store.
#pragma once

#include "nats/store_core.hpp"

#include <aether/dead_letter.hpp>
#include <aether/event_group.hpp>

#include <memory>
#include <string>

namespace aether::nats::detail {

awaitable<event_group> join_group(std::shared_ptr<store_core> store, group_options options);
awaitable<bool> delete_group(std::shared_ptr<store_core> store, std::string name, call_options options);
std::shared_ptr<dead_letter_source> list_dead_letters(std::shared_ptr<store_core> store, std::string group);
awaitable<bool> remove_dead_letter(std::shared_ptr<store_core> store, dead_letter letter, bool retry,
                                   call_options options);

} // namespace aether::nats::detail
