// What a store implements behind its groups: messages to be settled one by one.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/dead_letter.hpp>
#include <aether/event_group.hpp>
#include <aether/recorded_event.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace aether {

/// Why an event becomes a dead letter.
struct dead_letter_note {
  dead_letter_cause cause = dead_letter_cause::max_attempts;
  std::string reason;
  unsigned attempts = 0;

  dead_letter_note() = default;
  dead_letter_note(dead_letter_cause c, std::string r, unsigned n) : cause(c), reason(std::move(r)), attempts(n) {}
};

/// For stores: one delivery of a message. May be used after its source is gone, from any thread; what the awaitables
/// are called on outlives them. They throw what group_event documents.
class group_ticket {
public:
  using time = std::chrono::steady_clock::time_point;

  virtual ~group_ticket() = default;

  virtual awaitable<void> acknowledge(time deadline) = 0;
  virtual awaitable<void> retry_later(std::chrono::nanoseconds delay, time deadline) = 0;
  virtual awaitable<void> extend(time deadline) = 0;
  /// Stores the letter; the message is acknowledged afterwards. Told twice of one message it keeps one letter.
  virtual awaitable<void> store_dead_letter(dead_letter_note note, time deadline) = 0;

  // Without waiting for it to be confirmed; when it gets lost the message is delivered again.
  virtual void pass_over() noexcept = 0; ///< acknowledges
  virtual void keep() noexcept = 0;      ///< as extend()
  virtual void give_back() noexcept = 0; ///< to be delivered again at once

protected:
  group_ticket() = default;
  group_ticket(group_ticket const&) = delete;
  group_ticket& operator=(group_ticket const&) = delete;
};

/// For stores: a message as it was delivered.
struct group_delivery {
  recorded_event recorded;   ///< of a malformed one: sequence, time and stream
  std::string malformed;     ///< what is wrong with it; empty: it is an event
  bool of_filter = true;     ///< false: its actor is none of the filter's
  bool retried = false;      ///< a dead letter that was retried
  unsigned attempt = 1;      ///< how often it was delivered
  std::size_t bytes = 0;     ///< of the message
  std::shared_ptr<group_ticket> ticket;

  group_delivery() = default;
};

/// For stores: a group's messages, for all members that share a store object. Every function but tend() is called with
/// a lock held: it neither waits nor calls back.
class group_source {
public:
  using time = std::chrono::steady_clock::time_point;

  virtual ~group_source() = default;

  /// Set once, before anything else: to be called, from any thread and without a lock held, when take() may have
  /// something, or when due() may have become earlier.
  virtual void on_change(std::function<void()> changed) = 0;
  /// So many messages beyond those taken are wanted now: whoever waits for them does so until `until`.
  virtual void want(std::size_t messages, std::size_t bytes, time now, time until) = 0;
  /// A message that has come. Throws what ended the source, again each time.
  virtual bool take(group_delivery& into, time now) = 0;
  /// When take() or needs_tending() is to be asked again although nothing changed; the clock's first time: now.
  virtual time due() const = 0;
  virtual bool needs_tending(time now) const = 0;
  /// Does what is due, by one coroutine at a time: makes sure that what is wanted will come. May end early. What fails
  /// for good is thrown by take().
  virtual awaitable<void> tend(time deadline) = 0;
  /// Nobody is a member any more: what has come is given back, and nothing comes until something is wanted again.
  virtual void pause() noexcept = 0;
  /// Of calls that name no timeout.
  virtual std::chrono::nanoseconds operation_timeout() const noexcept = 0;

protected:
  group_source() = default;
  group_source(group_source const&) = delete;
  group_source& operator=(group_source const&) = delete;
};

/// For stores: what the members of a group share. Thread-safe. `options`: with their defaults filled in.
std::shared_ptr<group_hub> make_group_hub(std::shared_ptr<group_source> source, group_options const& options);
/// The defaults filled in.
group_options resolved(group_options options);

} // namespace aether
