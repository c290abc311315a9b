// From the store to an actor's state.
#include "actor_turn.hpp"

#include "actor_failure.hpp"
#include "detail/log.hpp"
#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

call_options until(steady_time deadline) {
  call_options options;
  auto const left = deadline - std::chrono::steady_clock::now();
  options.timeout = std::max(std::chrono::nanoseconds(left), std::chrono::nanoseconds(1));
  return options;
}

[[noreturn]] void refuse(errc code, actor_entry const& entry, std::string const& what) {
  throw error(code, "actor " + quoted(entry.id) + " at version " + std::to_string(entry.version) + ": " + what);
}

/// False: it is of no use here.
bool restore(actor_entry& entry, actor_snapshot const& s, std::string& why) {
  auto const* const version = s.state.if_contains("stateVersion");
  auto const* const state = s.state.if_contains("state");
  auto const* const commands = s.state.if_contains("commands");
  if (!version || !version->is_int64() || version->get_int64() != entry.type->state_version()) {
    why = "it is of another version of the state";
    return false;
  }
  if (!state || !commands || !commands->is_array()) {
    why = "it is none of this library's";
    return false;
  }
  auto fits = false;
  try {
    fits = entry.type->from_json(*state, *entry.state, why) && entry.window.from_json(commands->get_array());
  } catch (std::exception const& e) { // a conversion of the user's
    why = e.what();
  }
  if (fits) {
    entry.version = s.version;
  } else {
    entry.state = entry.type->initial();
    entry.window.clear();
    why = why.empty() ? "it does not fit" : why;
  }
  return fits;
}

void apply(actor_core const& host, actor_entry& entry, event const& e) {
  auto known = false;
  try {
    known = entry.type->apply(*entry.state, e);
  } catch (...) {
    auto const failure = failed(errc::evolve_failed, entry.id, e.version, "the stored event " + quoted(e.event_type));
    entry.state.reset(); // it may stand in the middle
    std::rethrow_exception(failure);
  }
  if (!known && !host.rules().skip_unknown) {
    auto const at = e.version;
    entry.state.reset();
    throw error(errc::unknown_event_type, "actor " + quoted(entry.id) + " at version " + std::to_string(at) + ": " +
                                              quoted(e.event_type) +
                                              " is none of its event types, or of a newer version: see "
                                              "actor_host_options::skip_unknown_events");
  }
  entry.version = e.version;
  entry.window.add(e.command_id, e.version);
  ++entry.events_since_snapshot;
  if (host.rules().snapshots.counts_bytes())
    entry.bytes_since_snapshot += to_json(e).size();
}

} // namespace

awaitable<void> read_missed(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                            steady_time deadline) {
  auto const asked_at = host->now().elapsed;
  read_options options;
  options.after_version = entry->version;
  auto reader = host->store().read_events(entry->id, options);
  for (;;) {
    auto const item = co_await reader.next_with_errors(until(deadline));
    if (!item)
      break;
    if (auto const* const stored = std::get_if<recorded_event>(&*item)) {
      apply(*host, *entry, stored->event);
    } else if (!host->rules().skip_malformed) {
      auto const& wrong = std::get<replay_error>(*item);
      auto const what = "the message of sequence " + std::to_string(wrong.sequence) + ": " + wrong.reason;
      entry->state.reset();
      refuse(errc::malformed_event, *entry, what);
    }
  }
  entry->confirmed_at = entry->used_at = asked_at;
}

awaitable<void> load_actor(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline) {
  entry->state = entry->type->initial();
  entry->version = 0;
  entry->window.clear();
  entry->events_since_snapshot = entry->bytes_since_snapshot = 0;
  struct undo { // of what was not loaded to its end nothing stays
    actor_entry& of;
    bool done = false;
    ~undo() {
      if (!done)
        of.state.reset();
    }
  } loading{*entry};
  if (entry->type->keeps_snapshots() && !host->rules().snapshots.is_never() && !entry->distrusts_snapshots) {
    std::string why;
    try {
      auto const found = co_await host->store().find_snapshot(entry->id, until(deadline));
      if (found)
        restore(*entry, *found, why);
    } catch (error const& e) {
      if (e.code() != errc::malformed_snapshot)
        throw;
      why = e.what();
    }
    if (log_at const log{host->log(), log_level::warning}; log && !why.empty())
      log("an actor's snapshot is of no use: its events are replayed", {{"actor", entry->id}, {"cause", why}});
  }
  co_await read_missed(host, entry, deadline);
  loading.done = true;
  host->counts.loads.fetch_add(1, std::memory_order_relaxed);
}

namespace {

/// The events of this command at and before `last`, one behind the other.
awaitable<std::optional<command_result>> find_command(std::shared_ptr<actor_core> host,
                                                      std::shared_ptr<actor_entry> entry, std::string command_id,
                                                      std::int64_t from, std::int64_t up_to, steady_time deadline) {
  read_options options;
  options.direction = read_direction::backwards;
  options.after_version = from;
  options.up_to_version = up_to;
  auto reader = host->store().read_events(entry->id, options);
  std::optional<command_result> found;
  for (;;) {
    auto const stored = co_await reader.next(until(deadline));
    if (!stored)
      break;
    auto const& e = stored->event;
    if (e.command_id == command_id) {
      if (!found) {
        found.emplace();
        found->last_version = e.version;
        found->repeated = true;
      }
      found->first_version = e.version;
    } else if (found) {
      break;
    }
  }
  co_return found;
}

} // namespace

awaitable<bool> answer_repeated(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                                std::shared_ptr<actor_call> call, steady_time deadline) {
  auto const hash = command_window::hash_of(call->options.command_id);
  std::optional<command_result> found;
  std::size_t before = 0;
  while (auto const place = entry->window.find(hash, before)) {
    auto const from = place->last_version - static_cast<std::int64_t>(place->events);
    found = co_await find_command(host, entry, call->options.command_id, std::max<std::int64_t>(from, 0),
                                  place->last_version, deadline);
    if (found)
      break;
  }
  if (!found && call->options.maybe_repeated && !entry->window.is_complete() && entry->version > 0)
    found = co_await find_command(host, entry, call->options.command_id, 0, entry->version, deadline);
  if (!found)
    co_return false;
  call->outcome = *found;
  co_return true;
}

} // namespace aether::detail
