// A run of a workflow: when operations are answered, what is written when, and how it leaves memory.
#include "workflow_run.hpp"

#include "detail/utf8.hpp"

#include <aether/event_store.hpp>
#include <aether/json.hpp>
#include <aether/workflow.hpp>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <limits>
#include <random>
#include <utility>

namespace aether::detail {

namespace {

using journal::entry;
using journal::entry_kind;

constexpr auto never = steady_time::max();
constexpr int longest_child_silence = 60; // times takeover_after

entry entry_of(entry_kind kind, std::string name) {
  entry made;
  made.kind = kind;
  made.name = std::move(name);
  return made;
}

/// Until its last attempt has ended: none begins behind the policy's max_elapsed.
std::chrono::nanoseconds longest_time(step_options const& options) {
  if (!options.retry || options.mode == execution::at_most_once)
    return options.timeout;
  return options.timeout + options.retry->options().max_elapsed;
}

constexpr std::size_t longest_message = 4096;

// What programs say may be of any length and encoding; a journal holds UTF-8.
std::string storable(std::string text) {
  if (text.size() > longest_message)
    text = text.substr(0, longest_message);
  return valid_utf8(text) ? text : escaped(text);
}

} // namespace

journal::failure failure_of(std::exception_ptr const& error) {
  journal::failure how;
  try {
    std::rethrow_exception(error);
  } catch (step_error const& e) {
    how.category = e.category();
    how.code = e.number();
    how.message = "step " + quoted(e.name()) + ": " + e.message();
  } catch (aether::error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
    // What the library says to the code's meaning may change, and is not stored.
    auto const meaning = ": " + e.code().what();
    if (how.message.ends_with(meaning))
      how.message.resize(how.message.size() - meaning.size());
  } catch (boost::system::system_error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
  } catch (std::system_error const& e) {
    how.category = e.code().category().name();
    how.code = e.code().value();
    how.message = e.what();
  } catch (std::exception const& e) {
    how.category = "exception";
    how.message = e.what();
  } catch (...) {
    how.category = "unknown";
    how.message = "something was thrown that is no std::exception";
  }
  how.message = storable(std::move(how.message));
  return how;
}

workflow_run::workflow_run(std::shared_ptr<workflow_surroundings> around, workflow_book book, workflow_body const& body)
    : around_(std::move(around)), book_(std::move(book)), body_(body) {}

workflow_run::~workflow_run() = default;

std::string workflow_run::concerning() const {
  return "workflow " + book_.actor_id() + ", run " + std::to_string(book_.run());
}

void workflow_run::start(bool fresh) {
  repeated_ = !fresh;
  running_ = 1;
  auto const self = shared_from_this();
  asio::co_spawn(around_->executor(), body_(workflow(self), book_.input()),
                 [self](std::exception_ptr error, boost::json::value result) {
                   self->on_root_end(std::move(error), std::move(result));
                 });
}

void workflow_run::on_root_end(std::exception_ptr error, boost::json::value result) {
  if (dead_)
    return;
  --running_;
  if (!error)
    error = unfit(result, std::numeric_limits<std::size_t>::max());
  if (error) {
    try {
      std::rethrow_exception(error);
    } catch (continue_request& next) {
      continue_with_ = std::move(next.input);
    } catch (boost::system::system_error const& e) {
      outcome_.kind = e.code() == errc::workflow_cancelled && book_.is_cancel_requested()
                          ? journal::outcome_kind::cancelled
                          : journal::outcome_kind::failed;
      outcome_.error = failure_of(error);
    } catch (...) {
      outcome_.kind = journal::outcome_kind::failed;
      outcome_.error = failure_of(error);
    }
  } else {
    outcome_.result = std::move(result);
  }
  if (!outcome_.error || undo_.empty()) {
    ended_ = true;
    post_settle();
    return;
  }
  shield_ = true;
  running_ = 1;
  auto const self = shared_from_this();
  asio::co_spawn(around_->executor(), undo_all(self), [self](std::exception_ptr) {
    if (self->dead_)
      return;
    --self->running_;
    if (!self->undo_failed_.empty())
      self->outcome_.undo_failed = self->undo_failed_;
    self->ended_ = true;
    self->post_settle();
  });
}

awaitable<void> workflow_run::undo_all(std::shared_ptr<workflow_run> self) {
  while (!self->undo_.empty()) {
    auto last = std::make_shared<undo>(std::move(self->undo_.back()));
    self->undo_.pop_back();
    bool failed = false;
    try {
      co_await perform_step(self, last->name, last->function, last->options);
    } catch (...) {
      failed = true;
    }
    if (failed)
      self->undo_failed_.push_back(last->name);
  }
}

void workflow_run::add_undo(std::string name, step_function function, step_options options) {
  undo_.push_back({std::move(name), std::move(function), std::move(options)});
}

std::string workflow_run::key_of_signal(std::string const& name) {
  return "signal " + name + " " + std::to_string(++signals_asked_[name]);
}

// Operations.

awaitable<workflow_answer> workflow_run::perform(std::shared_ptr<workflow_op> op) {
  auto const self = shared_from_this();
  op->shielded = shield_;
  workflow_answer known;
  bool fits = true;
  if (op->kind == operation_kind::step && op->options.timeout == std::chrono::nanoseconds::zero())
    op->options.timeout = around_->options().step_timeout;
  if (!op->is_join) {
    if (!shield_ && book_.entries() >= around_->options().max_journal_entries && !book_.has_record(op->key))
      throw error(errc::workflow_too_long, concerning() + ", " + quoted(op->name) + ": max_journal_entries is " +
                                               std::to_string(around_->options().max_journal_entries));
    try {
      known.how = book_.ask(op->kind, op->key);
    } catch (aether::error const& e) {
      if (e.code() != errc::workflow_diverged)
        throw;
      leave(run_end::broken, e.what());
      fits = false;
    }
    if (known.how == asked_answer::in_doubt && op->options.mode != execution::at_most_once)
      known.how = asked_answer::not_recorded; // it was begun, for others to know how long it takes, and begins again
    if (fits && known.how != asked_answer::not_recorded)
      known.record = book_.record(op->key);
  } else if (op->living == 0) {
    known.how = asked_answer::recorded;
  }
  if (fits && known.how != asked_answer::not_recorded)
    co_return known;
  wait_result<workflow_answer> const ended =
      co_await wait_until<workflow_answer>(never, [&](std::shared_ptr<wait_state<workflow_answer>> waiting) {
        op->wait = std::move(waiting);
        self->park(op);
      });
  throw_if_cancelled(ended);
  co_return ended.value.value_or(workflow_answer());
}

void workflow_run::park(std::shared_ptr<workflow_op> const& op) {
  --running_;
  waiting_.push_back(op);
  post_settle();
}

void workflow_run::answer(workflow_op& op, workflow_answer with) {
  auto const at = std::find_if(waiting_.begin(), waiting_.end(), [&](auto const& w) { return w.get() == &op; });
  if (at == waiting_.end())
    return;
  auto const kept = std::move(*at);
  waiting_.erase(at);
  ++running_;
  told_parked_ = false;
  kept->wait->complete(std::move(with));
}

// An operation is settled: kept for the next write, and told to the code.
void workflow_run::record(journal::entry made, std::shared_ptr<workflow_op> const& op) {
  workflow_answer with;
  with.how = made.kind == entry_kind::cancelled ? asked_answer::cancelled : asked_answer::recorded;
  book_.settle(made);
  with.record = book_.record(op->key);
  pending_.push_back(std::move(made));
  answer(*op, std::move(with));
}

void workflow_run::post_settle() {
  if (settle_posted_)
    return;
  settle_posted_ = true;
  around_->post([self = shared_from_this()] {
    self->settle_posted_ = false;
    self->settle();
  });
}

void workflow_run::settle() {
  if (dead_)
    return drop_coroutines();
  if (running_ > 0 || writing_ || !go_live())
    return;
  settle_recorded();
  if (book_.is_cancel_requested())
    settle_cancelled();
  settle_signals_and_timers();
  if (running_ > 0)
    return;
  if (has_to_write()) {
    add_notes();
    writing_ = true;
    auto const self = shared_from_this();
    asio::co_spawn(around_->executor(), write(self), [self](std::exception_ptr error) {
      if (error && !self->dead_)
        self->leave(run_end::broken, failure_of(error).message);
    });
    return;
  }
  if (!winding_down_)
    begin_effects();
  if (auto const wake = next_wake())
    around_->wake_at(*this, *wake);
  if (!is_parked())
    return;
  // Its child was started and may take long: others are told that this silence is none.
  auto const waits_for_child = [](auto const& op) { return !op->is_join && op->kind == operation_kind::child; };
  if (!told_parked_ && !winding_down_ && std::any_of(waiting_.begin(), waiting_.end(), waits_for_child))
    return tell_parked();
  around_->on_parked(*this);
}

// All that the journal holds must have been asked for once no branch goes on by it.
bool workflow_run::go_live() {
  if (live_)
    return true;
  auto const left = book_.unasked();
  if (left.empty())
    return live_ = true;
  std::string what = "the journal holds";
  for (auto const& key : left)
    what += " " + quoted(key);
  what += ", which the code does not ask for; it asks for";
  bool any = false;
  for (auto const& op : waiting_)
    if (!op->is_join) {
      what += " " + quoted(op->key);
      any = true;
    }
  leave(run_end::broken, concerning() + ": " + what + (any ? "" : " nothing"));
  return false;
}

void workflow_run::settle_recorded() {
  auto const asked = waiting_;
  for (auto const& op : asked)
    if (op->kind == operation_kind::recorded && !op->is_join) {
      auto made = entry_of(entry_kind::recorded, op->key);
      if (op->wants_random) {
        auto const& random = around_->options().random;
        std::uint64_t bits = 0;
        for (int i = 0; i < 4; ++i)
          bits = bits << 16 | static_cast<std::uint64_t>(random() * 65536);
        made.value = bits;
      } else {
        made.value = to_json_value(around_->options().time->now());
      }
      record(std::move(made), op);
    }
}

void workflow_run::settle_cancelled() {
  auto const asked = waiting_;
  for (auto const& op : asked)
    if (!op->is_join && !op->shielded && !op->in_effect) {
      // Its cancel request is an effect: it comes before the record that there was one.
      if (op->kind == operation_kind::child && !op->child_is_cancelled) {
        op->cancels_child = true;
        continue;
      }
      book_.tell_cancel();
      record(entry_of(entry_kind::cancelled, op->key), op);
    }
}

void workflow_run::settle_signals_and_timers() {
  auto const now = around_->options().time->now();
  auto const asked = waiting_;
  for (auto const& op : asked) {
    if (op->is_join)
      continue;
    bool const is_signal = op->kind == operation_kind::signal || op->kind == operation_kind::signal_until;
    if (is_signal)
      if (auto taken = book_.take_signal(op->name)) {
        auto made = entry_of(entry_kind::signal_taken, op->key);
        made.signal = std::move(taken->id);
        auto settled = made;
        settled.value = std::move(taken->value); // known from the signal's own event
        book_.settle(settled);
        workflow_answer with;
        with.how = asked_answer::recorded;
        with.record = book_.record(op->key);
        pending_.push_back(std::move(made));
        answer(*op, std::move(with));
        continue;
      }
    if (op->kind != operation_kind::step && op->due && *op->due <= now)
      record(entry_of(is_signal ? entry_kind::signal_timed_out : entry_kind::timer_fired, op->key), op);
  }
}

bool workflow_run::has_to_write() const {
  if (!pending_.empty() || ended_ || wants_parked_told_)
    return true;
  if (winding_down_)
    return false;
  bool const is_foreign = book_.last_host() != around_->options().name;
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](auto const& op) { return begins(*op) && (is_foreign || says_that_it_begins(*op)); });
}

