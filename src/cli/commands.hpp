// What each command asks a server, and what it says.
#pragma once

#include "cli/options.hpp"
#include "cli/report.hpp"

#include <aether/awaitable.hpp>

#include <functional>
#include <memory>

namespace aether::cli {

namespace exit_code {
inline constexpr int done = 0;
inline constexpr int found = 1;  ///< check found something, or the doctor something critical
inline constexpr int usage = 2;
inline constexpr int failed = 3;
} // namespace exit_code

/// Runs it to its end, with the exit code; follow ends by cancelling (terminal). `flush`: what was said is to be seen
/// now. Throws what the library throws, and what writing throws.
awaitable<int> run_command(options given, std::shared_ptr<report> out, std::function<void()> flush);

} // namespace aether::cli
