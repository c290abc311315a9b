// Telling others in this process or elsewhere that something happened: the interface of event buses.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/event.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace aether {

/// An event as it was published, shared by all who receive it.
struct broadcast {
  std::shared_ptr<std::string const> name_space;
  std::shared_ptr<aether::event const> event;

  broadcast() = default;
  broadcast(std::shared_ptr<std::string const> where, std::shared_ptr<aether::event const> what)
      : name_space(std::move(where)), event(std::move(what)) {}
};

/// Events of the subscription that did not come, between the last item and the next one.
struct missed {
  std::optional<std::uint64_t> count; ///< none: at least one may have been lost, and nobody can tell how many
};

/// Nothing more comes: the bus was closed, or the subscriber was too slow and asked for this end.
struct bus_closed {};

using bus_item = std::variant<broadcast, missed, bus_closed>;

/// What happens to an event for which a subscriber's buffer has no room.
enum class overflow_policy {
  drop_newest, ///< it is counted as missed
  drop_oldest, ///< the one that waits longest is, and makes room
  close,       ///< the subscription ends behind what is buffered
};

/// Zero means the default, everywhere.
struct bus_filter {
  /// Namespaces: tokens parted by dots; `*` stands for one token, `>` at the end for one or more. Empty: the empty
  /// namespace alone.
  std::string pattern;
  std::vector<std::string> event_types; ///< empty: all
  std::string actor_pattern;            ///< an actor id, in which `*` stands for any text; empty: all
  std::size_t buffer_events = 0;        ///< not taken yet; 0: 1,024
  overflow_policy overflow = overflow_policy::drop_newest;

  bus_filter() = default;

  /// Throws invalid_argument, with the place of the mistake, and invalid_id.
  void validate() const;
};

namespace detail {
class bus_inbox;
} // namespace detail

/// A move-only handle; destroying it ends the subscription, and a wait under way with operation_aborted. Events of one
/// namespace come in the order in which they were published; what was lost in between is told where it was lost.
///
/// One coroutine at a time may use it, on any executor. A wait that is cancelled (terminal) or timed out loses nothing.
/// With Asio's `||` use wait() and try_receive(): a receive() that completes together with the other side would lose
/// its event there.
class bus_subscription {
public:
  bus_subscription() = default;
  bus_subscription(bus_subscription&&) noexcept = default;
  bus_subscription& operator=(bus_subscription&&) noexcept;
  ~bus_subscription();

  /// What comes next; none: the timeout passed (0: waits without limit). Throws not_open.
  awaitable<std::optional<bus_item>> receive(call_options options = {});
  /// Waits until try_receive() has something; false: the timeout passed (0: waits without limit). Throws not_open.
  awaitable<bool> wait(call_options options = {});
  /// What is there now.
  std::optional<bus_item> try_receive();

  /// For buses.
  explicit bus_subscription(std::shared_ptr<detail::bus_inbox> inbox) noexcept;

private:
  static awaitable<std::optional<bus_item>> receive_item(std::shared_ptr<detail::bus_inbox> inbox,
                                                         call_options options);
  static awaitable<bool> wait_for_item(std::shared_ptr<detail::bus_inbox> inbox, call_options options);

  std::shared_ptr<detail::bus_inbox> inbox_;
};

/// What a bus did since it was made.
struct bus_metrics {
  std::uint64_t published = 0;
  std::uint64_t received = 0; ///< put into a subscriber's buffer
  std::uint64_t dropped = 0; ///< events for which a buffer had no room, or that made room
  std::size_t subscribers = 0;

  // Across processes, see nats::event_bus. A message is counted once for each of the subscribers' patterns it came by.
  std::uint64_t heard = 0; ///< events that others published, wanted here or not
  std::uint64_t missed = 0; ///< events that did not come, as the counts of their publishers tell
  std::uint64_t gaps = 0; ///< times that some may not have come, and nobody can tell how many
  std::uint64_t malformed = 0; ///< messages that hold no event, or stand on a wrong subject
  std::uint64_t unsent = 0; ///< published here, and not handed over to the connection

  bus_metrics() = default;
};

/// Where events are announced, and heard of: in this process (event_bus) or across processes (nats::event_bus). At most
/// once: who needs every event subscribes to the store.
///
/// Thread-safe, every function at any time.
class event_broadcaster {
public:
  virtual ~event_broadcaster() = default;

  /// Never blocks and never waits for a subscriber. Throws invalid_argument with the place of the mistake.
  void publish(std::string_view name_space, std::shared_ptr<event const> e);
  void publish(std::string_view name_space, event e);

  /// Everything that is published from the moment it returns. Throws invalid_argument, invalid_id, and what a bus
  /// across processes meets.
  awaitable<bus_subscription> subscribe(bus_filter filter, call_options options = {});

  /// publish() takes microseconds whoever listens, and calls nobody's code: a store calls it where a save ends. Another
  /// broadcaster is called by a thread that the store keeps for it, and the end of the store waits for the call under
  /// way: what waits behind it is lost.
  bool publishes_at_once() const noexcept { return do_publishes_at_once(); }

  std::size_t subscriber_count() const { return do_metrics().subscribers; }
  bus_metrics metrics() const { return do_metrics(); }

protected:
  event_broadcaster() = default;
  event_broadcaster(event_broadcaster const&) = default;
  event_broadcaster(event_broadcaster&&) = default;
  event_broadcaster& operator=(event_broadcaster const&) = default;
  event_broadcaster& operator=(event_broadcaster&&) = default;

private:
  // The arguments have been checked.
  virtual void do_publish(std::string_view name_space, std::shared_ptr<event const> e) = 0;
  virtual awaitable<bus_subscription> do_subscribe(bus_filter filter, call_options options) = 0;
  virtual bus_metrics do_metrics() const = 0;
  virtual bool do_publishes_at_once() const noexcept { return false; }
};

} // namespace aether
