// How much memory a process has taken at most.
#include "benchmark/peak.hpp"

#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

#include <chrono>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace aether::benchmark {

double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    double kilobytes = 0;
    if (name == "VmHWM:" && status >> kilobytes)
      return kilobytes / 1024;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  throw std::runtime_error("/proc/self/status tells no VmHWM");
}

double peak_of_child(std::vector<std::string> arguments) {
  test::temporary_directory directory;
  arguments.insert(arguments.begin(), "/proc/self/exe");
  auto const output = directory.path() / "peak";
  test::child_process child(std::move(arguments), output);
  auto const code = child.wait(std::chrono::minutes(5));
  std::istringstream text(test::read_file(output));
  double megabytes = 0;
  if (code != 0 || !(text >> megabytes))
    throw std::runtime_error("the child whose memory is measured failed: " + text.str());
  return megabytes;
}

} // namespace aether::benchmark
