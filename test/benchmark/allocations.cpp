// glibc's allocation functions, counted.
#include "benchmark/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include <link.h>

// g++ takes its own knowledge of malloc for what is defined here.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

constinit thread_local std::size_t count = 0, of_cnats = 0;
constinit std::atomic<std::uintptr_t> cnats_begin = 0, cnats_end = 0; // its code

int find_cnats(dl_phdr_info* library, std::size_t, void*) {
  if (std::string_view(library->dlpi_name).find("libnats.so") == std::string_view::npos)
    return 0;
  for (int i = 0; i < library->dlpi_phnum; ++i)
    if (auto const& part = library->dlpi_phdr[i]; part.p_type == PT_LOAD && (part.p_flags & PF_X) != 0) {
      cnats_begin = library->dlpi_addr + part.p_vaddr;
      cnats_end = cnats_begin + part.p_memsz;
    }
  return 1;
}

[[maybe_unused]] int const looked_for_cnats = dl_iterate_phdr(&find_cnats, nullptr);

void add_for(void* caller) noexcept {
  auto const at = reinterpret_cast<std::uintptr_t>(caller);
  ++(at >= cnats_begin.load(std::memory_order_relaxed) && at < cnats_end.load(std::memory_order_relaxed) ? of_cnats
                                                                                                         : count);
}

} // namespace

extern "C" {
void* malloc(std::size_t size) {
  add_for(__builtin_return_address(0));
  return __libc_malloc(size);
}

void* calloc(std::size_t n, std::size_t size) {
  add_for(__builtin_return_address(0));
  return __libc_calloc(n, size);
}

void* realloc(void* old, std::size_t size) {
  add_for(__builtin_return_address(0));
  return __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) {
  add_for(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  add_for(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  add_for(__builtin_return_address(0));
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
}

namespace aether::benchmark {

std::size_t allocations() noexcept { return count; }
std::size_t cnats_allocations() noexcept { return of_cnats; }

} // namespace aether::benchmark
