// The benchmark's command line.
#include "benchmark/options.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace aether::benchmark {
namespace {

constexpr char const* usage =
    "aether_benchmark [--quick] [--rounds N] [--server PROGRAM]… [--only WORK]… [--json FILE]\n"
    "  --quick    under a minute in all: fewer operations\n"
    "  --rounds   of each work, 5 by default; the medians count\n"
    "  --server   a nats-server to measure on; nats-server from PATH when none is named\n"
    "  --only     runs the works whose name holds this\n"
    "  --json     where the rows go; AETHER_BENCHMARK_JSON otherwise";

std::size_t number(std::string const& text) {
  std::size_t read = 0;
  unsigned long long value = 0;
  try {
    value = std::stoull(text, &read);
  } catch (std::exception const&) {
    read = 0;
  }
  if (read == 0 || read != text.size() || value == 0)
    throw std::runtime_error("not a count: " + text + "\n" + usage);
  return value;
}

} // namespace

bool options::wants(std::string const& work) const {
  return only.empty() || std::any_of(only.begin(), only.end(),
                                     [&](std::string const& part) { return work.find(part) != std::string::npos; });
}

options parse_options(std::vector<std::string> const& arguments) {
  options o;
  if (auto const* file = std::getenv("AETHER_BENCHMARK_JSON"))
    o.json_file = file;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto const value = [&]() -> std::string const& {
      if (i + 1 == arguments.size())
        throw std::runtime_error(arguments[i] + " needs a value\n" + usage);
      return arguments[++i];
    };
    auto const& name = arguments[i];
    if (name == "--quick")
      o.quick = true;
    else if (name == "--server")
      o.servers.push_back(value());
    else if (name == "--only")
      o.only.push_back(value());
    else if (name == "--json")
      o.json_file = value();
    else if (name == "--rounds")
      o.rounds = number(value());
    else if (name == "--touch-actors")
      o.touch_actors = number(value());
    else if (name == "--commands")
      o.commands = number(value());
    else if (name == "--replay")
      o.replay = true;
    else if (name == "--idle")
      o.idle = true;
    else if (name == "--url")
      o.url = value();
    else if (name == "--stream")
      o.stream = value();
    else
      throw std::runtime_error("unknown argument: " + name + "\n" + usage);
  }
  return o;
}

} // namespace aether::benchmark
