// The effects of a run: steps with their attempts and timeouts, and branches side by side.
#include "workflow_failure.hpp"
#include "workflow_run.hpp"

#include <aether/json.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace aether::detail {

namespace {

/// Whatever a step throws is tried again, unless the policy's own decider says otherwise.
retry_policy policy_of(step_options const& options, workflow_host_options const& host) {
  auto made = options.retry->options();
  if (made.time == machine_time())
    made.time = host.time;
  made.decide = [own = std::move(made.decide)](failed_attempt const& failed) {
    auto const said = own ? own(failed) : retry_decision::usual();
    return said.what() == retry_decision::kind::usual ? retry_decision::after(failed.delay) : said;
  };
  return made;
}

/// For the attempts of one that is told.
step_info info_of(workflow_run const& run, workflow_op const& op) {
  auto const number = std::to_string(run.book().run());
  step_info info;
  info.key.reserve(run.actor_id().size() + number.size() + op.name.size() + 2);
  info.key.append(run.actor_id()).append("/").append(number).append("/").append(op.name);
  return info;
}

} // namespace

awaitable<boost::json::value> workflow_run::run_attempt(std::shared_ptr<workflow_run> self,
                                                        std::shared_ptr<workflow_op> op, step_info info) {
  self->begin_attempt(*op);
  std::exception_ptr failed;
  boost::json::value value;
  try {
    boost::json::value given = co_await (*op->function)(std::move(info));
    value = std::move(given);
  } catch (...) {
    failed = std::current_exception();
  }
  if (op->timed_out && !self->dead_) // it was cancelled for this attempt only
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  if (failed)
    std::rethrow_exception(end_attempt(*op, std::move(failed)));
  op->due.reset();
  co_return value;
}

awaitable<workflow_run::effect_end> workflow_run::run_attempts(std::shared_ptr<workflow_run> run,
                                                               std::shared_ptr<workflow_op> op, bool repeated) {
  auto const attempt = [&](retry_attempt const& a) {
    auto info = info_of(*run, *op);
    info.attempt = a.number;
    info.maybe_repeated = repeated || a.number > 1;
    return run_attempt(run, op, std::move(info));
  };
  retry_policy policy = policy_of(op->options, run->around_->options());
  retry_result<boost::json::value> result = co_await try_retry(std::move(policy), attempt);
  effect_end end;
  end.attempts = result.attempts;
  end.error = result.error;
  if (!end.error && result.value)
    end.value = std::move(*result.value);
  co_return end;
}

/// Says that a branch is gone, whether it ended or was destroyed. Asio destroys coroutines in a posted call: who waits
/// for the last of them goes then.
struct workflow_run::branch_token {
  std::shared_ptr<workflow_op> join;
  std::weak_ptr<workflow_run> of;

  branch_token(std::shared_ptr<workflow_op> j, std::weak_ptr<workflow_run> run)
      : join(std::move(j)), of(std::move(run)) {}
  branch_token(branch_token&&) noexcept = default;
  branch_token& operator=(branch_token&&) = delete;
  ~branch_token() {
    if (!join || --join->living > 0)
      return;
    if (auto const run = of.lock(); run && run->dead_)
      run->post_settle();
  }
};

void workflow_run::begin_attempt(workflow_op& op) {
  op.timed_out = false;
  op.due = around_->options().time->now() + op.options.timeout;
  around_->wake_at(*this, *op.due);
}

/// What it failed with.
std::exception_ptr workflow_run::end_attempt(workflow_op& op, std::exception_ptr error) {
  op.due.reset();
  if (!op.timed_out)
    return error;
  auto const limit = std::to_string(op.options.timeout.count() / 1'000'000);
  return std::make_exception_ptr(aether::error(errc::timed_out, "no end after " + limit + " ms"));
}

void workflow_run::run_effect(std::shared_ptr<workflow_op> const& op) {
  op->in_effect = true;
  ++effects_;
  op->stop = std::make_shared<asio::cancellation_signal>();
  auto const self = shared_from_this();
  if (!op->options.retry || op->options.mode == execution::at_most_once) {
    auto info = info_of(*this, *op);
    info.maybe_repeated = repeated_;
    begin_attempt(*op);
    auto on_end = [self, op, stop = op->stop](std::exception_ptr error, boost::json::value value) {
      if (error)
        error = end_attempt(*op, std::move(error));
      self->end_effect(op, std::move(error), std::move(value), 1);
    };
    asio::co_spawn(around_->executor(), (*op->function)(std::move(info)),
                   asio::bind_cancellation_slot(op->stop->slot(), std::move(on_end)));
    return;
  }
  auto on_end = [self, op, stop = op->stop](std::exception_ptr error, effect_end end) {
    if (error)
      end.error = std::move(error);
    self->end_effect(op, std::move(end.error), std::move(end.value), end.attempts);
  };
  asio::co_spawn(around_->executor(), run_attempts(self, op, repeated_),
                 asio::bind_cancellation_slot(op->stop->slot(), std::move(on_end)));
}

void workflow_run::end_effect(std::shared_ptr<workflow_op> const& op, std::exception_ptr error,
                              boost::json::value value, std::int64_t attempts) {
  op->in_effect = false;
  op->due.reset();
  --effects_;
  if (dead_)
    return post_settle();
  journal::entry made;
  made.name = op->key;
  if (attempts > 1)
    made.attempts = attempts;
  if (!error)
    error = unfit(value, around_->options().max_result_bytes);
  if (error) {
    made.kind = journal::entry_kind::step_failed;
    made.error = failure_of(error);
  } else {
    made.kind = journal::entry_kind::step_completed;
    made.value = std::move(value);
  }
  record(std::move(made), op);
}

awaitable<void> workflow_run::side_by_side(std::vector<awaitable<void>> branches) {
  auto const self = shared_from_this();
  auto const join = std::make_shared<workflow_op>();
  join->is_join = true;
  join->living = branches.size();
  join->errors.resize(branches.size());
  running_ += branches.size();
  for (std::size_t i = 0; i < branches.size(); ++i) {
    auto on_end = [self, i, token = branch_token(join, self)](std::exception_ptr error) mutable {
      auto const of = std::exchange(token.join, nullptr);
      of->errors[i] = std::move(error);
      --of->living;
      if (self->dead_)
        return self->post_settle();
      if (of->living == 0 && of->wait) {
        workflow_answer with;
        with.how = asked_answer::recorded;
        self->answer(*of, std::move(with));
      }
      --self->running_;
      self->post_settle();
    };
    asio::co_spawn(around_->executor(), std::move(branches[i]), std::move(on_end));
  }
  branches.clear();
  co_await perform(join);
  for (auto const& error : join->errors) {
    if (!error)
      continue;
    bool continues = false;
    try {
      std::rethrow_exception(error);
    } catch (continue_request const&) {
      continues = true;
    } catch (...) {
    }
    if (continues)
      throw aether::error(errc::invalid_argument, concerning() + ": continue_as_new in a branch of when_all");
    std::rethrow_exception(error);
  }
}

} // namespace aether::detail
