// Forwarding to the store behind, as long as the process lives.
#include "testing/mortal_store.hpp"

#include "detail/wait.hpp"

#include <exception>
#include <utility>

namespace aether::testing::detail {
namespace {

using life_ptr = std::shared_ptr<mortal>;

awaitable<void> never() {
  aether::detail::wait_result<bool> const ended = co_await aether::detail::wait_until<bool>(
      aether::detail::steady_time::max(), [](std::shared_ptr<aether::detail::wait_state<bool>>) {});
  throw_if_cancelled(ended);
}

template <class T> awaitable<T> while_alive(life_ptr life, awaitable<T> call) {
  if (life->is_dead)
    co_await never();
  std::optional<T> value;
  std::exception_ptr failed;
  try {
    T got = co_await std::move(call);
    value.emplace(std::move(got));
  } catch (...) {
    failed = std::current_exception();
  }
  if (life->is_dead)
    co_await never();
  if (failed)
    std::rethrow_exception(failed);
  co_return std::move(*value);
}

awaitable<bool> ended(awaitable<void> call) {
  co_await std::move(call);
  co_return true;
}

awaitable<void> nothing_while_alive(life_ptr life, awaitable<void> call) {
  co_await while_alive<bool>(std::move(life), ended(std::move(call)));
}

awaitable<save_outcome> save(life_ptr life, event e, save_options options) {
  if (life->is_dead)
    co_await never();
  auto const when = life->on_save(e);
  if (when == crash_at::before)
    life->crash();
  save_outcome outcome = co_await while_alive<save_outcome>(life, life->inner->try_save_event(std::move(e), options));
  if (when == crash_at::stored) {
    life->crash();
    co_await never();
  }
  if (when == crash_at::answered)
    life->post(life->crash);
  if (when == crash_at::later)
    life->post([life] { life->post([life] { life->post(life->crash); }); });
  co_return outcome;
}

awaitable<replay_result> events_alone(awaitable<std::vector<event>> pending) {
  replay_result result;
  result.events = co_await std::move(pending);
  co_return result;
}

} // namespace

awaitable<save_outcome> mortal_store::do_save_event(event e, save_options options) {
  return save(life_, std::move(e), options);
}

awaitable<save_outcome> mortal_store::do_save_events(std::vector<event> batch, save_options options) {
  return while_alive<save_outcome>(life_, life_->inner->try_save_events(std::move(batch), options));
}

awaitable<replay_result> mortal_store::do_get_events(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                                     call_options options) {
  auto& inner = *life_->inner;
  return while_alive<replay_result>(
      life_, keep_errors ? inner.get_events_with_errors(std::move(actor_id), after_version, options)
                         : events_alone(inner.get_events(std::move(actor_id), after_version, options)));
}

event_reader mortal_store::do_read_events(std::string actor_id, read_options options) {
  return life_->inner->read_events(std::move(actor_id), options);
}

awaitable<event_subscription> mortal_store::do_subscribe(subscribe_options options) {
  return while_alive<event_subscription>(life_, life_->inner->subscribe(std::move(options)));
}

actor_list mortal_store::do_list_actors(list_options options) { return life_->inner->list_actors(std::move(options)); }

awaitable<event_group> mortal_store::do_join_group(group_options options) {
  return while_alive<event_group>(life_, life_->inner->join_group(std::move(options)));
}

awaitable<bool> mortal_store::do_delete_group(std::string name, call_options options) {
  return while_alive<bool>(life_, life_->inner->delete_group(std::move(name), options));
}

dead_letter_list mortal_store::do_dead_letters(std::string group) {
  return life_->inner->dead_letters(std::move(group));
}

awaitable<bool> mortal_store::do_remove_dead_letter(dead_letter letter, bool retry, call_options options) {
  auto& inner = *life_->inner;
  return while_alive<bool>(life_, retry ? inner.retry_dead_letter(std::move(letter), options)
                                        : inner.discard_dead_letter(std::move(letter), options));
}

awaitable<std::int64_t> mortal_store::do_latest_version(std::string actor_id, call_options options) {
  return while_alive<std::int64_t>(life_, life_->inner->latest_version(std::move(actor_id), options));
}

awaitable<std::optional<event>> mortal_store::do_find_event(std::string actor_id, std::int64_t version,
                                                            call_options options) {
  return while_alive<std::optional<event>>(life_, life_->inner->find_event(std::move(actor_id), version, options));
}

awaitable<std::optional<event>> mortal_store::do_find_latest_event(std::string actor_id, call_options options) {
  return while_alive<std::optional<event>>(life_, life_->inner->find_latest_event(std::move(actor_id), options));
}

bool mortal_store::do_supports_batches() const { return life_->inner->supports_batches(); }

awaitable<void> mortal_store::do_save_snapshot(actor_snapshot s, call_options options) {
  return nothing_while_alive(life_, life_->inner->save_snapshot(std::move(s), options));
}

awaitable<std::optional<actor_snapshot>> mortal_store::do_find_snapshot(std::string actor_id, call_options options) {
  return while_alive<std::optional<actor_snapshot>>(life_, life_->inner->find_snapshot(std::move(actor_id), options));
}

awaitable<close_report> mortal_store::do_close(call_options options) {
  return while_alive<close_report>(life_, life_->inner->close(options));
}

} // namespace aether::testing::detail
