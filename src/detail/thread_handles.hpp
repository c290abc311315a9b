// A shared object that many threads use at once, each by a handle with a count of its own.
#pragma once

#include "detail/thread_cells.hpp"

#include <memory>

namespace aether::detail {

/// Copying one handle on two threads makes them fight for its count: at a million copies a second that is what they do
/// most. The object lives as long as any of these, or what was copied from them.
template <class T> class thread_handles {
public:
  explicit thread_handles(std::shared_ptr<T> const& object) {
    cells_.for_each([&](std::shared_ptr<T>& cell) {
      auto const counted = std::make_shared<padded>(object);
      cell = std::shared_ptr<T>(counted, object.get());
    });
  }

  std::shared_ptr<T> const& mine() noexcept { return cells_.mine(); }

private:
  struct alignas(64) padded { // so that no two counts share a cache line
    explicit padded(std::shared_ptr<T> o) : object(std::move(o)) {}
    std::shared_ptr<T> object;
  };

  thread_cells<std::shared_ptr<T>> cells_;
};

} // namespace aether::detail
