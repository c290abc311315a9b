// Asking a group's consumer for messages, decided on values: how many when, and when to doubt that it is there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace aether::nats::detail {

struct group_pull {
  std::uint64_t batch = 1;
  std::size_t max_bytes = 0; ///< 0: none, as a server refuses a message that is larger, for ever
  std::chrono::nanoseconds expires{};
};

/// Not thread-safe; the clock comes in as an argument. A pull waits at the server for at most 5 s, so that a message
/// seldom goes to a process in which nobody waits any more, and an end that got lost is noticed soon.
class group_pulls {
public:
  using time = std::chrono::steady_clock::time_point;

  /// What to ask for, so that `wanted` messages will come to those who wait until then; none: enough is under way, or
  /// it is not known whether there is a consumer.
  std::optional<group_pull> next(std::size_t wanted, std::size_t bytes, time now, time until);

  void on_message() noexcept;
  /// A status message; `unfulfilled`: its Nats-Pending-Messages header.
  void on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept;
  /// The pull met nobody, or messages may be missing: the consumer has to be looked for.
  void doubt() noexcept;
  /// What is under way is given up.
  void stop() noexcept;

  bool needs_check(time now) const noexcept;
  void on_there(time now) noexcept;
  /// It was not told whether it is there.
  void on_unknown(time now) noexcept;

  /// When needs_check() or next() may say something else although nothing came.
  time due() const noexcept;

private:
  struct asked {
    std::uint64_t batch = 0;
    std::uint64_t left = 0;
    bool limited = false; // by bytes
    time until{};
  };
  void pause(time now) noexcept;

  std::deque<asked> asked_; // the oldest first
  bool doubted_ = false;
  bool alone_ = false; // the next message is larger than what may come at once
  unsigned fruitless_ = 0; // checks since a message came
  time not_before_{}; // nothing is asked
};

} // namespace aether::nats::detail
