// Runs the inspector as a user does.
#include "run_cli.hpp"

#include <support/run.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

namespace aether::test {

namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds limit() { return scaled(60s); }

cli_result ended(std::vector<std::string> arguments, temporary_directory const& directory) {
  cli_result result;
  child_process process(std::move(arguments), directory.path() / "out");
  result.code = process.wait(limit()).value_or(-1);
  result.out = read_file(directory.path() / "out");
  result.err = read_file(directory.path() / "err");
  return result;
}

std::vector<std::string> with_errors_apart(std::vector<std::string> arguments, temporary_directory const& directory) {
  std::vector<std::string> all{
      "/bin/sh",         "-c", "errors=$1; shift; exec \"$@\" 2>\"$errors\"", "sh", (directory.path() / "err").string(),
      AETHER_CLI_PROGRAM};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

} // namespace

std::vector<std::string> cli_result::lines() const {
  std::vector<std::string> all;
  std::istringstream in(out);
  for (std::string line; std::getline(in, line);)
    all.push_back(line);
  return all;
}

std::vector<boost::json::object> cli_result::objects() const {
  std::vector<boost::json::object> all;
  for (auto const& line : lines())
    all.push_back(boost::json::parse(line).as_object());
  return all;
}

cli_result run_cli(std::vector<std::string> arguments) {
  temporary_directory const directory;
  return ended(with_errors_apart(std::move(arguments), directory), directory);
}

cli_result run_cli_script(std::string const& script) {
  temporary_directory const directory;
  return ended({"/bin/bash", "-c", "exec 2>\"$0\"; AETHER=$1; " + script, (directory.path() / "err").string(),
                AETHER_CLI_PROGRAM},
               directory);
}

cli_result run_beside_cli(std::string const& program, std::string const& arguments) {
  return run_cli_script("exec \"$(dirname \"$AETHER\")/" + program + "\" " + arguments);
}

void check_command_lines(std::string const& program, std::vector<std::string> const& wrong, std::string const& told) {
  for (auto const& line : wrong) {
    auto const result = run_beside_cli(program, line);
    BOOST_TEST(result.code == 2, line << ": " << result.code);
    BOOST_TEST(result.err.find("see " + program + " --help") != std::string::npos, result.err);
    BOOST_TEST(result.err.find("doctor") == std::string::npos, result.err); // that is another program's
  }
  BOOST_TEST(run_beside_cli(program, "--version").out.starts_with("aether "));
  auto const help = run_beside_cli(program, "--help");
  BOOST_TEST(help.code == 0);
  BOOST_TEST(help.out.find(told) != std::string::npos, help.out);
}

running_cli::running_cli(std::vector<std::string> arguments)
    : process_(with_errors_apart(std::move(arguments), directory_), directory_.path() / "out") {}

std::string running_cli::out() const { return read_file(directory_.path() / "out"); }

std::string running_cli::err() const { return read_file(directory_.path() / "err"); }

bool running_cli::wait_for_lines(std::size_t count) {
  auto const deadline = std::chrono::steady_clock::now() + limit();
  for (;;) {
    auto const text = out();
    if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= count)
      return true;
    if (!process_.running() || std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(10ms); // a file tells nobody that it grew
  }
}

int running_cli::interrupt() {
  ::kill(process_.pid(), SIGINT);
  return process_.wait(limit()).value_or(-1);
}

} // namespace aether::test
