// Virtual time: a coroutine is run to its end on one thread, and time jumps to the next timer when nothing is ready.
#pragma once

#include <aether/time_source.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace aether::testing {

namespace detail {
class timers;
struct clock_access;
} // namespace detail

/// A clock whose time stands still until it is told to go on: by run(), or by advance_to(). Copies share one time.
/// It may be used from any thread; what waits for it is deterministic on an io_context that one thread runs.
class virtual_clock final : public time_source {
public:
  /// 2000-01-01T00:00:00Z: nobody takes it for the time of now.
  static constexpr time_point default_start = time_point(std::chrono::seconds(946'684'800));

  explicit virtual_clock(time_point start = default_start);
  virtual_clock(virtual_clock const&) = default; // and no move: every clock has its time
  virtual_clock& operator=(virtual_clock const&) = default;

  time_point now() const override;
  std::chrono::nanoseconds elapsed() const override; ///< since the start

  /// Suspends until then, or for that long from when it is awaited; when the time has come already, others only run
  /// first. Those that are due together go on in the order in which they began to wait. Terminal cancellation ends it
  /// with operation_aborted.
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) const override;
  boost::asio::awaitable<void> sleep_until(time_point due) const;

  /// When the next sleeper is due; none: nobody sleeps.
  std::optional<time_point> next_timer() const;
  /// Lets time pass and wakes, in order, who is due by then. Time never goes back.
  void advance_to(time_point then) const;

private:
  friend struct detail::clock_access;
  std::shared_ptr<detail::timers> timers_;
};

/// What run() was given waits for something that nobody will do: nothing is ready, and no timer of the clock is left.
class deadlock_error : public std::runtime_error {
public:
  using runtime_error::runtime_error;
};

/// What run() was given goes on for longer than its limits.
class limit_error : public std::runtime_error {
public:
  using runtime_error::runtime_error;
};

/// Zero means the default; nonsense is refused with aether::error(invalid_argument), naming the option.
struct run_limits {
  std::chrono::nanoseconds virtual_time{}; ///< how far a run may move the clock; 0: 1 day
  std::size_t handlers = 0; ///< how many handlers it may run; 0: 10,000,000
};

namespace detail {

template <class T> struct run_end {
  std::optional<T> value;
  std::exception_ptr error;
  bool ended = false;
};
template <> struct run_end<void> {
  std::exception_ptr error;
  bool ended = false;
};

template <class T>
boost::asio::awaitable<void> keep_result(boost::asio::awaitable<T> body, std::shared_ptr<run_end<T>> end) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(body);
  } else {
    T value = co_await std::move(body);
    end->value.emplace(std::move(value));
  }
}

/// Runs handlers, and moves the clock when none is ready, until `ended`.
void drive(virtual_clock const& clock, boost::asio::io_context& context, bool const& ended, run_limits limits);

} // namespace detail

/// Runs `body` on `context` to its end and returns or throws what it does. Handlers that are ready run first; when
/// there are none the clock jumps to its next timer: nothing ever sleeps, and the same program runs the same way each
/// time.
///
/// Throws deadlock_error when the body waits for what is neither ready nor a timer of the clock (a real timer, a
/// socket, another thread), and limit_error beyond the limits. The body is then left as it is and destroyed with the
/// context. What else runs on the context is left where it is when the body ends, and goes on with the next run(). The
/// context must be run by nobody else.
template <class T>
T run(virtual_clock clock, boost::asio::io_context& context, boost::asio::awaitable<T> body, run_limits limits = {}) {
  auto const end = std::make_shared<detail::run_end<T>>();
  auto kept = detail::keep_result<T>(std::move(body), end);
  boost::asio::co_spawn(context, std::move(kept), [end](std::exception_ptr error) {
    end->error = std::move(error);
    end->ended = true;
  });
  detail::drive(clock, context, end->ended, limits);
  if (end->error)
    std::rethrow_exception(end->error);
  if constexpr (!std::is_void_v<T>)
    return std::move(*end->value);
}

} // namespace aether::testing
