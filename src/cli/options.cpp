// Reads the command line: one table of options, and which command takes which.
#include "cli/options.hpp"

#include "detail/utf8.hpp"
#include "nats/http_answer.hpp"
#include "nats/option_defaults.hpp"
#include "nats/subjects.hpp"

#include <aether/version.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace aether::cli {
namespace {

using aether::detail::quoted;
using namespace std::chrono_literals;

constexpr std::array commands{std::pair(command::streams, std::string_view("streams")),
                              std::pair(command::actors, std::string_view("actors")),
                              std::pair(command::history, std::string_view("history")),
                              std::pair(command::workflows, std::string_view("workflows")),
                              std::pair(command::journal, std::string_view("journal")),
                              std::pair(command::follow, std::string_view("follow")),
                              std::pair(command::check, std::string_view("check")),
                              std::pair(command::doctor, std::string_view("doctor"))};

constexpr std::array states{std::pair(workflow_state::running, std::string_view("running")),
                            std::pair(workflow_state::completed, std::string_view("completed")),
                            std::pair(workflow_state::failed, std::string_view("failed")),
                            std::pair(workflow_state::cancelled, std::string_view("cancelled"))};

constexpr unsigned of(command c) { return 1u << static_cast<unsigned>(c); }
constexpr unsigned of_programs = 1u << 31; ///< those beside the inspector
constexpr unsigned of_commands = ~of_programs;
constexpr unsigned of_all = ~0u;

template <class Number> std::optional<Number> number(std::string_view text) {
  Number n{};
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

// Each takes a value, and says what is wrong with it; empty: nothing.
using setter = std::string (*)(options&, std::string const& value);

std::string set_text(std::string& into, std::string const& value) {
  if (value.empty())
    return "expects something that is not empty";
  into = value;
  return {};
}

std::string set_id(std::string& into, std::string const& value) {
  if (!aether::detail::valid_id(value))
    return "expects 1 to 255 bytes of UTF-8";
  into = value;
  return {};
}

std::string set_name_space(options& o, std::string const& value) {
  if (!nats::detail::valid_name(value))
    return "expects letters, digits, - and _";
  o.name_space = value;
  return {};
}

std::string set_timeout(options& o, std::string const& value) {
  auto const time = parse_duration(value);
  if (!time)
    return "expects a time above zero, as 500ms, 10s or 2m";
  o.timeout = *time;
  return {};
}

std::string set_after(options& o, std::string const& value) {
  auto const n = number<std::int64_t>(value);
  if (!n || *n < 0)
    return "expects a version, 0 or greater";
  o.after = *n;
  return {};
}

std::string set_limit(options& o, std::string const& value) {
  auto const n = number<std::size_t>(value);
  if (!n || *n == 0)
    return "expects a number above zero";
  o.limit = *n;
  return {};
}

std::string set_state(options& o, std::string const& value) {
  for (auto const& [state, name] : states)
    if (name == value) {
      o.state = state;
      return {};
    }
  return "expects running, completed, failed or cancelled";
}

std::string set_from(options& o, std::string const& value) {
  if (value != "beginning" && value != "now") {
    try {
      position::from_text(value);
    } catch (error const&) {
      return "expects beginning, now, or a position as --json writes it";
    }
  }
  o.from = value;
  return {};
}

std::string set_policy(options& o, std::string const& value) {
  if (value != "increasing" && value != "contiguous")
    return "expects increasing or contiguous";
  o.contiguous = value == "contiguous";
  return {};
}

std::string set_monitoring(options& o, std::string const& value) {
  auto const urls = nats::detail::split_servers(value);
  if (urls.empty())
    return "expects a URL as http://host:8222";
  for (auto const& url : urls) {
    auto const page = nats::detail::monitoring_page(url);
    if (auto const* wrong = std::get_if<std::string>(&page))
      return "expects a URL as http://host:8222: " + *wrong;
  }
  o.monitoring_urls = value;
  return {};
}

struct option_spec {
  std::string_view name;
  unsigned commands;
  setter set; ///< of one that takes a value
  void (*flag)(options&) = nullptr;
};

constexpr std::array option_specs{
    option_spec{"--url", of_all, [](options& o, std::string const& v) { return set_text(o.url, v); }},
    option_spec{"--creds", of_all, [](options& o, std::string const& v) { return set_text(o.creds, v); }},
    option_spec{"--user", of_all, [](options& o, std::string const& v) { return set_text(o.user, v); }},
    option_spec{"--password-file", of_all,
                [](options& o, std::string const& v) { return set_text(o.password_file, v); }},
    option_spec{"--inbox-prefix", of_all, [](options& o, std::string const& v) { return set_text(o.inbox_prefix, v); }},
    option_spec{"--namespace", of_all, &set_name_space},
    option_spec{"--timeout", of_all, &set_timeout},
    option_spec{"--json", of_commands, nullptr, [](options& o) { o.json = true; }},
    option_spec{"--type", of(command::actors) | of(command::workflows) | of(command::follow),
                [](options& o, std::string const& v) { return set_id(o.type, v); }},
    option_spec{"--state", of(command::workflows), &set_state},
    option_spec{"--after", of(command::history), &set_after},
    option_spec{"--limit", of(command::history), &set_limit},
    option_spec{"--reverse", of(command::history), nullptr, [](options& o) { o.reverse = true; }},
    option_spec{"--actor", of(command::follow), [](options& o, std::string const& v) { return set_id(o.actor, v); }},
    option_spec{"--from", of(command::follow), &set_from},
    option_spec{"--policy", of(command::check), &set_policy},
    option_spec{"--monitoring-url", of(command::doctor), &set_monitoring},
    option_spec{"--system-creds", of(command::doctor),
                [](options& o, std::string const& v) { return set_text(o.system_creds, v); }},
    option_spec{"--system-user", of(command::doctor),
                [](options& o, std::string const& v) { return set_text(o.system_user, v); }},
    option_spec{"--system-password-file", of(command::doctor),
                [](options& o, std::string const& v) { return set_text(o.system_password_file, v); }}};

struct given_option {
  option_spec const* spec;
  std::string value;
};

/// An argument as it may be shown: a URL can hold a password.
std::string shown_argument(std::string const& argument) {
  return argument.find('@') != std::string::npos ? std::string("one that is not shown, as it holds an @")
                                                 : quoted(argument);
}

/// What the arguments are, before it is known whether they fit together.
struct sorted_arguments {
  std::vector<std::string> words; ///< that are no options
  std::vector<given_option> given;
  bool help = false;
  bool version = false;
  std::string wrong; ///< empty: nothing
};

sorted_arguments sort_arguments(std::vector<std::string> const& arguments) {
  sorted_arguments out;
  bool options_end = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto const& argument = arguments[i];
    if (options_end || argument.size() < 2 || argument.front() != '-') {
      out.words.push_back(argument);
      continue;
    }
    if (argument == "--") {
      options_end = true;
      continue;
    }
    if (argument == "--help" || argument == "-h") {
      out.help = true;
      continue;
    }
    if (argument == "--version") {
      out.version = true;
      continue;
    }
    auto const equals = argument.find('=');
    auto const name = argument.substr(0, equals);
    auto const* const spec =
        std::find_if(option_specs.begin(), option_specs.end(), [&](option_spec const& s) { return s.name == name; });
    if (spec == option_specs.end()) {
      out.wrong = "there is no option " + shown_argument(name);
      return out;
    }
    given_option one{spec, {}};
    if (spec->flag && equals != std::string::npos) {
      out.wrong = name + " takes no value";
      return out;
    }
    if (spec->set && equals != std::string::npos)
      one.value = argument.substr(equals + 1);
    else if (spec->set && i + 1 == arguments.size()) {
      out.wrong = name + " needs a value";
      return out;
    } else if (spec->set)
      one.value = arguments[++i];
    out.given.push_back(std::move(one));
  }
  return out;
}

std::string apply(options& into, std::vector<given_option> const& given, unsigned to, std::string const& what) {
  std::vector<std::string_view> seen;
  for (auto const& [spec, value] : given) {
    std::string const name(spec->name);
    if (std::find(seen.begin(), seen.end(), spec->name) != seen.end())
      return name + " is given twice";
    seen.push_back(spec->name);
    if ((spec->commands & to) == 0)
      return what + " takes no " + name;
    if (spec->flag)
      spec->flag(into);
    else if (auto const wrong = spec->set(into, value); !wrong.empty())
      return name + ' ' + wrong;
  }
  if (into.user.empty() != into.password_file.empty())
    return "--user and --password-file belong together";
  if (!into.creds.empty() && !into.user.empty())
    return "--creds and --user exclude each other";
  if (into.system_user.empty() != into.system_password_file.empty())
    return "--system-user and --system-password-file belong together";
  if (!into.system_creds.empty() && !into.system_user.empty())
    return "--system-creds and --system-user exclude each other";
  if (!into.actor.empty() && !into.type.empty() && into.command == command::follow)
    return "--actor and --type exclude each other";
  return {};
}

/// What stands behind the command.
std::string take_stream(options& into, std::string const& word) {
  if (!nats::detail::valid_name(word))
    return "a stream's name is letters, digits, - and _: " + shown_argument(word);
  into.stream = word;
  return {};
}

std::string take_words(options& into, std::vector<std::string> const& words) {
  auto const c = into.command;
  std::string const name(name_of(c));
  bool const wants_stream = c != command::streams;
  bool const wants_actor = c == command::history || c == command::journal;
  std::size_t const wanted = 1 + (wants_stream ? 1u : 0u) + (wants_actor ? 1u : 0u);
  if (words.size() > wanted)
    return name + " takes no further argument: " + shown_argument(words[wanted]);
  if (wants_stream && words.size() < 2)
    return name + " needs the name of a stream";
  if (wants_actor && words.size() < 3)
    return name + " needs the id of an actor";
  if (wants_stream)
    if (auto wrong = take_stream(into, words[1]); !wrong.empty())
      return wrong;
  if (wants_actor) {
    if (auto const wrong = set_id(into.actor, words[2]); !wrong.empty())
      return "the actor's id " + wrong.substr(std::string_view("expects ").size()) + " is expected";
  }
  return {};
}

void set_default_url(options& into, std::string_view url) {
  if (into.url.empty())
    into.url = url.empty() ? std::string_view("nats://127.0.0.1:4222") : url;
}

} // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  auto const digits = std::min(text.find_first_not_of("0123456789"), text.size());
  auto const count = number<std::int64_t>(text.substr(0, digits));
  auto const unit = text.substr(digits);
  std::chrono::nanoseconds one = 0s;
  if (unit.empty() || unit == "s")
    one = 1s;
  else if (unit == "ms")
    one = 1ms;
  else if (unit == "m")
    one = 1min;
  else if (unit == "h")
    one = 1h;
  if (!count || *count <= 0 || one == 0s || *count >= std::chrono::hours(24 * 365) / one)
    return std::nullopt;
  return one * *count;
}

