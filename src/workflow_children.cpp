// Workflows that are started by another one, followed until they end, and cancelled with it.
#include "workflow_core.hpp"
#include "workflow_failure.hpp"
#include "workflow_settings.hpp"

#include <aether/error.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include <utility>

namespace aether::detail {

void workflow_core::start_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) {
  asio::co_spawn(strand_executor(), follow_child(self(), parent.shared_from_this(), op),
                 [kept = self(), actor_id = parent.actor_id()](std::exception_ptr failed) {
                   if (failed && !kept->is_closed_)
                     kept->log(log_level::error, "a workflow's child cannot be followed", actor_id,
                               failure_of(failed).message);
                 });
}

awaitable<void> workflow_core::follow_child(std::shared_ptr<workflow_core> self, std::shared_ptr<workflow_run> parent,
                                            std::shared_ptr<workflow_op> op) {
  auto const start = [&]() -> awaitable<void> {
    journal::started first;
    first.workflow = op->child_type;
    first.code_version = op->child_code_version;
    first.input = op->input;
    first.parent = parent->actor_id();
    if (self->types_.contains(op->child_type))
      first.host = self->options_.name;
    co_await start_at(self, op->child_id, std::move(first), call_options());
  };
  retry_policy until_started = patience(self->options_, [run = parent.get()] { return run->is_dead(); });
  retry_result<void> const started = co_await try_retry(std::move(until_started), start);
  parent->on_child_started(op);
  if (started.error) {
    workflow_record how;
    how.kind = journal::entry_kind::step_failed;
    how.error = failure_of(started.error);
    parent->on_child(op, std::move(how));
    co_return;
  }
  // Not held while it waits: its host may end, and it may leave memory.
  auto wait = await_child(self, parent, parent->actor_id(), op);
  parent.reset();
  co_await std::move(wait);
}

awaitable<void> workflow_core::await_child(std::shared_ptr<workflow_core> self, std::weak_ptr<workflow_run> parent,
                                           std::string parent_id, std::shared_ptr<workflow_op> op) {
  auto const wait = [&]() -> awaitable<journal::outcome> {
    return wait_for_end(self, op->child_id, op->child_type, call_options());
  };
  // What follows the ends may be interrupted, and begin again.
  auto options = patience(self->options_, [core = self.get()] { return core->is_closed_.load(); }).options();
  options.decide = [usual = std::move(options.decide)](failed_attempt const& failed) {
    bool const is_interrupted = failed.code == errc::closed || failed.code == asio::error::operation_aborted;
    auto const said = usual(failed);
    return is_interrupted && said.what() == retry_decision::kind::usual ? retry_decision::after(failed.delay) : said;
  };
  retry_result<journal::outcome> ended = co_await try_retry(retry_policy(std::move(options)), wait);
  if (self->is_closed_)
    co_return;
  journal::outcome end;
  end.kind = journal::outcome_kind::failed;
  if (ended.error)
    end.error = failure_of(ended.error);
  else
    end = std::move(*ended.value);
  auto const waits = parent.lock();
  if (!waits || waits->is_dead()) {
    self->want(parent_id, {0, 0, true});
    co_return;
  }
  workflow_record how;
  if (end.kind == journal::outcome_kind::completed) {
    how.kind = journal::entry_kind::step_completed;
    how.value = end.result.value_or(nullptr);
  } else {
    how.kind = journal::entry_kind::step_failed;
    how.error = end.error.value_or(journal::failure());
  }
  waits->on_child(op, std::move(how));
}

void workflow_core::cancel_child(workflow_run& parent, std::shared_ptr<workflow_op> const& op) {
  asio::co_spawn(strand_executor(), end_child(self(), parent.shared_from_this(), op), [](std::exception_ptr) {});
}

awaitable<void> workflow_core::end_child(std::shared_ptr<workflow_core> self, std::shared_ptr<workflow_run> parent,
                                         std::shared_ptr<workflow_op> op) {
  auto const cancel = [&] { return cancel_at(self, op->child_id, "its parent was cancelled", call_options()); };
  retry_policy until_stored = patience(self->options_, [run = parent.get()] { return run->is_dead(); });
  retry_result<void> const ended = co_await try_retry(std::move(until_stored), cancel);
  if (ended.error && !parent->is_dead())
    if (auto const why = failure_of(ended.error); !is_of(why, errc::workflow_not_found))
      self->log(log_level::error, "a workflow's child cannot be cancelled", op->child_id, why.message);
  parent->on_child_cancelled(op);
}

} // namespace aether::detail
