// A save on a fault_injecting_store.
#pragma once

#include "testing/fault_core.hpp"

namespace aether::testing::detail {

/// Drives one save to its end.
asio::awaitable<save_outcome> save(core_ptr core, save_request request);

} // namespace aether::testing::detail
