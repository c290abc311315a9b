// The programs' command lines and ends.
#include "cli/program.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace aether::cli {
namespace {

void run_to_end(std::function<awaitable<void>()> const& work) {
  boost::asio::io_context context(1);
  std::exception_ptr failure;
  boost::asio::co_spawn(context, work(), [&](std::exception_ptr e) { failure = e; });
  context.run();
  if (failure)
    std::rethrow_exception(failure);
}

} // namespace

std::string read_around(std::vector<std::string> const& arguments, options& out) {
  char const* const url = std::getenv("NATS_URL");
  auto parsed = parse_program_options(arguments, url ? url : "");
  if (auto const* wrong = std::get_if<usage_error>(&parsed))
    return wrong->text;
  out = std::get<options>(std::move(parsed));
  return {};
}

int run_program(char const* name, char const* help, std::vector<std::string> const& arguments,
                std::function<program_work(std::vector<std::string>)> const& read) {
  try {
    auto const has = [&](char const* word) {
      return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
    };
    if (has("--help") || has("-h") || has("--version")) {
      std::fputs(has("--version") ? version_text().c_str() : help, stdout);
      return 0;
    }
    auto const work = read(arguments);
    if (auto const* wrong = std::get_if<std::string>(&work)) {
      std::fprintf(stderr, "%s: %s (see %s --help)\n", name, wrong->c_str(), name);
      return 2;
    }
    run_to_end(std::get<std::function<awaitable<void>()>>(work));
    return 0;
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s: %s\n", name, e.what());
  }
  // A thread of cnats may be connecting still, with what OpenSSL takes down when a process ends in order.
  std::fflush(nullptr);
  std::_Exit(3);
}

} // namespace aether::cli
