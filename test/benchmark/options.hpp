// What the benchmark's command line asks for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aether::benchmark {

struct options {
  bool quick = false;               ///< under a minute in all: fewer operations, the same rounds
  std::vector<std::string> servers; ///< nats-server programs; empty: the one in PATH
  std::vector<std::string> only;    ///< parts of the names of the works to run; empty: all
  std::string json_file;            ///< where the rows go; empty: nowhere
  std::size_t rounds = 5;           ///< that count; one more runs before them to warm up

  // Set when the benchmark runs itself as the process whose memory is measured.
  std::size_t touch_actors = 0;
  std::size_t commands = 0;     ///< gives so many to actors that others give commands too
  bool replay = false;          ///< reads everything of the stream
  bool idle = false;            ///< opens it and does nothing
  std::string url; ///< of the server; empty: a map is filled instead of a store
  std::string stream;

  std::size_t scaled(std::size_t full, std::size_t when_quick) const noexcept { return quick ? when_quick : full; }
  bool wants(std::string const& work) const;
};

/// Throws std::runtime_error with the usage when an argument is not understood.
options parse_options(std::vector<std::string> const& arguments);

} // namespace aether::benchmark
