// Reading one actor's history at any length, forwards or backwards.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

namespace aether {

class event_feed;

enum class read_direction {
  forwards,  ///< in the order they were stored
  backwards, ///< the last one first: one round trip an event, whatever the history's length
};

/// Zero means the default, everywhere.
struct read_options {
  std::int64_t after_version = 0; ///< only events of a greater version
  std::int64_t up_to_version = 0; ///< and none of a greater one than this; 0: to the last one
  std::size_t max_events = 0;     ///< at most so many; 0: all
  read_direction direction = read_direction::forwards;
  /// What is fetched before it is taken; 0: 32,768 events and 16 MB (JetStream: four times read_batch_bytes). An
  /// event that is larger comes alone.
  std::size_t window_events = 0;
  std::size_t window_bytes = 0;
  std::optional<trace_context> trace{}; ///< the span that the read belongs to

  /// Throws invalid_version, invalid_argument.
  void validate() const;
};

class event_store;
namespace detail {
class watched_call;
} // namespace detail

/// An event, or a stored message on the actor's subject that is none or stands in the wrong order.
using read_item = std::variant<recorded_event, replay_error>;

/// A move-only handle on a read under way. It covers at least what the store held when next() was first called, and
/// ends there. Versions only go one way: an event whose version is not greater (backwards: not smaller) than that of
/// one handed out before it, which another writer can bring about, is an error of the history (version_order), like a
/// malformed message.
///
/// One coroutine at a time may use it. Threads and cancelling: as event_store; a next() that was cancelled or
/// timed out loses nothing: call it again.
class event_reader {
public:
  event_reader() = default;
  event_reader(event_reader&&) noexcept = default;
  event_reader& operator=(event_reader&&) noexcept = default;
  ~event_reader();

  /// The next well-formed event; none: the end. What is wrong between them is skipped and counted. Throws what a read
  /// throws: timed_out, connection_lost, closed, permission_denied, actor_mismatch, …
  awaitable<std::optional<recorded_event>> next(call_options options = {});

  /// The same, with what is wrong handed out too.
  awaitable<std::optional<read_item>> next_with_errors(call_options options = {});

  /// What next() passed over.
  std::uint64_t skipped() const noexcept;

  /// For stores: `feed` gives the actor's messages in the direction asked for, at least those that the options want.
  /// Without one every call throws `not_open`. `timeout`: of a next() that names none.
  event_reader(std::shared_ptr<event_feed> feed, read_options options, std::chrono::nanoseconds timeout);

private:
  friend class event_store;
  void watched_by(detail::watched_call call);

  struct state;
  static awaitable<std::optional<recorded_event>> next_event(std::shared_ptr<state> self, call_options options);
  static awaitable<std::optional<read_item>> next_item(std::shared_ptr<state> self, call_options options);

  std::shared_ptr<state> state_;
};

} // namespace aether
