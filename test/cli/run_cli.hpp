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