std::string version_text() { return "aether " AETHER_VERSION_STRING "\n"; }

std::string_view name_of(command c) noexcept {
  for (auto const& [known, name] : commands)
    if (known == c)
      return name;
  return "?";
}

std::string_view name_of(workflow_state s) noexcept {
  for (auto const& [known, name] : states)
    if (known == s)
      return name;
  return "unknown";
}

parsed_options parse_options(std::vector<std::string> const& arguments, std::string_view default_url) {
  auto const sorted = sort_arguments(arguments);
  if (sorted.version)
    return answer_text{version_text()};
  options out;
  auto words = sorted.words;
  bool help = sorted.help;
  if (!words.empty() && words.front() == "help") {
    help = true;
    words.erase(words.begin());
  }
  auto const* known = words.empty() ? commands.end()
                                    : std::find_if(commands.begin(), commands.end(),
                                                   [&](auto const& c) { return c.second == words.front(); });
  if (help)
    return answer_text{known == commands.end() ? help_text() : help_text(known->first)};
  if (!sorted.wrong.empty())
    return usage_error{sorted.wrong};
  if (words.empty())
    return usage_error{"a command is missing: streams, actors, history, workflows, journal, follow, check or doctor"};
  if (known == commands.end())
    return usage_error{"there is no command " + shown_argument(words.front())};
  out.command = known->first;
  if (auto wrong = take_words(out, words); !wrong.empty())
    return usage_error{std::move(wrong)};
  if (auto wrong = apply(out, sorted.given, of(out.command), std::string(name_of(out.command))); !wrong.empty())
    return usage_error{std::move(wrong)};
  set_default_url(out, default_url);
  return out;
}

std::variant<options, usage_error> parse_program_options(std::vector<std::string> const& arguments,
                                                         std::string_view default_url) {
  auto const sorted = sort_arguments(arguments);
  if (!sorted.wrong.empty())
    return usage_error{sorted.wrong};
  options out;
  if (sorted.words.empty())
    return usage_error{"the name of a store or stream is missing"};
  if (sorted.words.size() > 1)
    return usage_error{"there is one argument too many: " + shown_argument(sorted.words[1])};
  if (auto wrong = take_stream(out, sorted.words.front()); !wrong.empty())
    return usage_error{std::move(wrong)};
  if (auto wrong = apply(out, sorted.given, of_programs, "this program"); !wrong.empty())
    return usage_error{std::move(wrong)};
  set_default_url(out, default_url);
  return out;
}

} // namespace aether::cli