/// It is an effect, and the next to be done.
bool workflow_run::begins(workflow_op const& op) const {
  if (op.is_join || op.in_effect)
    return false;
  return op.kind == operation_kind::step ||
         (op.kind == operation_kind::child && (!op.child_is_started || op.cancels_child));
}

bool workflow_run::says_that_it_begins(workflow_op const& op) const {
  if (op.kind != operation_kind::step || op.begun_is_stored || winding_down_)
    return false;
  return op.options.mode == execution::at_most_once || op.options.timeout >= around_->options().takeover_after ||
         longest_time(op.options) > around_->options().takeover_after;
}

// What others are told beside what was settled: who goes on, which steps begin, and what is waited for.
void workflow_run::add_notes() {
  auto const& options = around_->options();
  if (book_.last_host() != options.name) {
    entry claimed;
    claimed.kind = entry_kind::claimed;
    pending_.insert(pending_.begin(), std::move(claimed));
  }
  if (ended_)
    return;
  bool any_begins = effects_ > 0;
  entry parked;
  parked.signals.emplace();
  for (auto const& op : waiting_) {
    if (op->is_join)
      continue;
    if (op->kind == operation_kind::signal || op->kind == operation_kind::signal_until)
      parked.signals->push_back(op->name);
    if (op->due && (!parked.until || *op->due < *parked.until))
      parked.until = op->due;
    // A host that begins later does not see the child's end: in the worst case it looks then.
    if (auto const latest = options.time->now() + longest_child_silence * options.takeover_after;
        op->kind == operation_kind::child && (!parked.until || latest < *parked.until))
      parked.until = latest;
    any_begins = any_begins || begins(*op);
    if (!begins(*op) || !says_that_it_begins(*op))
      continue;
    auto begun = entry_of(entry_kind::step_begun, op->key);
    begun.until = options.time->now() + longest_time(op->options);
    pending_.push_back(std::move(begun));
    op->begun_is_stored = true;
  }
  wants_parked_told_ = false;
  told_parked_ = !any_begins;
  if (!any_begins)
    pending_.push_back(std::move(parked));
}

