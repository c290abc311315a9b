// A child process of the tests: started, signalled and ended by its id, and never outliving the test.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace aether::test {

class child_process {
public:
  child_process() = default; ///< none
  /// Starts `arguments[0]` (looked up in PATH) with its output and errors written to `output`. The child gets SIGKILL
  /// when the test process dies. Throws std::system_error when it cannot be started.
  child_process(std::vector<std::string> arguments, std::filesystem::path const& output);
  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&& other) noexcept;
  ~child_process(); ///< kills it

  pid_t pid() const noexcept { return pid_; } ///< 0: none, or it has ended
  bool running();

  /// Waits for the end: the exit code, 128 + signal when a signal ended it, nothing when it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);

  void kill(); ///< SIGKILL, and waits for the end
  void terminate(); ///< SIGTERM, and waits for the end; SIGKILL after 20 s
  void pause(); ///< SIGSTOP, and waits until it stands still
  void resume(); ///< SIGCONT, and waits until it runs again

private:
  pid_t pid_ = 0;
  std::optional<int> exit_code_;
};

/// Runs a command to its end and throws std::runtime_error with its output when its exit code is not 0.
void run_command(std::vector<std::string> arguments, std::filesystem::path const& output);

/// The whole text of a file; empty when it cannot be read.
std::string read_file(std::filesystem::path const& file);

/// The full path of a program in PATH; empty when there is none.
std::filesystem::path find_program(std::string const& name);

} // namespace aether::test
