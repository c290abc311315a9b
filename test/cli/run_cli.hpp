// Runs the inspector as a user does: as a program, with its output, its errors and its exit code.
#pragma once

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace aether::test {

struct cli_result {
  int code = -1; ///< -1: it did not end in time
  std::string out;
  std::string err;

  std::vector<std::string> lines() const;
  std::vector<boost::json::object> objects() const; ///< each line of JSON; throws when one is none
};

cli_result run_cli(std::vector<std::string> arguments);
/// Through a shell: `$AETHER` is the program.
cli_result run_cli_script(std::string const& script);
/// A program beside the inspector; `arguments` as a shell reads them.
cli_result run_beside_cli(std::string const& program, std::string const& arguments);
/// Each of these command lines ends with 2 and leads to --help, and that one ends well and says `told`.
void check_command_lines(std::string const& program, std::vector<std::string> const& wrong, std::string const& told);

/// One that goes on until it is told to end.
class running_cli {
public:
  explicit running_cli(std::vector<std::string> arguments);
  std::string out() const;
  std::string err() const;
  /// Waits until its output holds so many lines; false: it does not in time.
  bool wait_for_lines(std::size_t count);
  /// SIGINT, and the exit code; -1: it did not end in time.
  int interrupt();

private:
  temporary_directory directory_;
  child_process process_;
};

} // namespace aether::test
