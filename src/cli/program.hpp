// What the programs beside the inspector have in common: each changes one thing, and is told how on its command line.
#pragma once

#include "cli/options.hpp"

#include <aether/awaitable.hpp>

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace aether::cli {

/// What is to be done, or what is wrong with the command line.
using program_work = std::variant<std::string, std::function<awaitable<void>()>>;

/// Reads what is left of a command line when a program has taken its own options: the name of what it is about, and how
/// to connect. What is wrong; empty: nothing.
std::string read_around(std::vector<std::string> const& arguments, options& out);

/// The whole of `main`: `--help`, `--version`, exit code 2 with what is wrong, 3 with what failed.
int run_program(char const* name, char const* help, std::vector<std::string> const& arguments,
                std::function<program_work(std::vector<std::string>)> const& read);

} // namespace aether::cli
