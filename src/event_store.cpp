// The public calls of every store, built on the few that a store implements.
#include <aether/event_store.hpp>

#include "detail/utf8.hpp"

#include <utility>

namespace aether {
namespace {

// These take the store's awaitable instead of the store, which may be gone before they are awaited.

awaitable<saved> conflict_as_exception(awaitable<save_outcome> pending) {
  save_outcome outcome = co_await std::move(pending);
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

} // namespace

awaitable<saved> event_store::save_event(event e, save_options options) {
  return conflict_as_exception(do_save_event(std::move(e), options));
}

awaitable<save_outcome> event_store::try_save_event(event e, save_options options) {
  return do_save_event(std::move(e), options);
}

awaitable<saved> event_store::save_events(std::vector<event> batch, save_options options) {
  return conflict_as_exception(do_save_events(std::move(batch), options));
}

awaitable<save_outcome> event_store::try_save_events(std::vector<event> batch, save_options options) {
  return do_save_events(std::move(batch), options);
}

awaitable<std::vector<event>> event_store::get_events(std::string actor_id, std::int64_t after_version,
                                                      call_options options) {
  return events_of(do_get_events(std::move(actor_id), after_version, false, options));
}

awaitable<replay_result> event_store::get_events_with_errors(std::string actor_id, std::int64_t after_version,
                                                             call_options options) {
  return do_get_events(std::move(actor_id), after_version, true, options);
}

event_reader event_store::read_events(std::string actor_id, read_options options) {
  return do_read_events(std::move(actor_id), options);
}

awaitable<event_subscription> event_store::subscribe(subscribe_options options) {
  return do_subscribe(std::move(options));
}

actor_list event_store::list_actors(list_options options) { return do_list_actors(std::move(options)); }

awaitable<event_group> event_store::join_group(group_options options) { return do_join_group(std::move(options)); }

awaitable<bool> event_store::delete_group(std::string name, call_options options) {
  return do_delete_group(std::move(name), options);
}

dead_letter_list event_store::dead_letters(std::string group) { return do_dead_letters(std::move(group)); }

awaitable<bool> event_store::retry_dead_letter(dead_letter letter, call_options options) {
  return do_remove_dead_letter(std::move(letter), true, options);
}

awaitable<bool> event_store::discard_dead_letter(dead_letter letter, call_options options) {
  return do_remove_dead_letter(std::move(letter), false, options);
}

awaitable<std::int64_t> event_store::latest_version(std::string actor_id, call_options options) {
  return do_latest_version(std::move(actor_id), options);
}

awaitable<std::optional<event>> event_store::find_event(std::string actor_id, std::int64_t version,
                                                        call_options options) {
  return do_find_event(std::move(actor_id), version, options);
}

awaitable<std::optional<event>> event_store::find_latest_event(std::string actor_id, call_options options) {
  return do_find_latest_event(std::move(actor_id), options);
}

bool event_store::supports_batches() const { return do_supports_batches(); }

awaitable<void> event_store::save_snapshot(actor_snapshot s, call_options options) {
  return do_save_snapshot(std::move(s), options);
}

awaitable<actor_snapshot> event_store::latest_snapshot(std::string actor_id, call_options options) {
  auto pending = do_find_snapshot(actor_id, options);
  return snapshot_or_exception(std::move(pending), std::move(actor_id));
}

awaitable<std::optional<actor_snapshot>> event_store::find_snapshot(std::string actor_id, call_options options) {
  return do_find_snapshot(std::move(actor_id), options);
}

awaitable<close_report> event_store::close(call_options options) { return do_close(options); }

} // namespace aether
