// Who waits for virtual time, in the order in which they are due; and waiting for it or for somebody's word.
#pragma once

#include "detail/wait.hpp"

#include <aether/event.hpp>
#include <aether/testing/virtual_clock.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace aether::testing::detail {

namespace asio = boost::asio;

/// A suspended coroutine. True: it was woken; false: its time has come.
using sleeper = std::shared_ptr<aether::detail::wait_state<bool>>;

/// `from` moved by a duration, which is taken as 0 when it is negative; not beyond the end of time.
time_point later(time_point from, std::chrono::nanoseconds by) noexcept;

/// Thread-safe. Sleepers that ended in another way do not count, and are dropped when they are met.
class timers {
public:
  using handle = std::pair<time_point, std::uint64_t>;

  explicit timers(time_point start) : start_(start), now_(start) {}

  time_point start() const noexcept { return start_; }
  time_point now() const;
  /// One that is due is completed at once. The end of time never comes, and is not kept.
  handle add(time_point due, sleeper s);
  void remove(handle const& h);
  std::optional<time_point> next();
  std::size_t count(); ///< of those who wait
  void advance_to(time_point then);

private:
  time_point const start_;
  mutable std::mutex mutex_;
  time_point now_;
  std::uint64_t count_ = 0;
  std::map<handle, sleeper> sleepers_;
};

/// Wakes who waits for something to change. What is asked for after round() was read is not missed.
class waker {
public:
  std::uint64_t round() const;
  void add(sleeper s, std::uint64_t round);
  void wake();

private:
  mutable std::mutex mutex_;
  std::uint64_t round_ = 0;
  std::vector<sleeper> sleepers_;
};

/// Waits until `due`, or until `by` (none: nobody) is woken after `round`. True: woken. Throws operation_aborted.
asio::awaitable<bool> wait(std::shared_ptr<timers> clock, time_point due, std::shared_ptr<waker> by = nullptr,
                           std::uint64_t round = 0);

struct clock_access {
  static std::shared_ptr<timers> timers_of(virtual_clock const& clock) { return clock.timers_; }
};

} // namespace aether::testing::detail
