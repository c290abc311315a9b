// aether, the inspector: looks at streams, actors, events and workflows, and changes nothing.
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/row.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

using namespace aether::cli;

/// A line for people, where errors go.
void tell(std::string_view text) {
  output err(STDERR_FILENO);
  try {
    err.write("aether: " + shown(text) + '\n');
    err.flush();
  } catch (...) { // nobody listens
  }
}

std::string environment(char const* name) {
  char const* const value = std::getenv(name);
  return value ? value : "";
}

struct ended {
  int code = exit_code::failed;
  int by_signal = 0; ///< 0: by itself
  std::exception_ptr failure;
};

ended run(options const& given, std::shared_ptr<report> out, std::function<void()> flush) {
  boost::asio::cancellation_signal stop;
  boost::asio::io_context context(1);
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  ended how;
  signals.async_wait([&](boost::system::error_code failed, int number) {
    if (failed)
      return;
    how.by_signal = number;
    signals.clear(); // the next one ends the program as it always does
    stop.emit(boost::asio::cancellation_type::terminal);
  });
  auto const done = [&](std::exception_ptr failure, int code) {
    how.failure = failure;
    how.code = failure ? exit_code::failed : code;
    signals.cancel();
  };
  boost::asio::co_spawn(context, run_command(given, std::move(out), std::move(flush)),
                        boost::asio::bind_cancellation_slot(stop.slot(), done));
  context.run();
  return how;
}

int report_end(ended const& how, options const& given, output& standard) {
  standard.flush();
  if (how.by_signal != 0)
    return given.command == command::follow ? exit_code::done : 128 + how.by_signal;
  if (how.failure)
    std::rethrow_exception(how.failure);
  return how.code;
}

int run_inspector(std::vector<std::string> const& arguments) {
  output standard(STDOUT_FILENO);
  auto const parsed = parse_options(arguments, environment("NATS_URL"));
  if (auto const* text = std::get_if<answer_text>(&parsed)) {
    standard.write(text->text);
    standard.flush();
    return exit_code::done;
  }
  if (auto const* wrong = std::get_if<usage_error>(&parsed)) {
    tell(wrong->text + " (see aether --help)");
    return exit_code::usage;
  }
  auto const& given = std::get<options>(parsed);
  report_style style;
  style.json = given.json;
  style.colours = standard.is_terminal() && environment("NO_COLOR").empty();
  auto const out = std::make_shared<report>(style, [&](std::string_view text) { standard.write(text); }, &tell);
  auto how = run(given, out, [&] { standard.flush(); });
  out->flush();
  return report_end(how, given, standard);
}

} // namespace

int main(int argc, char** argv) {
  guard_standard_descriptors();
  try {
    return run_inspector(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (output_closed const&) {
    return 128 + SIGPIPE; // as a shell says it of a program that the signal ended
  } catch (std::exception const& e) {
    tell(e.what());
  }
  // A thread of cnats may be connecting still, with what OpenSSL takes down when a process ends in order.
  std::fflush(nullptr);
  std::_Exit(exit_code::failed);
}
