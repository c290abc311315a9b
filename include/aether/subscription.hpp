// Following a store: everything from a chosen place on, then what is saved live, without a gap.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/event_filter.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace aether {

class event_feed;
namespace detail {
struct subscription_watch;
class watched_call;
} // namespace detail

/// Where a subscription or a group begins.
class start_from {
public:
  static start_from beginning() { return {}; }
  /// Behind this one. Resuming verifies that the stream is the same, reaches so far, and has that event there; else
  /// position_invalid.
  static start_from position(aether::position p);
  /// At the first event that was stored at this time or later, by the store's clock.
  static start_from time(time_point t);
  /// With what is stored from now on: what is now is found out once, when subscribing.
  static start_from now();
  /// With each actor's last event, in stream order.
  static start_from latest_of_each_actor();

  enum class kind { beginning, position, time, now, latest_of_each_actor };
  kind what() const noexcept { return what_; }
  aether::position const& where() const noexcept { return where_; }
  time_point when() const noexcept { return when_; }

private:
  kind what_ = kind::beginning;
  aether::position where_;
  time_point when_{};
};

/// When events behind the chosen start may have expired.
enum class expired_start {
  refuse, ///< start_expired
  first,  ///< begin with the first event that is left
};

enum class malformed_messages {
  report, ///< hand them out as replay_error
  skip,   ///< pass over them
};

/// Zero means the default, everywhere.
struct subscribe_options {
  event_filter filter;
  start_from start;
  expired_start on_expired = expired_start::refuse;
  malformed_messages malformed = malformed_messages::report;
  /// What is fetched before it is taken; 0: 32,768 events and 16 MB (JetStream: four times read_batch_bytes). An
  /// event that is larger comes alone. Over a sharded store it is divided among the streams, of which none has less
  /// than 256 events and 256 KB, or what is asked for if that is less.
  std::size_t window_events = 0;
  std::size_t window_bytes = 0;
  std::chrono::nanoseconds timeout{}; ///< of subscribe(); 0: the store's operation_timeout
  std::optional<trace_context> trace{}; ///< the span that subscribe() belongs to
  /// For those who follow what they save themselves: asked with an event's id before it is read, by whoever takes from
  /// the subscription; true passes over it. What is known may come all the same, where its id cannot be told before.
  std::function<bool(std::string_view event_id)> is_known;

  subscribe_options() = default;

  /// Throws invalid_argument, invalid_id.
  void validate() const;
};

/// Everything that was stored when subscribing has been handed out. Said once.
struct caught_up {};

using subscription_item = std::variant<recorded_event, caught_up, replay_error>;

/// A move-only handle; destroying it ends the subscription, and a wait under way with operation_aborted. Every event of
/// the filter comes exactly once and in stream order, over lost connections, restarted servers and lost consumers, or
/// an error says why it cannot go on: then the subscription is over, and each call throws that error again. Recovery
/// happens while somebody waits.
///
/// One coroutine at a time may use it. A wait that is cancelled (terminal) or timed out loses nothing. With Asio's `||`
/// use wait() and try_next(): a next() that completes together with the other side would lose its event there. (On
/// several threads `||` itself needs a strand.)
class event_subscription {
public:
  event_subscription() = default;
  event_subscription(event_subscription&&) noexcept = default;
  event_subscription& operator=(event_subscription&&) noexcept;
  ~event_subscription();

  /// What comes next; none: the timeout passed (0: waits without limit).
  awaitable<std::optional<subscription_item>> next(call_options options = {});
  /// Waits until try_next() has something or throws; false: the timeout passed (0: waits without limit).
  awaitable<bool> wait(call_options options = {});
  /// What is there now.
  std::optional<subscription_item> try_next();

  /// Behind everything that was taken, and what a filter of event types passed over.
  aether::position position() const;
  /// Events of the filter (but for its event types) that are stored and not taken, as far as is known here.
  std::uint64_t events_behind() const;
  /// Malformed messages passed over (malformed_messages::skip).
  std::uint64_t skipped() const noexcept;

  /// For stores: a feed of what the filter's actor types or actor choose.
  event_subscription(std::shared_ptr<event_feed> feed, subscribe_options const& options);

private:
  friend class detail::watched_call;
  void watched_by(std::shared_ptr<detail::subscription_watch> watch);

  struct state;
  static awaitable<std::optional<subscription_item>> next_item(std::shared_ptr<state> self, call_options options);
  static awaitable<bool> wait_for_item(std::shared_ptr<state> self, call_options options);

  std::shared_ptr<state> state_;
};

} // namespace aether
