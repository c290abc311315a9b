// Projections: a handler that is fed with a store's events, and goes on where it stopped.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/checkpoint_store.hpp>
#include <aether/event_store.hpp>
#include <aether/logging.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>
#include <aether/subscription.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aether {

/// What becomes of an event whose handler throws. The checkpoint passes it only when it is skipped.
enum class failed_event_policy {
  stop, ///< run() throws what the handler threw
  skip, ///< it is reported, and the next one comes
  retry_then_stop,
  retry_then_skip,
};

/// What becomes of a stored message that is no event.
enum class malformed_message_policy {
  skip, ///< it is reported, and what comes next goes on
  stop, ///< run() throws malformed_event, again each time until it is skipped
};

/// What did not go as it should, and what is done about it.
struct projection_report {
  enum class trouble { handler_failed, malformed_message, checkpoint_not_stored };
  enum class step { retry, skip, stop };

  trouble what = trouble::handler_failed;
  step then = step::stop;
  std::optional<recorded_event> event;   ///< of handler_failed
  std::optional<replay_error> malformed; ///< of malformed_message
  std::exception_ptr error;              ///< what was thrown; none of malformed_message
  std::string reason;                    ///< the same as text
  unsigned attempt = 0;                  ///< the one that failed, from 1
  std::chrono::nanoseconds pause{};      ///< before the next attempt, of retry

  projection_report() = default;
};

/// Zero means the default, everywhere.
struct projection_options {
  std::string name; ///< of the checkpoint: 1 to 255 bytes of UTF-8. One runner of a name at a time
  event_filter filter;
  start_from start; ///< when there is no checkpoint: at first, and after rebuild()
  expired_start on_expired = expired_start::refuse;

  /// How often the checkpoint is stored, whichever comes first; also without events, when the filter dropped some.
  std::uint64_t checkpoint_events = 0;            ///< 0: 1,000
  std::chrono::nanoseconds checkpoint_interval{}; ///< 0: 1 s

  failed_event_policy on_failure = failed_event_policy::stop;
  unsigned max_attempts = 0;                ///< of one event, of retry_…; 0: 5
  std::chrono::nanoseconds first_pause{};   ///< before the second attempt, doubled for each further one; 0: 100 ms
  std::chrono::nanoseconds longest_pause{}; ///< 0: 30 s
  malformed_message_policy on_malformed = malformed_message_policy::skip;

  std::size_t window_events = 0; ///< as in subscribe_options
  std::size_t window_bytes = 0;
  std::chrono::nanoseconds timeout{}; ///< of subscribing, and of storing a checkpoint; 0: the stores' own

  /// Told of each trouble before anything is done about it. Of what is skipped, it is awaited inside the transaction
  /// where there is one, and what it throws ends run() before the event is passed. It may keep the event elsewhere.
  std::function<awaitable<void>(projection_report const&)> on_report;
  /// Clears the read model for rebuild(): in one transaction with the checkpoint where the store is transactional;
  /// elsewhere it is called again when the process ended before it was done.
  std::function<awaitable<void>()> on_reset;
  std::shared_ptr<logger> log; ///< told of each trouble, and of taking the name over and losing it

  projection_options() = default;

  void validate() const; ///< throws invalid_argument, invalid_id
};

enum class projection_state { idle, running, paused };

/// What a projection did since run() began or rebuild() took effect.
struct projection_progress {
  projection_state state = projection_state::idle;
  std::uint64_t events_handled = 0;
  std::uint64_t events_skipped = 0;     ///< failed ones
  std::uint64_t malformed_messages = 0; ///< passed over
  std::uint64_t events_behind = 0;      ///< stored and not handled, as far as is known here; see events_behind()
  double events_per_second = 0;         ///< handled, over the last seconds
  bool caught_up = false;               ///< everything that was stored when it began was handled
  aether::position position;            ///< behind the last event handled
  std::uint64_t checkpoints = 0;        ///< stored

  projection_progress() = default;
};

/// Feeds a handler with the events of a store, one at a time and in stream order, and keeps how far it came in a
/// checkpoint store. With a transactional one (sqlite::checkpoint_store) every event takes effect in the read model
/// exactly once, whatever ends the process; with another one the events since the last checkpoint come again after a
/// crash or a cancelled run, and none is lost.
///
/// A copyable handle: copies control the same runner, run() keeps what it uses alive. Threads: every function may be
/// called from any thread at any time. The handlers run on the executor that awaits run().
class projection {
public:
  /// The event lives until the awaitable ends. The handler is kept, and so is what it captures.
  using handler = std::function<awaitable<void>(recorded_event const&)>;

  projection() = default; ///< run() throws not_open
  /// Throws invalid_argument, invalid_id.
  projection(std::shared_ptr<event_store> events, std::shared_ptr<checkpoint_store> checkpoints,
             projection_options options, handler handle);

  /// Takes the name over from whoever had it, and works until stop(). Throws projection_taken_over when somebody else
  /// takes it over from here, position_invalid, start_expired, and what ended the subscription, the checkpoint store or
  /// a handler; what was handled before is checkpointed first where that can be done. It may be called again, and goes
  /// on behind the checkpoint. Cancelled (terminal): operation_aborted; what has no checkpoint yet is rolled back where
  /// there is a transaction, and comes again elsewhere. One run at a time: else invalid_argument.
  awaitable<void> run();

  /// run() returns after the event that is being handled, with its checkpoint stored. Between two runs, or when this
  /// one fails or is cancelled before it has: the next one ends at once.
  void stop();
  /// Nothing is handled after the current event, and its checkpoint is stored; until resume().
  void pause();
  void resume();
  /// Begins anew after the current event, or when run() is called: clears the read model (on_reset) and the
  /// checkpoint, unless another runner took over.
  void rebuild();

  projection_progress progress() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace aether
