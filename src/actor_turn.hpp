// Working for an actor: loading it, deciding commands on it, saving, and reading what was missed.
#pragma once

#include "actor_core.hpp"

#include <memory>

namespace aether::detail {

/// Works until `mine`, which leads, is over. Throws what ends the work: mine is not over then, unless the hand failed
/// with it.
awaitable<void> lead_actor(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                           std::shared_ptr<actor_call> mine);

/// Reads snapshot and events into an entry that has no state.
awaitable<void> load_actor(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline);
/// Reads the events behind the entry's version. When it throws, the entry's state is gone or as it was.
awaitable<void> read_missed(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline);

/// The events of a command that the window or, `far` back, the history knows: answered as repeated. False: it is new.
awaitable<bool> answer_repeated(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                                std::shared_ptr<actor_call> call, steady_time deadline);

} // namespace aether::detail
