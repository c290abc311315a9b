// How often something that may come in floods is logged: about once a second, telling how many were left out. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace aether::detail {

class log_throttle {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit log_throttle(std::chrono::nanoseconds interval = std::chrono::seconds(1)) noexcept : interval_(interval) {}

  /// Of one more: none when it is to be left out, else how many were since the last one that was logged.
  std::optional<std::uint64_t> take(time now) noexcept {
    if (now < next_) {
      ++left_out_;
      return std::nullopt;
    }
    next_ = now + interval_;
    return std::exchange(left_out_, 0);
  }

private:
  std::chrono::nanoseconds interval_;
  time next_ = time::min(); // the first is told at once
  std::uint64_t left_out_ = 0;
};

} // namespace aether::detail
