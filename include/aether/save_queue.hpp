// Saves for later: a bounded queue, and a worker that goes on trying in the background.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/event_store.hpp>
#include <aether/logging.hpp>
#include <aether/retry.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace aether {

/// How one save of the queue ended.
struct queued_save_end {
  event what;
  std::optional<save_outcome> outcome; ///< none: it failed
  std::exception_ptr error;            ///< of one that failed
  /// It was not tried, as one before it was not stored. Its conflict, or error, is that one's.
  bool skipped = false;

  queued_save_end() = default;
};

/// Zero means the default.
struct save_queue_options {
  std::size_t capacity = 0; ///< events that wait, those being saved included; 0: 10,000
  std::size_t at_once = 0;  ///< calls to the store side by side; an actor that pauses counts for nothing. 0: 16
  /// Of one event. Conflicts are not tried again, as nobody here reads: retry_conflicts is refused. Its `decide` and
  /// `random` are called by several threads when the executor is run by several.
  retry_policy retry = patient();
  /// Told of every end, on the executor, before the ticket is; but not of what close() reports, or what is left when
  /// the last handle or the context goes. It must not hold a handle of the queue, which would keep itself. What it
  /// throws is logged.
  std::function<void(queued_save_end const&)> on_end;
  std::shared_ptr<logger> log; ///< told of each save that was tried and not stored, and of those behind it

  save_queue_options() = default;

  /// The default: 100 ms, doubled up to 10 s, with equal jitter, for 15 minutes, however many attempts these are.
  static retry_options patient();

  void validate() const; ///< throws invalid_argument, naming the option
};

/// Since the queue was made, but for the first one.
struct save_queue_metrics {
  std::size_t waiting = 0; ///< now, those being saved included
  std::uint64_t saved = 0; ///< or already saved
  std::uint64_t conflicts = 0;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0; ///< of the two before: not tried, behind one that was not stored
  std::uint64_t retries = 0; ///< attempts beyond the first
  std::uint64_t refused = 0; ///< as the queue was full
  std::uint64_t not_saved = 0; ///< by the queue's end

  save_queue_metrics() = default;
};

/// What the queue did not bring to an end.
struct unsaved_event {
  event what;
  save_options options;
  bool maybe_stored = false; ///< an attempt was or is under way: save the same event again, or ask find_event

  unsaved_event() = default;
};
struct save_queue_report {
  std::vector<unsaved_event> not_saved; ///< of one actor in order

  save_queue_report() = default;
};

/// How a queued save ends; may be dropped. Copies are one. Thread-safe, any number may wait, on any executor.
class save_ticket {
public:
  save_ticket() = default; ///< outcome() throws not_open

  /// Waits for the end: the outcome, or throws what the last attempt threw; `closed` when the queue ended before.
  /// Cancelling ends the wait and not the save.
  awaitable<save_outcome> outcome() const;
  bool has_ended() const noexcept;

private:
  friend class save_queue;
  struct state;
  explicit save_ticket(std::shared_ptr<state> s) noexcept;

  std::shared_ptr<state> state_;
};

/// Saves events in the background, and goes on trying when the store is away. Those of one actor are saved in the order
/// in which they were queued; different actors side by side. When one is not stored, by a conflict or an error, those
/// of its actor that wait behind it are not tried: they were decided on what did not happen.
///
/// What is queued lives in memory: a process that ends loses what close() did not report.
///
/// A copyable handle; the last one gone cancels what is under way and ends the tickets with `closed`. So does the end
/// of the execution context. Thread-safe.
class save_queue {
public:
  save_queue() = default; ///< every call throws not_open
  /// Saves on the executor. Throws invalid_argument.
  save_queue(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
             save_queue_options options = save_queue_options());

  /// Never waits. Throws overloaded when the queue is full, closed behind close() or the end of the context.
  save_ticket enqueue(event e, save_options options = {});

  /// Takes nothing more, and waits until everything has ended or the timeout (0: 30 s, by the policy's clock) is over;
  /// then ends, and reports what is left, nothing when called again. Cancelled: operation_aborted; what is queued goes
  /// on, and close() may be called again. An on_end that runs when the time is over may outlast it.
  awaitable<save_queue_report> close(call_options options = {});

  save_queue_metrics metrics() const;

private:
  struct core;
  struct owner;
  std::shared_ptr<owner> owner_;
};

} // namespace aether
