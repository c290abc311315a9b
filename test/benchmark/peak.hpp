// How much memory a process has taken at most, and a child of this program that is measured so.
#pragma once

#include <string>
#include <vector>

namespace aether::benchmark {

/// Of this process, until now.
double peak_megabytes();

/// Runs this program again with these arguments: it prints its peak_megabytes() and ends.
double peak_of_child(std::vector<std::string> arguments);

} // namespace aether::benchmark
