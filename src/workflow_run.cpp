// A run of a workflow: its code's beginning and end, its operations, what comes from outside, and how it leaves memory.
#include "workflow_run.hpp"
#include "workflow_failure.hpp"

#include "detail/utf8.hpp"

#include <aether/workflow.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace aether::detail {

namespace {

using journal::entry_kind;

constexpr auto never = steady_time::max();

} // namespace

workflow_run::workflow_run(std::shared_ptr<workflow_surroundings> around, workflow_book book, workflow_code const& code)
    : around_(std::move(around)), book_(std::move(book)), code_(code) {}

workflow_run::~workflow_run() = default;

std::string workflow_run::concerning() const {
  return "workflow " + book_.actor_id() + ", run " + std::to_string(book_.run());
}

void workflow_run::start(bool fresh) {
  repeated_ = !fresh;
  told_parked_ = book_.was_parked() && book_.last_host() == around_->options().name;
  running_ = 1;
  auto const self = shared_from_this();
  asio::co_spawn(around_->executor(), code_.body(workflow(self), book_.input()),
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

void workflow_run::refuse_name(std::string const& name) const {
  throw error(errc::workflow_name_used,
              concerning() + ": an undo step and something else have the name " + quoted(name));
}

void workflow_run::add_undo(std::string name, step_function function, step_options options) {
  if (book_.was_asked(name) || !undo_names_.insert(name).second)
    refuse_name(name);
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
    if (!shield_ && undo_names_.contains(op->key))
      refuse_name(op->key);
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
  auto made = journal::entry_of(how.kind, op->key);
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
