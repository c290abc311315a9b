// When no branch of a run goes on: what is settled then, what is written, and which effects begin.
#include "workflow_run.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {

namespace {

using journal::entry_kind;

constexpr int longest_child_silence = 60; // times takeover_after

/// Until its last attempt has ended: none begins behind the policy's max_elapsed.
std::chrono::nanoseconds longest_time(step_options const& options) {
  if (!options.retry || options.mode == execution::at_most_once)
    return options.timeout;
  return options.timeout + options.retry->options().max_elapsed;
}

} // namespace

void workflow_run::post_settle() {
  if (settle_posted_)
    return;
  settle_posted_ = true;
  around_->post_settle(shared_from_this());
}

void workflow_run::settle() {
  settle_posted_ = false;
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
    return save();
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
  auto const is_recorded = [](auto const& op) { return op->kind == operation_kind::recorded && !op->is_join; };
  if (std::none_of(waiting_.begin(), waiting_.end(), is_recorded))
    return;
  auto const asked = waiting_;
  for (auto const& op : asked)
    if (is_recorded(op)) {
      auto made = journal::entry_of(entry_kind::recorded, op->key);
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
      record(journal::entry_of(entry_kind::cancelled, op->key), op);
    }
}

void workflow_run::settle_signals_and_timers() {
  auto const is_settled_here = [](auto const& op) {
    return !op->is_join && op->kind != operation_kind::step && op->kind != operation_kind::child;
  };
  if (std::none_of(waiting_.begin(), waiting_.end(), is_settled_here))
    return;
  auto const now = around_->options().time->now();
  auto const asked = waiting_;
  for (auto const& op : asked) {
    if (!is_settled_here(op))
      continue;
    bool const is_signal = op->kind == operation_kind::signal || op->kind == operation_kind::signal_until;
    if (is_signal)
      if (auto taken = book_.take_signal(op->name)) {
        auto made = journal::entry_of(entry_kind::signal_taken, op->key);
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
    if (op->due && *op->due <= now)
      record(journal::entry_of(is_signal ? entry_kind::signal_timed_out : entry_kind::timer_fired, op->key), op);
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
  if (book_.last_host() != options.name)
    pending_.insert(pending_.begin(), journal::entry_of(entry_kind::claimed));
  if (ended_)
    return;
  bool any_begins = effects_ > 0;
  auto parked = journal::entry_of(entry_kind::parked);
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
    auto begun = journal::entry_of(entry_kind::step_begun, op->key);
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

} // namespace aether::detail