void workflow_run::begin_effects() {
  auto const asked = waiting_;
  for (auto const& op : asked) {
    if (!begins(*op))
      continue;
    if (op->kind == operation_kind::step) {
      run_effect(op);
      continue;
    }
    op->in_effect = true;
    ++effects_;
    if (op->cancels_child)
      around_->cancel_child(*this, op);
    else
      around_->start_child(*this, op);
  }
  repeated_ = false;
}

void workflow_run::on_child_started(std::shared_ptr<workflow_op> const& op) {
  op->in_effect = false;
  op->child_is_started = true;
  --effects_;
  post_settle();
}

void workflow_run::on_child_cancelled(std::shared_ptr<workflow_op> const& op) {
  op->in_effect = false;
  op->cancels_child = false;
  op->child_is_cancelled = true;
  --effects_;
  post_settle();
}

void workflow_run::on_child(std::shared_ptr<workflow_op> const& op, workflow_record how) {
  if (dead_ || book_.has_record(op->key) || op->cancels_child || op->child_is_cancelled)
    return;
  auto made = entry_of(how.kind, op->key);
  if (how.kind == entry_kind::step_failed)
    made.error = std::move(how.error);
  else
    made.value = std::move(how.value);
  record(std::move(made), op);
}

void workflow_run::on_event(event const& e, journal::any body) {
  if (dead_ || e.version <= book_.version())
    return;
  arrived_.emplace_back(e, std::move(body));
  if (!writing_)
    take_arrived();
}

