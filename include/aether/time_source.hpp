// Where timers take their time from: the machine, or in tests a clock that stands still until it is told to go on.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/event.hpp>

#include <chrono>
#include <memory>

namespace aether {

/// What retries, circuit breakers and actors measure and wait by. testing::virtual_clock is one too. Thread-safe.
class time_source {
public:
  virtual ~time_source() = default;

  virtual time_point now() const = 0;                   ///< the time of day, for what is stored
  virtual std::chrono::nanoseconds elapsed() const = 0; ///< since some moment, never going back: for measuring
  /// Suspends for that long from when it is awaited. Terminal cancellation ends it with operation_aborted.
  virtual awaitable<void> sleep_for(std::chrono::nanoseconds duration) const = 0;

protected:
  time_source() = default;
  time_source(time_source const&) = default;
  time_source& operator=(time_source const&) = default;
};

/// The machine's; the default wherever a time source can be given.
std::shared_ptr<time_source const> machine_time();

} // namespace aether
