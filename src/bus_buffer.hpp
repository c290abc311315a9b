// What a subscriber of a bus has not taken yet, and what it lost: a bounded queue that never forgets a gap.
#pragma once

#include <aether/event_broadcaster.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace aether::detail {

/// Not thread-safe. Nothing is allocated before the first event, no more than the bound ever, and what a burst took is
/// given back when all of it has been taken.
class bus_buffer {
public:
  bus_buffer(std::size_t most, overflow_policy policy) noexcept : most_(most > 0 ? most : 1), policy_(policy) {}

  enum class push_end {
    kept,
    displaced, ///< kept, and the one that waited longest is lost
    lost,
    refused, ///< it was closed before: nothing is lost
  };
  /// Also what there is no memory for is lost, and told.
  push_end push(broadcast b) noexcept;
  /// Something was lost that nobody can count, before anything that is pushed from now on.
  void lose_uncounted() noexcept;
  void lose(std::uint64_t count) noexcept;
  /// Nothing more comes; what is here is still taken.
  void close() noexcept { closed_ = true; }

  /// The next one: an event, a gap before it, or, at last and again and again, the end.
  std::optional<bus_item> take();
  bool empty() const noexcept { return size_ == 0 && !gap_behind_.is_one() && !closed_; }
  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return size_; }

private:
  struct gap {
    std::uint64_t count = 0;
    bool uncounted = false;

    bool is_one() const noexcept { return count > 0 || uncounted; }
    /// What is told never becomes less, whatever publishers claim.
    void add(std::uint64_t more) noexcept {
      count = more > std::numeric_limits<std::uint64_t>::max() - count ? std::numeric_limits<std::uint64_t>::max()
                                                                       : count + more;
    }
    void add(gap other) noexcept {
      add(other.count);
      uncounted = uncounted || other.uncounted;
    }
    missed told() const { return uncounted ? missed{} : missed{count}; }
  };
  struct entry {
    broadcast event;
    gap before;
  };

  entry& at(std::size_t i) noexcept { return ring_[(first_ + i) % ring_.size()]; }
  bool grow() noexcept; ///< false: there is no memory
  entry drop_first() noexcept;

  std::size_t const most_;
  overflow_policy const policy_;
  std::vector<entry> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  gap gap_behind_; // behind the last entry
  bool closed_ = false;
};

} // namespace aether::detail
