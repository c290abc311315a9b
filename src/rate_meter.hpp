// How many things happened a second, lately.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aether::detail {

/// Counts in slots of half a second and looks back over the last ten of them. Clock readings come in as arguments and
/// do not go back.
class rate_meter {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit rate_meter(time start) noexcept : start_(start) {}

  void add(time now) noexcept {
    auto const slot = slot_of(now);
    auto& in = slots_[slot % count];
    if (in.slot != slot)
      in = {slot, 0};
    ++in.events;
  }

  /// Since the start while that is less than the window; 0 at the start itself.
  double per_second(time now) const noexcept {
    auto const last = slot_of(now);
    std::uint64_t events = 0;
    for (auto const& s : slots_)
      if (s.slot <= last && s.slot + count > last)
        events += s.events;
    auto const first = last + 1 > count ? last + 1 - count : 0;
    std::chrono::duration<double> const over = now - (start_ + length * static_cast<std::int64_t>(first));
    return events == 0 || over.count() <= 0 ? 0 : static_cast<double>(events) / over.count();
  }

private:
  static constexpr std::chrono::nanoseconds length = std::chrono::milliseconds(500);
  static constexpr std::size_t count = 10;
  struct slot_count {
    std::uint64_t slot = 0;
    std::uint64_t events = 0;
  };

  std::uint64_t slot_of(time now) const noexcept {
    return now <= start_ ? 0 : static_cast<std::uint64_t>((now - start_) / length);
  }

  time start_;
  std::array<slot_count, count> slots_{};
};

} // namespace aether::detail
