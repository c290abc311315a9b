// Counts this thread's allocations: malloc and its kin are interposed in the benchmark's executable.
#pragma once

#include <cstddef>

namespace aether::benchmark {

/// Calls of malloc, calloc, realloc and the aligned ones that this thread has made, but for those of cnats.
std::size_t allocations() noexcept;
/// Those of cnats.
std::size_t cnats_allocations() noexcept;

} // namespace aether::benchmark
