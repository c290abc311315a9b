// Memory for what is posted and dispatched: short-lived, of a few sizes, and wanted with every call.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace aether::detail {

/// Keeps a few blocks of each size per thread. Asio does so for two blocks of any size, and else asks for aligned
/// memory, which glibc takes apart and puts together anew each time.
class recycled_memory {
public:
  static void* allocate(std::size_t size) {
    auto const c = class_of(size);
    if (c < classes) {
      auto& mine = here;
      if (auto* block = mine.first[c]) {
        mine.first[c] = block->next;
        --mine.kept[c];
        return block;
      }
      size = (c + 1) * step;
    }
    return ::operator new(size);
  }

  /// On any thread.
  static void deallocate(void* memory, std::size_t size) noexcept {
    auto const c = class_of(size);
    auto& mine = here;
    if (c >= classes || mine.kept[c] >= kept_at_most || !mine.open())
      return ::operator delete(memory);
    mine.first[c] = new (memory) block{mine.first[c]};
    ++mine.kept[c];
  }

private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::size_t kept_at_most = 0; // so that each use after the end is seen
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr std::size_t kept_at_most = 0;
#else
  static constexpr std::size_t kept_at_most = 256;
#endif
#else
  static constexpr std::size_t kept_at_most = 256;
#endif
  static constexpr std::size_t step = 64;
  static constexpr std::size_t classes = 6;

  struct block {
    block* next;
  };
  /// Of one thread. Trivial, so that it can be used until the thread's very end.
  struct pool {
    std::array<block*, classes> first;
    std::array<std::size_t, classes> kept;
    bool closed;

    bool open() noexcept;
  };
  struct emptier {
    ~emptier() {
      here.closed = true;
      for (auto& list : here.first)
        while (list)
          ::operator delete(std::exchange(list, list->next));
    }
  };

  static std::size_t class_of(std::size_t size) noexcept { return (size - 1) / step; }

  static thread_local constinit inline pool here{};
};

inline bool recycled_memory::pool::open() noexcept {
  static thread_local emptier const at_the_end;
  static_cast<void>(at_the_end);
  return !closed;
}

/// For Asio: what is associated with a function that is posted.
template <class Value> class recycling_allocator {
public:
  using value_type = Value;

  recycling_allocator() = default;
  template <class Other> recycling_allocator(recycling_allocator<Other> const&) noexcept {}

  Value* allocate(std::size_t count) { return static_cast<Value*>(recycled_memory::allocate(sizeof(Value) * count)); }
  void deallocate(Value* memory, std::size_t count) noexcept {
    recycled_memory::deallocate(memory, sizeof(Value) * count);
  }
  template <class Other> bool operator==(recycling_allocator<Other> const&) const noexcept { return true; }
};

} // namespace aether::detail
