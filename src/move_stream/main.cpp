// aether-move-stream: moves a stream to other servers of its cluster. A program of its own, as the inspector changes
// nothing.
#include "cli/program.hpp"
#include "cli/session.hpp"

#include <aether/nats/move_stream.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace aether;

constexpr char const* help =
    R"(aether-move-stream STREAM [--tag TAG]... [--cluster NAME] [--writers-stopped] [OPTION...]

Moves a stream to servers that have all these tags (server_tags in their configuration), in this cluster, and waits until
it is there. It may be ended at any point and called again: the servers go on, and it waits. Programs go on using the
stream; but if it has one replica only, stop those that write to it first, and say so with --writers-stopped.

Options: --url, --creds, --user with --password-file, --inbox-prefix, --namespace, as of aether; --timeout: of connecting.
Ends with 0; 2: the command line is wrong; 3: it failed.
)";

struct wanted {
  nats::stream_placement placement;
  bool writers_are_stopped = false;
  cli::options around;

  wanted() = default;
};

/// What is wrong with the command line; empty: nothing.
std::string read(std::vector<std::string> arguments, wanted& out) {
  for (auto at = arguments.begin(); at != arguments.end();) {
    if (*at == "--writers-stopped") {
      out.writers_are_stopped = true;
      at = arguments.erase(at);
      continue;
    }
    bool const is_tag = *at == "--tag";
    if (!is_tag && *at != "--cluster") {
      ++at;
      continue;
    }
    if (at + 1 == arguments.end() || (at + 1)->empty() || (at + 1)->front() == '-')
      return *at + " expects a name";
    if (!is_tag && !out.placement.cluster.empty())
      return "--cluster is there twice";
    if (is_tag)
      out.placement.tags.push_back(*(at + 1));
    else
      out.placement.cluster = *(at + 1);
    at = arguments.erase(at, at + 2);
  }
  if (out.placement.empty())
    return "where to? Give --tag or --cluster";
  return cli::read_around(arguments, out.around);
}

void tell(nats::stream_move const& so_far) {
  if (!so_far.missing.empty())
    std::printf("%s\n", so_far.missing.c_str());
  std::fflush(stdout);
}

awaitable<void> move(wanted what) {
  auto on = co_await cli::connect(what.around);
  nats::move_options options;
  options.name_space = what.around.name_space;
  options.timeout = std::chrono::nanoseconds::max(); // whoever started it ends it
  options.writers_are_stopped = what.writers_are_stopped;
  options.progress = &tell;
  auto const done = co_await nats::move_stream(on, what.around.stream, what.placement, options);
  std::string servers;
  for (auto const& copy : done.copies)
    servers += (servers.empty() ? "" : ", ") + copy.server + (copy.leads ? " (leads)" : "");
  std::printf("%s is on %s\n", what.around.stream.c_str(), servers.c_str());
  co_await on.close();
}

cli::program_work work_of(std::vector<std::string> arguments) {
  wanted what;
  if (auto wrong = read(std::move(arguments), what); !wrong.empty())
    return wrong;
  return [what] { return move(what); };
}

} // namespace

int main(int argc, char** argv) {
  return cli::run_program("aether-move-stream", help, std::vector<std::string>(argv + 1, argv + argc), &work_of);
}
