// When there is an outage: by schedule, by hand, or since a call that began one.
#pragma once

#include "testing/timers.hpp"

#include <aether/testing/fault_plan.hpp>

#include <algorithm>
#include <vector>

namespace aether::testing::detail {

/// Not thread-safe. Knows no clock: it is told the time.
class outage_times {
public:
  outage_times(std::vector<outage_window> const& schedule, time_point start) {
    for (outage_window const& w : schedule)
      schedule_.push_back({later(start, w.from), later(start, w.to)});
  }

  void begin_by_hand() noexcept { by_hand_ = true; }
  void begin(time_point until) noexcept { drawn_until_ = std::max(drawn_until_, until); }
  void end() noexcept {
    by_hand_ = false;
    drawn_until_ = time_point::min();
  }

  bool at(time_point now) const noexcept { return end_of(now) > now; }

  /// When the outage of this moment ends, as far as is known; `now` when there is none, the end of time when it is by
  /// hand.
  time_point end_of(time_point now) const noexcept {
    if (by_hand_)
      return time_point::max();
    time_point end = std::max(now, drawn_until_);
    for (bool longer = true; longer;) { // one may follow on the other
      longer = false;
      for (window const& w : schedule_)
        if (w.from <= end && end < w.to) {
          end = w.to;
          longer = true;
        }
    }
    return end;
  }

private:
  struct window {
    time_point from;
    time_point to;
  };

  std::vector<window> schedule_;
  bool by_hand_ = false;
  time_point drawn_until_ = time_point::min();
};

} // namespace aether::testing::detail
