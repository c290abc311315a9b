// aether-add-streams: gives a sharded store more streams, while nobody writes. A program of its own, as the inspector
// changes nothing.
#include "cli/program.hpp"
#include "cli/session.hpp"

#include <aether/nats/add_streams.hpp>

#include <charconv>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace aether;

constexpr char const* help = R"(aether-add-streams STORE --streams NUMBER [OPTION...]

Gives a sharded store more streams, and moves the actors that belong there. Stop every program that writes to the store
first, and start them again afterwards. It may be ended at any point and called again with the same number.

Options: --url, --creds, --user with --password-file, --inbox-prefix, --namespace, --timeout, as of aether.
Ends with 0; 2: the command line is wrong; 3: it failed.
)";

struct wanted {
  std::string store;
  std::size_t streams = 0;
  cli::options around;

  wanted() = default;
};

/// What is wrong with the command line; empty: nothing.
std::string read(std::vector<std::string> arguments, wanted& out) {
  for (auto at = arguments.begin(); at != arguments.end(); ++at)
    if (*at == "--streams") {
      auto const value = at + 1 == arguments.end() ? std::string() : *(at + 1);
      auto const [end, failed] = std::from_chars(value.data(), value.data() + value.size(), out.streams);
      if (failed != std::errc() || end != value.data() + value.size() || out.streams == 0)
        return "--streams expects a number above zero";
      arguments.erase(at, at + 2);
      break;
    }
  if (out.streams == 0)
    return "--streams is missing";
  auto wrong = cli::read_around(arguments, out.around);
  out.store = out.around.stream;
  return wrong;
}

void tell(nats::added_streams const& done) {
  std::printf("%llu events read, %llu copied, %llu there already; %llu actors moved\n",
              static_cast<unsigned long long>(done.events_read), static_cast<unsigned long long>(done.events_copied),
              static_cast<unsigned long long>(done.events_there), static_cast<unsigned long long>(done.actors_moved));
  std::fflush(stdout);
}

awaitable<void> add(wanted what) {
  std::vector<nats::connection> connections;
  connections.push_back(co_await cli::connect(what.around));
  nats::sharded_config config;
  config.stream.name_space = what.around.name_space;
  config.stream.operation_timeout = what.around.timeout;
  auto const on = connections.front();
  auto const done = co_await nats::add_streams(connections, what.store, what.streams, config, &tell);
  tell(done);
  if (done.malformed + done.stale > 0)
    std::printf("%llu messages are no events and %llu events were never valid: they stay where they are\n",
                static_cast<unsigned long long>(done.malformed), static_cast<unsigned long long>(done.stale));
  std::printf("%s has %zu streams now\n", what.store.c_str(), done.streams);
  auto closing = on;
  co_await closing.close();
}

cli::program_work work_of(std::vector<std::string> arguments) {
  wanted what;
  if (auto wrong = read(std::move(arguments), what); !wrong.empty())
    return wrong;
  return [what] { return add(what); };
}

} // namespace

int main(int argc, char** argv) {
  return cli::run_program("aether-add-streams", help, std::vector<std::string>(argv + 1, argv + argc), &work_of);
}
