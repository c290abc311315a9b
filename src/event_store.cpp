// The public calls of every store, built on the few that a store implements.
#include <aether/event_store.hpp>

#include "detail/utf8.hpp"
#include "store_watch.hpp"

#include <exception>
#include <utility>

namespace aether {
namespace {

using detail::store_watch;
using detail::watched;
using detail::watched_call;

// These take the store's awaitable instead of the store, which may be gone before they are awaited.

awaitable<saved> conflict_as_exception(awaitable<save_outcome> pending, watched_call call) {
  save_outcome outcome;
  try {
    outcome = co_await std::move(pending);
    call.ended(outcome);
  } catch (...) {
    call.failed(std::current_exception());
    throw;
  }
  if (auto* conflict = std::get_if<version_conflict>(&outcome))
    throw version_conflict_error(std::move(*conflict));
  co_return std::get<saved>(outcome);
}

awaitable<std::vector<event>> events_of(awaitable<replay_result> pending) {
  replay_result result = co_await std::move(pending);
  co_return std::move(result.events);
}

awaitable<actor_snapshot> snapshot_or_exception(awaitable<std::optional<actor_snapshot>> pending,
                                                std::string actor_id) {
  std::optional<actor_snapshot> found = co_await std::move(pending);
  if (!found)
    throw error(errc::snapshot_not_found, "latest_snapshot: actor " + detail::quoted(actor_id) + " has none");
  co_return std::move(*found);
}

// A call begins before its arguments are moved on: the tracer looks at them.

/// `options`: of whatever call, they name the span to which it belongs.
template <class Options>
operation_begin begun(store_operation what, Options const& options, std::string_view actor_id = {},
                      std::int64_t version = 0) {
  operation_begin begin;
  begin.what = what;
  begin.actor_id = actor_id;
  begin.version = version;
  begin.parent = options.trace;
  return begin;
}

/// The span that the tracer made for a save goes into what is saved.
watched_call begin_save(std::shared_ptr<store_watch> watch, store_operation what, event* first, std::size_t count) {
  operation_begin begin;
  begin.what = what;
  begin.events = count;
  if (watch && watch->tracer() != nullptr && count > 0) {
    begin.actor_id = first->actor_id;
    begin.event_type = first->event_type;
    begin.version = first->version;
    begin.parent = trace_of(first->metadata);
    begin.trace_state = first->metadata.trace_state();
  }
  watched_call call(std::move(watch), begin);
  if (auto const context = call.context())
    for (auto* e = first; e != first + count; ++e)
      set_trace(e->metadata, *context);
  return call;
}

} // namespace

awaitable<saved> event_store::save_event(event e, save_options options) {
  auto call = begin_save(do_watch(), store_operation::save_event, &e, 1);
  auto& store = do_store_of(e.actor_id);
  return conflict_as_exception(store.do_save_event(std::move(e), options), std::move(call));
}

awaitable<save_outcome> event_store::try_save_event(event e, save_options options) {
  auto call = begin_save(do_watch(), store_operation::save_event, &e, 1);
  auto& store = do_store_of(e.actor_id);
  return watched(store.do_save_event(std::move(e), options), std::move(call));
}

awaitable<saved> event_store::save_events(std::vector<event> batch, save_options options) {
  auto call = begin_save(do_watch(), store_operation::save_events, batch.data(), batch.size());
  return conflict_as_exception(do_save_events(std::move(batch), options), std::move(call));
}

awaitable<save_outcome> event_store::try_save_events(std::vector<event> batch, save_options options) {
  auto call = begin_save(do_watch(), store_operation::save_events, batch.data(), batch.size());
  return watched(do_save_events(std::move(batch), options), std::move(call));
}

awaitable<std::vector<event>> event_store::get_events(std::string actor_id, std::int64_t after_version,
                                                      call_options options) {
  return events_of(replay(std::move(actor_id), after_version, false, options));
}

awaitable<replay_result> event_store::get_events_with_errors(std::string actor_id, std::int64_t after_version,
                                                             call_options options) {
  return replay(std::move(actor_id), after_version, true, options);
}

awaitable<replay_result> event_store::replay(std::string actor_id, std::int64_t after_version, bool keep_errors,
                                             call_options options) {
  watched_call call(do_watch(), begun(store_operation::get_events, options, actor_id, after_version));
  return watched(do_get_events(std::move(actor_id), after_version, keep_errors, options), std::move(call));
}

event_reader event_store::read_events(std::string actor_id, read_options options) {
  watched_call call(do_watch(), begun(store_operation::read_events, options, actor_id, options.after_version));
  auto reader = do_read_events(std::move(actor_id), options);
  reader.watched_by(std::move(call));
  return reader;
}

awaitable<event_subscription> event_store::subscribe(subscribe_options options) {
  watched_call call(do_watch(), begun(store_operation::subscribe, options, options.filter.actor_id));
  return watched(do_subscribe(std::move(options)), std::move(call));
}

actor_list event_store::list_actors(list_options options) {
  watched_call call(do_watch(), begun(store_operation::list_actors, options));
  auto list = do_list_actors(std::move(options));
  list.watched_by(std::move(call));
  return list;
}

awaitable<event_group> event_store::join_group(group_options options) {
  watched_call call(do_watch(), begun(store_operation::join_group, options, options.filter.actor_id));
  return watched(do_join_group(std::move(options)), std::move(call));
}

awaitable<bool> event_store::delete_group(std::string name, call_options options) {
  watched_call call(do_watch(), begun(store_operation::delete_group, options));
  return watched(do_delete_group(std::move(name), options), std::move(call));
}

dead_letter_list event_store::dead_letters(std::string group) { return do_dead_letters(std::move(group)); }

awaitable<bool> event_store::retry_dead_letter(dead_letter letter, call_options options) {
  watched_call call(do_watch(), begun(store_operation::remove_dead_letter, options));
  return watched(do_remove_dead_letter(std::move(letter), true, options), std::move(call));
}

awaitable<bool> event_store::discard_dead_letter(dead_letter letter, call_options options) {
  watched_call call(do_watch(), begun(store_operation::remove_dead_letter, options));
  return watched(do_remove_dead_letter(std::move(letter), false, options), std::move(call));
}

awaitable<std::int64_t> event_store::latest_version(std::string actor_id, call_options options) {
  watched_call call(do_watch(), begun(store_operation::latest_version, options, actor_id));
  return watched(do_latest_version(std::move(actor_id), options), std::move(call));
}

awaitable<std::optional<event>> event_store::find_event(std::string actor_id, std::int64_t version,
                                                        call_options options) {
  watched_call call(do_watch(), begun(store_operation::find_event, options, actor_id, version));
  return watched(do_find_event(std::move(actor_id), version, options), std::move(call));
}

awaitable<std::optional<event>> event_store::find_latest_event(std::string actor_id, call_options options) {
  watched_call call(do_watch(), begun(store_operation::find_latest_event, options, actor_id));
  return watched(do_find_latest_event(std::move(actor_id), options), std::move(call));
}

bool event_store::supports_batches() const { return do_supports_batches(); }

awaitable<void> event_store::save_snapshot(actor_snapshot s, call_options options) {
  watched_call call(do_watch(), begun(store_operation::save_snapshot, options, s.actor_id, s.version));
  return watched(do_save_snapshot(std::move(s), options), std::move(call));
}

awaitable<actor_snapshot> event_store::latest_snapshot(std::string actor_id, call_options options) {
  auto pending = find_snapshot(actor_id, options);
  return snapshot_or_exception(std::move(pending), std::move(actor_id));
}

awaitable<std::optional<actor_snapshot>> event_store::find_snapshot(std::string actor_id, call_options options) {
  watched_call call(do_watch(), begun(store_operation::find_snapshot, options, actor_id));
  return watched(do_find_snapshot(std::move(actor_id), options), std::move(call));
}

awaitable<close_report> event_store::close(call_options options) {
  watched_call call(do_watch(), begun(store_operation::close, options));
  return watched(do_close(options), std::move(call));
}

std::vector<std::string> event_store::streams() const { return do_streams(); }

store_metrics event_store::metrics() const {
  store_metrics m;
  if (auto const watch = do_watch())
    watch->read_into(m);
  do_add_metrics(m);
  return m;
}

} // namespace aether
