// What a store implements behind its readers and subscriptions: stored messages, one by one and in stream order.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace aether {

enum class feed_step {
  nothing,   ///< there is nothing now: wait()
  event,     ///< a well-formed event
  malformed, ///< a message that is none
  passed,    ///< an event that was not read, as pass_over() allows
  caught_up, ///< once: everything that was there when this began has been handed out. The end of a reader
};

/// For stores; users have event_reader and event_subscription. Used by one coroutine at a time. It runs only while it
/// is waited for: what it fetched and nobody took is bounded, and costs no processor time.
class event_feed {
public:
  virtual ~event_feed() = default;

  /// What is there now, without waiting. Throws what ended the feed, again each time.
  virtual feed_step take(recorded_event& into, replay_error& malformed) = 0;

  /// Until take() may have something else than nothing, or the deadline. May end early. Cancelled (terminal):
  /// operation_aborted, and nothing is lost. What it is called on outlives the awaitable.
  virtual awaitable<void> wait(std::chrono::steady_clock::time_point deadline) = 0;

  /// Events of which this holds may be passed over without being read. Called before anything is taken.
  virtual void pass_over(std::function<bool(std::string_view event_id)> /*is_known*/) {}

  /// The last thing taken as it is stored.
  virtual std::string last_bytes() const = 0;
  /// Behind the last thing taken, with what a filter of event types dropped before it.
  virtual position where() const = 0;
  /// Events of the filter that are stored and not taken, as far as it is known: of the last thing that came.
  virtual std::uint64_t behind() const = 0;

  /// By what clock deadlines are.
  virtual std::chrono::steady_clock::time_point now() const { return std::chrono::steady_clock::now(); }

  /// Nobody will take any more: a wait under way ends with operation_aborted. Called once, from any thread.
  virtual void stop() noexcept {}

protected:
  event_feed() = default;
  event_feed(event_feed const&) = delete;
  event_feed& operator=(event_feed const&) = delete;
};

} // namespace aether
