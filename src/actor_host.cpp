// The host's handle, and the way of a call: it enters, leads or waits for its turn, and leaves.
#include <aether/actor.hpp>

#include "actor_core.hpp"
#include "actor_turn.hpp"
#include "detail/utf8.hpp"

#include <utility>

namespace aether {

void actor_host_options::validate() const {
  auto const refuse = [](char const* what) {
    throw error(errc::invalid_argument, std::string("actor_host_options::") + what);
  };
  if (idle_after.count() < 0)
    refuse("idle_after is negative: use 0 for the default");
  if (command_timeout.count() < 0)
    refuse("command_timeout is negative: use 0 for the default");
  if (max_batch_events > 1'000)
    refuse("max_batch_events is greater than 1,000, which no store takes");
  conflict_pause.validate();
}

namespace detail {
namespace {

/// A call's place at its actor, given up however its coroutine ends.
class seat {
public:
  seat(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, std::shared_ptr<actor_call> call)
      : host_(std::move(host)), entry_(std::move(entry)), call_(std::move(call)) {}
  seat(seat const&) = delete;
  seat& operator=(seat const&) = delete;
  ~seat() { host_->leave(*entry_, *call_); }

private:
  std::shared_ptr<actor_core> const host_;
  std::shared_ptr<actor_entry> const entry_;
  std::shared_ptr<actor_call> const call_;
};

/// Whoever asks next would meet it too.
bool concerns_all(std::exception_ptr const& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (error const& e) {
    return !is_retryable(e.code());
  } catch (...) {
    return false;
  }
}

void check_end(actor_core& host, actor_entry& entry, actor_call& call, wait_result<call_turn> const& end) {
  throw_if_cancelled(end);
  auto const where = "actor " + quoted(entry.id);
  if (end.end == wait_end::closed)
    throw error(errc::closed, where + ": its caller's context is gone");
  if (end.end != wait_end::timed_out)
    return;
  auto const left = host.give_up(entry, call);
  if (left == actor_core::gave_up::waiting || (left == actor_core::gave_up::in_hand && !call.is_command()))
    throw error(errc::timed_out, where + ": others were before it");
  if (left == actor_core::gave_up::in_hand)
    throw error(errc::outcome_unknown, where + ": its save was not answered in time");
}

/// What it came to, when it is over. Throws what failed it.
template <class Result>
awaitable<Result> run_call(std::shared_ptr<actor_call> call, Result (*result_of)(actor_call& over)) {
  auto const host = call->to.host;
  if (!host)
    throw error(errc::not_open, "this actor is default-made");
  auto leads = false;
  auto const entry = host->enter(call, leads);
  seat const sits(host, entry, call);
  while (!call->over.load(std::memory_order_acquire)) {
    if (!leads) {
      auto const start = [&](std::shared_ptr<wait_state<call_turn>> waiting) {
        host->park(*entry, *call, std::move(waiting));
      };
      auto const end = co_await wait_until<call_turn>(call->deadline, start);
      check_end(*host, *entry, *call, end);
      leads = host->leads(*entry, *call);
      continue;
    }
    std::exception_ptr failure;
    try {
      co_await lead_actor(host, entry, call);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure && concerns_all(failure))
      host->fail_all(*entry, failure);
    if (failure && !call->over.load(std::memory_order_relaxed)) {
      host->counts.failed.fetch_add(call->is_command() ? 1 : 0, std::memory_order_relaxed);
      std::rethrow_exception(failure);
    }
  }
  if (call->failure)
    std::rethrow_exception(call->failure);
  co_return result_of(*call);
}

std::shared_ptr<actor_call> make_call(actor_address to, std::chrono::nanoseconds timeout) {
  auto call = std::make_shared<actor_call>();
  if (to.host) {
    auto const now = to.host->now();
    call->deadline = deadline_after(timeout, to.host->rules().command_timeout, now.steady);
    call->entered_at = now.elapsed;
  }
  call->to = std::move(to);
  return call;
}

std::shared_ptr<actor_call> make_command_call(actor_address to, command_options options,
                                              std::unique_ptr<actor_command> command) {
  auto call = make_call(std::move(to), options.timeout);
  call->command = std::move(command);
  call->options = std::move(options);
  return call;
}

} // namespace

awaitable<command_outcome> run_command(actor_address to, command_options options,
                                       std::unique_ptr<actor_command> command) {
  return run_call<command_outcome>(make_command_call(std::move(to), std::move(options), std::move(command)),
                                   [](actor_call& over) { return std::move(over.outcome); });
}

awaitable<command_result> run_command_or_throw(actor_address to, command_options options,
                                               std::unique_ptr<actor_command> command) {
  auto const result_of = [](actor_call& over) {
    if (auto const* const why = std::get_if<rejection>(&over.outcome))
      throw command_rejected(*why, "actor " + quoted(over.to.id));
    return std::get<command_result>(over.outcome);
  };
  return run_call<command_result>(make_command_call(std::move(to), std::move(options), std::move(command)), result_of);
}

awaitable<std::int64_t> run_query(actor_address to, freshness how_fresh, call_options options,
                                  std::shared_ptr<actor_query> query) {
  auto call = make_call(std::move(to), options.timeout);
  call->query = std::move(query);
  call->how_fresh = how_fresh;
  return run_call<std::int64_t>(std::move(call),
                                [](actor_call& over) { return std::get<command_result>(over.outcome).last_version; });
}

} // namespace detail

struct actor_host::impl {
  std::shared_ptr<detail::actor_core> const core;

  explicit impl(std::shared_ptr<detail::actor_core> made) : core(std::move(made)) {}
  ~impl() {
    core->refuse();
    core->drop_actors();
  }
};

actor_host::actor_host(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
                       actor_host_options options) {
  if (!store)
    throw error(errc::invalid_argument, "actor_host: there is no store");
  options.validate();
  impl_ = std::make_shared<impl>(
      std::make_shared<detail::actor_core>(std::move(executor), std::move(store), std::move(options)));
}

detail::actor_address actor_host::address(detail::actor_type const& type, std::string id) const {
  if (!impl_)
    throw error(errc::not_open, "this actor host is default-made or was moved from");
  detail::actor_address at;
  at.host = impl_->core;
  at.type = &type;
  at.id = std::move(id);
  return at;
}

namespace {

awaitable<void> close_host(std::shared_ptr<detail::actor_core> core, call_options options) {
  auto const deadline = detail::deadline_after(options.timeout, core->rules().command_timeout);
  core->refuse();
  auto const start = [&](std::shared_ptr<detail::wait_state<bool>> waiting) { core->when_quiet(std::move(waiting)); };
  auto const end = co_await detail::wait_until<bool>(deadline, start);
  throw_if_cancelled(end);
  if (end.end == detail::wait_end::timed_out)
    throw error(errc::timed_out, "closing an actor host: commands are still under way");
  auto const write = [&](std::shared_ptr<detail::wait_state<bool>> waiting) { core->when_written(std::move(waiting)); };
  auto const written = co_await detail::wait_until<bool>(deadline, write);
  throw_if_cancelled(written);
  co_await core->end_snapshots(); // one that is not stored by then is none
  core->drop_actors();
}

} // namespace

awaitable<void> actor_host::close(call_options options) {
  if (!impl_)
    throw error(errc::not_open, "this actor host is default-made or was moved from");
  return close_host(impl_->core, options);
}

std::shared_ptr<detail::actor_core> actor_host::core() const {
  if (!impl_)
    throw error(errc::not_open, "this actor host is default-made or was moved from");
  return impl_->core;
}

std::size_t actor_host::evict(detail::actor_type const& type,
                              std::function<bool(std::string const& id)> const& which) const {
  return core()->evict(type, which);
}

actor_metrics actor_host::metrics() const { return impl_ ? impl_->core->metrics() : actor_metrics(); }

} // namespace aether
