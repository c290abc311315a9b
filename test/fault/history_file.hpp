// A process's operations in a file of its own: one line when a call begins, one when it ends, so that a killed process
// leaves its open calls behind.
#pragma once

#include "fault/history.hpp"

#include <filesystem>
#include <mutex>
#include <vector>

namespace aether::fault {

/// Thread-safe. A line is in the system's hands when the call returns: SIGKILL loses none.
class history_writer {
public:
  /// Appends to the file, which is made if need be. Throws std::system_error.
  history_writer(std::filesystem::path const& file, std::uint32_t process);
  history_writer(history_writer const&) = delete;
  history_writer& operator=(history_writer const&) = delete;
  ~history_writer();

  /// Notes that a call begins, with its actor, events and expectation; gives it its number and time.
  void begin(operation& o);
  /// Notes how it ended, with its time.
  void end(operation& o);

private:
  void write(std::string const& line);

  int descriptor_ = -1;
  std::uint32_t const process_;
  std::mutex mutex_;
  std::uint64_t next_ = 1;
};

/// Operations in the order they began. A last line that was cut is left out; anything else that cannot be read throws
/// std::runtime_error naming file and line.
std::vector<operation> read_history(std::filesystem::path const& file);

/// Whether near the file's end a save has succeeded that began after this time.
bool ends_with_a_save(std::filesystem::path const& file, std::int64_t after);

/// Now, as the operations have it.
std::int64_t monotonic_now() noexcept;

} // namespace aether::fault
