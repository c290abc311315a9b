// The writer processes of one stream, seen from the test that starts, kills and stops them.
#pragma once

#include "fault/campaign/writer.hpp"
#include "fault/history.hpp"

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace aether::fault {

/// The processes are this very executable, started with the suite `campaign_writer`. Not thread-safe.
class fleet {
public:
  explicit fleet(writer_plan common);

  /// Starts so many, each with a log and a seed of its own.
  void start(int count = 1);
  /// The same, and they begin together once all have opened the store. Throws when that takes longer than `limit`.
  void start_together(int count, std::chrono::milliseconds limit);
  /// SIGKILL for one of those that were not killed yet, the oldest being 0. Its open calls stay open. Throws when it
  /// has ended by itself.
  void kill_running(std::size_t which);
  /// Tells all to begin nothing new, and waits for those that were not killed; throws with its output when one has
  /// failed or does not end.
  void stop(std::chrono::milliseconds limit);
  /// Waits until they have done all they had to do.
  void wait(std::chrono::milliseconds limit);

  /// Whether a save that began after this time has succeeded.
  bool has_saved_since(std::int64_t time) const;

  std::size_t running() const;
  /// What all of them logged.
  std::vector<operation> history() const;
  std::set<std::uint32_t> killed() const;

private:
  struct member {
    test::child_process process;
    std::string log;
    std::string output;
    bool killed = false;
    std::int64_t killed_at = 0; // as the operations have it
  };

  writer_plan common_;
  test::temporary_directory directory_;
  std::vector<member> writers_;
};

} // namespace aether::fault
