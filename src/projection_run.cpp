// One run of a projection: takes the name over, subscribes behind the checkpoint, and handles event after event. What
// is decided is decided by projection_machine.
#include "projection_run.hpp"

#include "detail/give_way.hpp"
#include "detail/log.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace aether::detail {

namespace {

using clock = std::chrono::steady_clock;
using wish = projection_control::wish;
using report = projection_report;

/// Lives in the frame of run_projection(), as long as everything below.
struct running {
  std::shared_ptr<projection_parts> parts;
  std::unique_ptr<checkpoint_session> session;
  std::shared_ptr<event_subscription> subscription;
  position start; ///< where the subscription began
  projection_machine machine;
  bool begun = false; ///< the session has
  unsigned at_a_stretch = 0;

  explicit running(std::shared_ptr<projection_parts> p)
      : parts(std::move(p)), machine(parts->rules(false), clock::now()) {}
  running(running const&) = delete;
  running& operator=(running const&) = delete;
  ~running() {
    session.reset();
    subscription.reset();
    if (entered) {
      parts->counts.set_state(projection_state::idle);
      parts->control->leave(was_stopped);
    }
  }
  bool entered = false;
  bool was_stopped = false; ///< by stop(), rather than by what failed

  projection_options const& options() const noexcept { return parts->options; }
  call_options call() const noexcept {
    call_options c;
    c.timeout = parts->options.timeout;
    return c;
  }
  void give_up_group() {
    session->rollback();
    begun = false;
    machine.on_rollback(clock::now());
  }
};

enum class ending { stopped, rebuild };
enum class passing { passed, interrupted };

awaitable<bool> is_cancelled() {
  auto const state = co_await boost::asio::this_coro::cancellation_state;
  co_return (state.cancelled() & boost::asio::cancellation_type::terminal) != boost::asio::cancellation_type::none;
}

std::string text_of(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

boost::system::error_code code_of(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (boost::system::system_error const& e) {
    return e.code();
  } catch (...) {
    return {};
  }
}

std::string_view name_of(report::step step) noexcept {
  switch (step) {
  case report::step::retry:
    return "retry";
  case report::step::skip:
    return "skip";
  case report::step::stop:
    break;
  }
  return "stop";
}

void log_trouble(projection_options const& options, report const& told) {
  log_at const log{options.log, told.then == report::step::stop ? log_level::error : log_level::warning};
  if (!log)
    return;
  auto const then = name_of(told.then);
  switch (told.what) {
  case report::trouble::handler_failed:
    return log("a projection's handler failed", {{"projection", options.name},
                                                 {"then", then},
                                                 {"sequence", told.event->sequence},
                                                 {"actor_id", told.event->event.actor_id},
                                                 {"event_id", told.event->event.id},
                                                 {"attempt", told.attempt},
                                                 {"text", told.reason}});
  case report::trouble::malformed_message:
    return log("a projection met a malformed message", {{"projection", options.name},
                                                        {"then", then},
                                                        {"sequence", told.malformed->sequence},
                                                        {"error", told.malformed->error.message()}});
  case report::trouble::checkpoint_not_stored:
    return log("a projection's checkpoint was not stored",
               {{"projection", options.name}, {"then", then}, {"text", told.reason}});
  }
}

/// What ended the run and was not told as a trouble.
void log_end(projection_options const& options, error const& why) {
  if (why.code() != errc::projection_taken_over)
    return;
  if (log_at const log{options.log, log_level::error})
    log("a projection was taken over by another runner", {{"projection", options.name}});
}

awaitable<void> tell(running& r, report const& told) {
  log_trouble(r.options(), told);
  if (r.options().on_report)
    co_await r.options().on_report(told);
}

/// Inside the group, so that what is skipped and what is told of it belong together.
awaitable<void> tell_and_pass(running& r, report const& told) {
  r.session->begin_event();
  co_await tell(r, told);
  r.session->keep_event();
  r.machine.on_passed(clock::now());
}

awaitable<void> begin_group(running& r) {
  if (r.begun)
    co_return;
  co_await r.session->begin(r.call());
  r.begun = true;
}

/// Stores how far it came. That a store cannot be reached for the moment is reported, and thrown only `at_the_end`.
awaitable<void> store_checkpoint(running& r, bool at_the_end) {
  auto const behind = r.parts->counts.behind();
  if (r.machine.events_in_group() == 0 && (!behind || behind == r.session->last().position)) {
    r.session->rollback(); // nothing happened in it
    r.begun = false;
    r.machine.on_checkpoint(clock::now());
    co_return;
  }
  checkpoint next;
  next.position = behind;
  std::exception_ptr failure;
  try {
    co_await r.session->commit(std::move(next), r.call());
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) {
    r.begun = false;
    r.machine.on_checkpoint(clock::now());
    r.parts->counts.on_checkpoint();
    co_return;
  }
  report told;
  told.what = report::trouble::checkpoint_not_stored;
  told.reason = text_of(failure);
  bool const cancelled = co_await is_cancelled();
  auto const code = code_of(failure);
  if (cancelled || at_the_end || r.session->is_transactional() || !is_retryable(code)) {
    if (!cancelled && code != errc::projection_taken_over)
      log_trouble(r.options(), told);
    std::rethrow_exception(failure);
  }
  told.then = report::step::retry;
  told.pause = r.machine.on_checkpoint_failed(clock::now());
  told.error = std::move(failure);
  co_await tell(r, told);
}

/// The run ends by an error, which counts more than one of storing the checkpoint.
awaitable<void> keep_what_was_handled(running& r) {
  try {
    co_await store_checkpoint(r, true);
  } catch (error const&) {
  }
}

report failed(recorded_event const& e, std::exception_ptr failure, failure_verdict const& verdict) {
  report told;
  told.what = report::trouble::handler_failed;
  told.then = verdict.then == failed_event::retry  ? report::step::retry
              : verdict.then == failed_event::skip ? report::step::skip
                                                   : report::step::stop;
  told.event = e;
  told.reason = text_of(failure);
  told.error = std::move(failure);
  told.attempt = verdict.attempt;
  told.pause = verdict.pause;
  return told;
}

/// False: stopped or rebuilt instead.
awaitable<bool> pause_before_retry(running& r, std::chrono::nanoseconds pause) {
  auto const until = later(clock::now(), pause);
  for (;;) {
    auto const wishes = r.parts->control->now();
    if (wishes.what == wish::stop || wishes.what == wish::rebuild)
      co_return false;
    bool const paused = wishes.what == wish::pause;
    if (!paused && clock::now() >= until)
      co_return true;
    r.parts->counts.set_state(paused ? projection_state::paused : projection_state::running);
    co_await projection_control::wait(r.parts->control, wishes.revision, paused ? steady_time::max() : until);
    r.parts->counts.set_state(projection_state::running);
  }
}

/// Goes back to before the event. False: the transaction with the events before it is gone too, as SQLite ends some by
/// itself: then nothing is left to go on from but the last checkpoint.
bool undo(running& r) {
  try {
    r.session->undo_event();
    return true;
  } catch (error const&) {
    return false;
  }
}

awaitable<passing> handle_event(running& r, recorded_event e) {
  for (;;) {
    co_await begin_group(r);
    r.session->begin_event();
    std::exception_ptr failure;
    try {
      co_await r.parts->handle(e);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) {
      r.session->keep_event();
      r.machine.on_passed(clock::now());
      r.parts->counts.on_handled(r.subscription->position(), r.subscription->events_behind(), clock::now());
      co_return passing::passed;
    }
    bool const cancelled = co_await is_cancelled();
    if (cancelled)
      std::rethrow_exception(failure);
    bool const undone = undo(r);
    auto verdict = r.machine.on_failure();
    if (!undone) {
      verdict.then = failed_event::stop;
      r.give_up_group();
    }
    report const told = failed(e, failure, verdict);
    if (verdict.then == failed_event::skip) {
      co_await tell_and_pass(r, told);
      r.parts->counts.on_skipped(r.subscription->position(), r.subscription->events_behind());
      co_return passing::passed;
    }
    if (verdict.then == failed_event::stop) {
      if (undone)
        co_await keep_what_was_handled(r);
      co_await tell(r, told);
      std::rethrow_exception(failure);
    }
    co_await store_checkpoint(r, false); // of what came before it, as the pause may be long
    co_await tell(r, told);
    bool const again = co_await pause_before_retry(r, verdict.pause);
    if (!again)
      co_return passing::interrupted;
  }
}

awaitable<void> handle_malformed(running& r, replay_error bad) {
  bool const stops = r.options().on_malformed == malformed_message_policy::stop;
  report told;
  told.what = report::trouble::malformed_message;
  told.then = stops ? report::step::stop : report::step::skip;
  told.reason = bad.reason;
  told.malformed = bad;
  if (stops) {
    co_await keep_what_was_handled(r);
    co_await tell(r, told);
    throw error(bad.error,
                "projection " + r.options().name + ": message " + std::to_string(bad.sequence) + ": " + bad.reason);
  }
  co_await begin_group(r);
  co_await tell_and_pass(r, told);
  r.parts->counts.on_malformed(r.subscription->position(), r.subscription->events_behind());
}

awaitable<passing> handle_item(running& r, subscription_item item) {
  if (auto* e = std::get_if<recorded_event>(&item))
    co_return co_await handle_event(r, std::move(*e));
  if (auto* bad = std::get_if<replay_error>(&item))
    co_await handle_malformed(r, std::move(*bad));
  else
    r.parts->counts.set_caught_up();
  co_return passing::passed;
}

/// What is there now. With a filter of event types, looking for one may take long: then with pauses in which others
/// run.
awaitable<std::optional<subscription_item>> take(running& r) {
  std::optional<subscription_item> item;
  if (r.options().filter.event_types.empty()) {
    item = r.subscription->try_next();
  } else {
    call_options at_once;
    at_once.timeout = std::chrono::nanoseconds(1);
    item = co_await r.subscription->next(at_once);
  }
  co_return item;
}

/// Nothing is to be had: its position may have moved all the same, over what the filter dropped.
awaitable<void> idle(running& r, std::uint64_t seen) {
  auto at = r.subscription->position();
  auto behind = r.parts->counts.behind();
  if (at != r.start)
    behind = std::move(at);
  auto const left = r.subscription->events_behind();
  r.parts->counts.on_moved(std::move(behind), left);
  if (r.machine.is_due_when_idle(clock::now(), left == 0))
    co_await store_checkpoint(r, false);
  r.at_a_stretch = 0;
  co_await projection_control::wait_for_event(r.parts->control, seen, r.subscription, r.machine.wake_at());
}

awaitable<void> stay_paused(running& r, std::uint64_t seen) {
  co_await store_checkpoint(r, false);
  r.parts->counts.set_state(projection_state::paused);
  co_await projection_control::wait(r.parts->control, seen, steady_time::max());
  r.parts->counts.set_state(projection_state::running);
}

awaitable<ending> follow(running& r) {
  for (;;) {
    auto const wishes = r.parts->control->now();
    if (wishes.what == wish::stop) {
      r.was_stopped = true; // even if the rest fails
      co_await store_checkpoint(r, true);
      co_return ending::stopped;
    }
    if (wishes.what == wish::rebuild) {
      r.give_up_group();
      co_return ending::rebuild;
    }
    if (wishes.what == wish::pause) {
      co_await stay_paused(r, wishes.revision);
      continue;
    }
    std::optional<subscription_item> item;
    std::exception_ptr over;
    try {
      item = co_await take(r);
    } catch (...) {
      over = std::current_exception();
    }
    if (over) {
      co_await keep_what_was_handled(r);
      std::rethrow_exception(over);
    }
    if (!item) {
      co_await idle(r, wishes.revision);
      continue;
    }
    auto const passed = co_await handle_item(r, std::move(*item));
    if (passed == passing::passed && r.machine.is_due(clock::now()))
      co_await store_checkpoint(r, false);
    if (++r.at_a_stretch >= items_at_a_stretch) {
      co_await give_way();
      r.at_a_stretch = 0;
    }
  }
}

/// Without a transaction the checkpoint says first that the read model is to be cleared: a process that ends before
/// that is done begins with it.
awaitable<void> clear(running& r) {
  r.give_up_group();
  if (r.session->is_transactional()) {
    co_await begin_group(r);
  } else {
    checkpoint due;
    due.reset_due = true;
    co_await r.session->commit(std::move(due), r.call());
  }
  if (r.options().on_reset)
    co_await r.options().on_reset();
  checkpoint cleared;
  co_await r.session->commit(std::move(cleared), r.call());
  r.begun = false;
  r.parts->control->rebuild_done();
}

awaitable<void> subscribe(running& r) {
  auto const& last = r.session->last().position;
  subscribe_options options;
  options.filter = r.options().filter;
  options.start = last ? start_from::position(*last) : r.options().start;
  options.on_expired = r.options().on_expired;
  options.window_events = r.options().window_events;
  options.window_bytes = r.options().window_bytes;
  options.timeout = r.options().timeout;
  r.subscription.reset();
  auto subscription = co_await r.parts->events->subscribe(std::move(options));
  r.subscription = std::make_shared<event_subscription>(std::move(subscription));
  r.start = r.subscription->position();
  auto behind = last;
  if (!behind && r.options().start.what() == start_from::kind::now)
    behind = r.start; // now is now: not when the projection runs again
  r.parts->counts.on_moved(behind, r.subscription->events_behind());
  if (behind != last)
    co_await store_checkpoint(r, false);
}

awaitable<void> work(running& r) {
  for (;;) {
    r.parts->counts.begin(clock::now());
    auto const wishes = r.parts->control->now();
    if (wishes.what == wish::stop) {
      r.was_stopped = true;
      break;
    }
    if (wishes.what == wish::rebuild || r.session->last().reset_due)
      co_await clear(r);
    co_await subscribe(r);
    auto const end = co_await follow(r);
    if (end == ending::stopped)
      break;
  }
}

} // namespace

projection_rules projection_parts::rules(bool transactional) const {
  projection_rules rules;
  rules.checkpoint_events = options.checkpoint_events;
  rules.checkpoint_interval = options.checkpoint_interval;
  rules.transactional = transactional;
  bool const retries = options.on_failure == failed_event_policy::retry_then_stop ||
                       options.on_failure == failed_event_policy::retry_then_skip;
  rules.max_attempts = retries ? options.max_attempts : 1;
  rules.first_pause = options.first_pause;
  rules.longest_pause = options.longest_pause;
  rules.skips =
      options.on_failure == failed_event_policy::skip || options.on_failure == failed_event_policy::retry_then_skip;
  return rules;
}

awaitable<void> run_projection(std::shared_ptr<projection_parts> parts) {
  running r(std::move(parts));
  r.entered = r.parts->control->enter();
  if (!r.entered)
    throw error(errc::invalid_argument, "projection " + r.options().name + ": it runs already");
  if (r.parts->control->now().what == wish::stop) {
    r.was_stopped = true;
    co_return;
  }
  r.parts->counts.set_state(projection_state::running);
  r.session = co_await r.parts->checkpoints->take_over(r.options().name, r.call());
  r.machine = projection_machine(r.parts->rules(r.session->is_transactional()), clock::now());
  if (log_at const log{r.options().log, log_level::info})
    log("a projection took its name over", {{"projection", r.options().name}});
  try {
    co_await work(r);
  } catch (error const& e) {
    log_end(r.options(), e);
    throw;
  }
}

} // namespace aether::detail
