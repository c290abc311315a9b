// What the inspector was asked for: its command line as a value.
#pragma once

#include <aether/workflow_host.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether::cli {

enum class command { streams, actors, history, workflows, journal, follow, check, doctor };

struct options {
  cli::command command = command::streams;

  // Of all commands.
  std::string url;           ///< servers, separated by commas
  std::string creds;         ///< a file
  std::string user;
  std::string password_file;
  std::string inbox_prefix;
  std::string name_space;
  bool json = false;
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);

  // Of some.
  std::string stream;
  std::string actor;
  std::string type;
  std::int64_t after = 0;
  std::size_t limit = 0; ///< 0: all
  bool reverse = false;
  bool contiguous = false;
  workflow_state state = workflow_state::unknown; ///< unknown: all
  std::string from = "now";
  std::string monitoring_urls; ///< separated by commas
  std::string system_creds;    ///< a file, of a user of the system account
  std::string system_user;
  std::string system_password_file;

  options() = default;
};

/// Help was asked for, or the version: text to be written, and nothing to be done.
struct answer_text {
  std::string text;
};

/// The command line is wrong: one line that says in what, without what may be secret.
struct usage_error {
  std::string text;
};

using parsed_options = std::variant<options, answer_text, usage_error>;

/// `arguments`: without the program's name. `default_url`: used where no --url is given; empty: the local server.
parsed_options parse_options(std::vector<std::string> const& arguments, std::string_view default_url);

/// What is left of the arguments of a program beside the inspector, when it has taken its own options and been asked
/// for no help: the name of what it is about, and how to connect.
std::variant<options, usage_error> parse_program_options(std::vector<std::string> const& arguments,
                                                         std::string_view default_url);

/// `250ms`, `10s`, `2m`, `1h`; a number alone is seconds. None: nothing of that, or not above zero and below a year.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

std::string_view name_of(command c) noexcept;
std::string_view name_of(workflow_state s) noexcept;

std::string version_text();

/// The help of the program, and of one command.
std::string help_text();
std::string help_text(command c);

} // namespace aether::cli
