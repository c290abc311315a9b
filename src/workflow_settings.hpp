// A host's options as its parts use them.
#pragma once

#include <aether/retry.hpp>
#include <aether/workflow_options.hpp>

#include <functional>

namespace aether::detail {

/// Without zeros; time and random are there. Throws invalid_argument.
workflow_host_options settled(workflow_host_options options);

/// For calls of the store: again for as long as what they fail with may pass, and `is_over` says no. The host's options
/// outlive it.
retry_policy patience(workflow_host_options const& host, std::function<bool()> is_over);

} // namespace aether::detail
