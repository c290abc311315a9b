// Counts this thread's allocations: malloc and its kin are interposed in the benchmark's executable.
#pragma once

#include <cstddef>

namespace aether::benchmark {

/// Calls of malloc, calloc, realloc and the aligned ones that this thread has made.
std::size_t allocations() noexcept;

} // namespace aether::benchmark
