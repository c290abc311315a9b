// The works that matter most, over the size of what is saved.
#include "benchmark/works.hpp"

namespace aether::benchmark {

std::string with_size(std::string work, std::size_t data_bytes) {
  if (data_bytes == 0)
    return work;
  return work + (data_bytes < 1000 ? ", " + std::to_string(data_bytes) + " B"
                                   : ", " + std::to_string(data_bytes / 1000) + " KB");
}

void measure_sizes(server_run const& run) {
  for (std::size_t const bytes : {100u, 1'000u, 10'000u}) {
    add_many_saves(run, bytes);
    add_single_saves(run, bytes);
    add_replay(run, bytes);
  }
}

} // namespace aether::benchmark
