// Counters that many threads add to: one cell a thread, more or less, so that they do not fight for a cache line.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace aether::detail {

/// Only added to. Relaxed: what is read elsewhere may be a moment old.
class counter {
public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// Of counters, what was counted is the sum over all cells.
template <class Cell> class thread_cells {
public:
  Cell& mine() noexcept { return cells_[number_of_this_thread() % cells_.size()].cell; }

  template <class Visitor> void for_each(Visitor visit) const {
    for (auto const& padded : cells_)
      visit(padded.cell);
  }
  template <class Visitor> void for_each(Visitor visit) {
    for (auto& padded : cells_)
      visit(padded.cell);
  }

private:
  struct alignas(64) padded_cell {
    Cell cell;
  };

  static std::size_t number_of_this_thread() noexcept {
    static std::atomic<std::size_t> threads{0};
    thread_local std::size_t const number = threads.fetch_add(1, std::memory_order_relaxed);
    return number;
  }

  std::array<padded_cell, 8> cells_{};
};

} // namespace aether::detail
