// Stored messages one by one, however they are fetched.
#pragma once

#include "nats/message_visitor.hpp"

#include <aether/event.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace aether::nats::detail {

/// Lives until the next one is taken.
struct fetched_message {
  std::string_view subject;
  std::string_view data;
  std::uint64_t sequence = 0;
  time_point stored{};
};

enum class source_step {
  nothing,   ///< there is nothing now: wait()
  message,
  caught_up, ///< once: everything that was there when this began has been taken
};

/// Used by one coroutine at a time; it runs only while it is waited for.
class message_source {
public:
  virtual ~message_source() = default;

  /// Throws what ended it, again each time.
  virtual source_step take(fetched_message& into) = 0;
  /// Until take() may have something, or the deadline; may end early. What it is called on outlives the awaitable.
  virtual boost::asio::awaitable<void> wait(std::chrono::steady_clock::time_point deadline) = 0;
  /// Messages that are stored and not taken, as far as it is known.
  virtual std::uint64_t behind() const = 0;

protected:
  message_source() = default;
  message_source(message_source const&) = delete;
  message_source& operator=(message_source const&) = delete;
};

} // namespace aether::nats::detail
