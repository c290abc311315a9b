// A writer process of the campaign: it saves, repeats what stayed unknown, reads, and logs every call.
#pragma once

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include "fault/history.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace aether::fault {

enum class expectation { none, expected_version, contiguous };

struct writer_plan {
  std::string url;
  std::string stream;
  std::string log; ///< its file
  std::uint32_t process = 0;
  std::uint64_t seed = 0;
  int actors = 4;
  int side_by_side = 4; ///< calls
  expectation expects = expectation::none;
  std::chrono::milliseconds time{0}; ///< after which it begins nothing new
};

/// What the child does. Returns when its time is over and its calls have ended.
void run_writer(writer_plan const& plan);

/// The writers of one stream, seen from the test. They are this very executable, started with the suite
/// `campaign_writer`.
class fleet {
public:
  explicit fleet(writer_plan common) : common_(std::move(common)) {}

  /// Starts one more, with a log and a seed of its own.
  void start(expectation expects, std::chrono::milliseconds time);
  /// SIGKILL for one of those that were not killed yet, the oldest being 0. Its open calls stay open.
  void kill_running(std::size_t which);
  /// Waits for those that were not killed; throws with its output when one has failed or does not end.
  void wait(std::chrono::milliseconds limit);
  /// What all of them logged.
  std::vector<operation> history() const;

private:
  struct member {
    test::child_process process;
    std::string log;
    std::string output;
    bool killed = false;
  };

  writer_plan common_;
  test::temporary_directory directory_;
  std::vector<member> writers_;
};

/// The plan in the arguments that fleet::start() gave this process.
writer_plan plan_of_arguments(int count, char** arguments);

} // namespace aether::fault
