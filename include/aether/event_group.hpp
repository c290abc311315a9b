// Groups: several workers, in one process or in many, share the events of a store; each is handled at least once.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/event_filter.hpp>
#include <aether/recorded_event.hpp>
#include <aether/subscription.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace aether {

class group_hub;
namespace detail {
class group_member;
} // namespace detail

/// Zero means the default, everywhere.
struct group_options {
  // The group's. Who joins an existing group with others is refused (group_settings_differ).

  std::string name; ///< any UTF-8 without NUL, 1 to 255 bytes
  /// Events of other types than event_types are acknowledged unseen, in the members.
  event_filter filter;
  /// Where the group begins when it is made; later it goes on where it is. Not latest_of_each_actor.
  start_from start;
  /// After this an event that was handed out and not settled is handed out again; 0: 30 s. At least 10 ms.
  std::chrono::nanoseconds ack_timeout{};
  /// How often an event is handed out before it becomes a dead letter; 0: 5.
  unsigned max_attempts = 0;
  /// Events handed out (or fetched ahead) and not settled, of all members together; 0: 1,000.
  std::size_t max_in_flight = 0;
  /// At most one event of an actor is in work, and an actor's events are first handed out in their order: among the
  /// members that joined through copies of one store object. Other processes, and stores opened separately, know
  /// nothing of it.
  bool ordered_per_actor = false;

  // This member's alone.

  /// What is fetched before it is asked for; 0: nothing, an event is fetched when next() waits for it. What was fetched
  /// and not handed out before the process died counts as an attempt.
  std::size_t prefetch_events = 0;
  std::size_t prefetch_bytes = 0; ///< at most so many of them; 0: 1 MB. A larger event comes alone
  std::chrono::nanoseconds timeout{}; ///< of join_group(); 0: the store's operation_timeout
  std::optional<trace_context> trace{}; ///< the span that join_group() belongs to

  group_options() = default;

  /// Throws invalid_argument, invalid_id.
  void validate() const;
};

/// An event in work. Settle it: acknowledge(), retry_later() or reject(). Dropped unsettled it is handed out again
/// after the group's ack_timeout. It outlives its member and its store's handle.
///
/// Each call returns when the store has confirmed it. One that failed may be repeated: whether the store knows of it,
/// so that the event does not come again, is open then. Of a settled event each throws invalid_argument. They throw
/// group_not_found, timed_out, connection_lost, closed, permission_denied, storage_full and what the server answered;
/// cancelled (terminal): operation_aborted. One coroutine at a time, on any thread.
class group_event {
public:
  group_event() = default;
  group_event(group_event&&) noexcept = default;
  group_event& operator=(group_event&&) noexcept = default;
  ~group_event();

  recorded_event const& recorded() const;
  aether::event const& event() const { return recorded().event; }
  /// How often it was handed out, or fetched by a member that left or died, this time included: from 1.
  unsigned attempt() const;

  /// The group is done with it.
  awaitable<void> acknowledge(call_options options = {});
  /// Hands it out again, not before `delay` has passed. Counts as an attempt.
  awaitable<void> retry_later(std::chrono::nanoseconds delay, call_options options = {});
  /// Makes it a dead letter at once.
  awaitable<void> reject(std::string reason, call_options options = {});
  /// Begins its ack_timeout anew.
  awaitable<void> extend(call_options options = {});

  // For stores, without waiting for it to be confirmed.
  void pass_over() noexcept; ///< acknowledges what is none of theirs
  void give_back() noexcept; ///< to be handed out again at once: nobody has seen it
  struct state; // for event_group
  explicit group_event(std::shared_ptr<state> s) noexcept; ///< for event_group

private:
  std::shared_ptr<state> state_;
};

/// A move-only handle: one member of a group, which it leaves when it is destroyed; a wait under way ends with
/// operation_aborted. What was fetched for it and not handed out is then handed to others at once where possible, else
/// after ack_timeout; what it handed out can still be settled.
///
/// At least once: an event may come again whenever it was not acknowledged in time, a connection broke or a process
/// died, so a handler must bear it. There is no order between workers, nor is an event that comes again in order.
/// Lost connections, restarted servers and new leaders are waited for; what cannot go on (the group or its stream was
/// deleted, the store closed) is thrown, again each time. Malformed messages become dead letters, and are not handed
/// out.
///
/// One coroutine at a time may use it; members are cheap. A wait that is cancelled (terminal) or timed out loses
/// nothing. With Asio's `||` use wait() and try_next(): a next() that completes together with the other side would drop
/// its event there.
class event_group {
public:
  event_group() = default;
  event_group(event_group&&) noexcept = default;
  event_group& operator=(event_group&& other) noexcept;
  ~event_group();

  /// The next event; none: the timeout passed (0: waits without limit).
  awaitable<std::optional<group_event>> next(call_options options = {});
  /// Waits until try_next() has something or throws; false: the timeout passed (0: waits without limit).
  awaitable<bool> wait(call_options options = {});
  /// What is there now.
  std::optional<group_event> try_next();

  /// For stores: one hub for all members of a group that share a store object.
  event_group(std::shared_ptr<group_hub> hub, group_options const& options);
  explicit event_group(std::shared_ptr<detail::group_member> member) noexcept : member_(std::move(member)) {}

private:
  void leave() noexcept;

  std::shared_ptr<detail::group_member> member_;
};

} // namespace aether
