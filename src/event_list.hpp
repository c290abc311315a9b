// A list of stored events that only grows, whose entries never move: growing copies nothing.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace aether::detail {

struct stored_event;

/// Segments of doubling size, the first one small, as there may be a list for each of many types. Not thread-safe.
class event_list {
public:
  /// Room for so many more: push() does not throw then.
  void reserve(std::size_t count) {
    while (room_ - size_ < count) {
      std::size_t const next = first_segment << segments_.size();
      segments_.push_back(std::make_unique_for_overwrite<stored_event const*[]>(next));
      room_ += next;
    }
  }
  void push(stored_event const* e) noexcept {
    slot(size_) = e;
    ++size_;
  }
  std::size_t size() const noexcept { return size_; }
  stored_event const* operator[](std::size_t i) const noexcept { return slot(i); }

  /// The index of the first one for which `is_behind` is true; of those before it, it is false.
  template <class Predicate> std::size_t find(Predicate is_behind) const {
    std::size_t low = 0;
    for (std::size_t high = size_; low < high;) {
      std::size_t const middle = low + (high - low) / 2;
      if (is_behind(*slot(middle)))
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

private:
  static constexpr std::size_t first_segment = 4;

  // Segment k begins at index first_segment * (2^k - 1).
  stored_event const*& slot(std::size_t i) const noexcept {
    auto const k = static_cast<std::size_t>(std::bit_width(i / first_segment + 1)) - 1;
    return segments_[k][i - first_segment * ((std::size_t{1} << k) - 1)];
  }

  std::vector<std::unique_ptr<stored_event const*[]>> segments_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

} // namespace aether::detail