void workflow_run::take_arrived() {
  for (auto& [e, body] : std::exchange(arrived_, {})) {
    if (dead_ || e.version <= book_.version())
      continue;
    if (!workflow_book::is_from_outside(body))
      return leave(run_end::lost, "another host wrote version " + std::to_string(e.version));
    if (e.version != book_.version() + 1) { // what follows is read too
      writing_ = true;
      auto const self = shared_from_this();
      asio::co_spawn(around_->executor(), read_missed(self), [self](std::exception_ptr error) {
        if (error && !self->dead_)
          self->leave(run_end::broken, failure_of(error).message);
      });
      return;
    }
    book_.apply(e, std::move(body));
  }
  if (!dead_)
    post_settle();
}

void workflow_run::on_time() {
  if (dead_)
    return;
  auto const now = around_->options().time->now();
  auto const asked = waiting_; // what is cancelled may end at once
  for (auto const& op : asked)
    if (op->in_effect && op->due && *op->due <= now && op->stop) {
      op->due.reset();
      op->timed_out = true;
      op->stop->emit(asio::cancellation_type::terminal);
    }
  post_settle();
}

std::optional<time_point> workflow_run::next_wake() const {
  std::optional<time_point> first;
  for (auto const& op : waiting_)
    if (op->due && (!first || *op->due < *first))
      first = op->due;
  return first;
}

void workflow_run::add_steps_under_way(std::vector<std::string>& out, std::optional<time_point> due_by) const {
  for (auto const& op : waiting_)
    if (op->in_effect && op->kind == operation_kind::step && (!due_by || (op->due && *op->due <= *due_by)))
      out.push_back(concerning() + ", step " + quoted(op->name));
  if (running_ > 0 && !due_by)
    out.push_back(concerning() + ", its code between two operations");
}

bool workflow_run::is_parked() const noexcept {
  return live_ && !dead_ && !ended_ && running_ == 0 && effects_ == 0 && !writing_ && pending_.empty() &&
         !waiting_.empty() && std::all_of(waiting_.begin(), waiting_.end(), [](auto const& op) {
           return op->is_join || (op->kind != operation_kind::step && !op->in_effect);
         });
}

bool workflow_run::is_quiet() const noexcept {
  return dead_ || (running_ == 0 && effects_ == 0 && !writing_ && !settle_posted_ && pending_.empty() && !ended_);
}

void workflow_run::tell_parked() {
  if (!is_parked() || told_parked_)
    return;
  wants_parked_told_ = true;
  post_settle();
}

// Leaving memory.

void workflow_run::leave(run_end how, std::string why) {
  if (left_)
    return;
  left_ = true;
  kill();
  around_->on_end(*this, how, why);
}

void workflow_run::kill() {
  dead_ = true;
  auto const asked = waiting_;
  for (auto const& op : asked)
    if (op->in_effect && op->stop)
      op->stop->emit(asio::cancellation_type::terminal);
  post_settle(); // not from here: who calls may be one of them
}

// Those that wait for branches go when these are gone: a branch may refer to what stands in them.
void workflow_run::drop_coroutines() {
  if (effects_ > 0)
    return;
  auto const self = shared_from_this();
  for (bool again = true; again;) {
    again = false;
    for (std::size_t i = 0; i < waiting_.size();) {
      auto const op = waiting_[i];
      if (op->is_join && op->living > 0) {
        ++i;
        continue;
      }
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      op->wait->abandon();
      op->wait.reset();
      again = true;
    }
  }
  undo_.clear();
}

} // namespace aether::detail
