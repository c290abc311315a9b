// The handle: what a call is, handed on to the coroutines that meet its faults.
#include <aether/testing/fault_injecting_store.hpp>

#include "store_checks.hpp"
#include "testing/fault_core.hpp"
#include "testing/faulty_calls.hpp"
#include "testing/faulty_feeds.hpp"
#include "testing/faulty_save.hpp"

#include <aether/memory_event_store.hpp>

#include <utility>

namespace aether::testing {
namespace {

// A coroutine, as others are: it owns what it works on, as the handle may be gone before it starts.
awaitable<replay_result> events_alone(awaitable<std::vector<event>> pending) {
  replay_result result;
  result.events = co_await std::move(pending);
  co_return result;
}

awaitable<close_report> close_and_report(detail::core_ptr core, call_options options) {
  detail::check_there(core);
  aether::detail::check_timeout(options.timeout);
  core->close();
  bool const by_default = options.timeout == std::chrono::nanoseconds::zero();
  auto const timeout = by_default ? core->plan.operation_timeout : options.timeout;
  co_await detail::fault_core::drained(core, detail::later(core->clock->now(), timeout));
  close_report report;
  report.unknown = core->with_attempts([](detail::open_attempts& open) { return open.all(); });
  co_return report;
}

} // namespace

fault_injecting_store::fault_injecting_store(boost::asio::any_io_executor executor, virtual_clock clock,
                                             fault_plan plan) {
  plan.validate();
  auto inner = std::make_shared<memory_event_store>(executor);
  core_ = std::make_shared<detail::fault_core>(std::move(executor), clock, std::move(inner), std::move(plan));
}

fault_injecting_store::fault_injecting_store(boost::asio::any_io_executor executor, virtual_clock clock,
                                             std::shared_ptr<event_store> inner, fault_plan plan) {
  plan.validate();
  if (!executor)
    throw error(errc::invalid_argument, "fault_injecting_store: the executor is empty");
  if (!inner)
    throw error(errc::invalid_argument, "fault_injecting_store: there is no store behind it");
  core_ = std::make_shared<detail::fault_core>(std::move(executor), clock, std::move(inner), std::move(plan));
}

detail::fault_core& fault_injecting_store::opened() const {
  detail::check_there(core_);
  return *core_;
}

void fault_injecting_store::script(operation kind, std::vector<fault> faults) { opened().script(kind, faults); }
void fault_injecting_store::begin_outage() { opened().begin_outage(); }
void fault_injecting_store::end_outage() { opened().end_outage(); }
fault_counts fault_injecting_store::counts() const { return opened().counts(); }
std::shared_ptr<event_store> fault_injecting_store::inner() const { return opened().inner; }

awaitable<save_outcome> fault_injecting_store::do_save_event(event e, save_options options) {
  detail::save_request request;
  request.events.push_back(std::move(e));
  request.options = options;
  return detail::save(core_, std::move(request));
}

awaitable<save_outcome> fault_injecting_store::do_save_events(std::vector<event> batch, save_options options) {
  detail::save_request request;
  request.events = std::move(batch);
  request.options = options;
  request.batch = true;
  return detail::save(core_, std::move(request));
}

awaitable<replay_result> fault_injecting_store::do_get_events(std::string actor_id, std::int64_t after_version,
                                                              bool keep_errors, call_options options) {
  auto ask = [actor_id, after_version, keep_errors](event_store& inner, call_options o) {
    return keep_errors ? inner.get_events_with_errors(actor_id, after_version, o)
                       : events_alone(inner.get_events(actor_id, after_version, o));
  };
  return detail::read<replay_result>(core_, std::move(actor_id), options, std::move(ask));
}

event_reader fault_injecting_store::do_read_events(std::string actor_id, read_options options) {
  return detail::read_events(core_, std::move(actor_id), options);
}

awaitable<event_subscription> fault_injecting_store::do_subscribe(subscribe_options options) {
  return detail::subscribe(core_, std::move(options));
}

actor_list fault_injecting_store::do_list_actors(list_options options) {
  return detail::list_actors(core_, std::move(options));
}

awaitable<event_group> fault_injecting_store::do_join_group(group_options options) {
  return opened().inner->join_group(std::move(options));
}

awaitable<bool> fault_injecting_store::do_delete_group(std::string name, call_options options) {
  return opened().inner->delete_group(std::move(name), options);
}

dead_letter_list fault_injecting_store::do_dead_letters(std::string group) {
  return core_ ? core_->inner->dead_letters(std::move(group)) : dead_letter_list();
}

awaitable<bool> fault_injecting_store::do_remove_dead_letter(dead_letter letter, bool retry, call_options options) {
  return retry ? opened().inner->retry_dead_letter(std::move(letter), options)
               : opened().inner->discard_dead_letter(std::move(letter), options);
}

awaitable<std::int64_t> fault_injecting_store::do_latest_version(std::string actor_id, call_options options) {
  auto ask = [actor_id](event_store& inner, call_options o) { return inner.latest_version(actor_id, o); };
  return detail::read<std::int64_t>(core_, std::move(actor_id), options, std::move(ask));
}

awaitable<std::optional<event>> fault_injecting_store::do_find_event(std::string actor_id, std::int64_t version,
                                                                     call_options options) {
  auto ask = [actor_id, version](event_store& inner, call_options o) { return inner.find_event(actor_id, version, o); };
  return detail::read<std::optional<event>>(core_, std::move(actor_id), options, std::move(ask));
}

awaitable<std::optional<event>> fault_injecting_store::do_find_latest_event(std::string actor_id,
                                                                            call_options options) {
  auto ask = [actor_id](event_store& inner, call_options o) { return inner.find_latest_event(actor_id, o); };
  return detail::read<std::optional<event>>(core_, std::move(actor_id), options, std::move(ask));
}

bool fault_injecting_store::do_supports_batches() const { return opened().inner->supports_batches(); }

awaitable<void> fault_injecting_store::do_save_snapshot(actor_snapshot s, call_options options) {
  return detail::save_snapshot(core_, std::move(s), options);
}

awaitable<std::optional<actor_snapshot>> fault_injecting_store::do_find_snapshot(std::string actor_id,
                                                                                 call_options options) {
  auto ask = [actor_id](event_store& inner, call_options o) { return inner.find_snapshot(actor_id, o); };
  return detail::read<std::optional<actor_snapshot>>(core_, std::move(actor_id), options, std::move(ask));
}

awaitable<close_report> fault_injecting_store::do_close(call_options options) {
  return close_and_report(core_, options);
}

std::shared_ptr<aether::detail::store_watch> fault_injecting_store::do_watch() const {
  return core_ ? core_->watch : nullptr;
}

void fault_injecting_store::do_add_metrics(store_metrics& m) const {
  if (!core_)
    return;
  auto const behind = core_->inner->metrics();
  m.announcements += behind.announcements;
  m.announcements_dropped += behind.announcements_dropped;
}

} // namespace aether::testing
