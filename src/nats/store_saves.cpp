// The caller's side of a save: what can be decided without the server costs no suspension and no allocation.
#include "nats/store_saves.hpp"

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "detail/wait.hpp"
#include "nats/save_operation.hpp"
#include "nats/store_core.hpp"
#include "store_checks.hpp"

#include <aether/json.hpp>

#include <variant>

namespace aether::nats::detail {

using aether::detail::quoted;
using aether::detail::wait_end;
using aether::detail::wait_result;
using aether::detail::wait_state;

namespace {

// "NATS/1.0", the names of our headers, line ends, a sequence, a suffix: what a message holds besides id and data.
constexpr std::size_t header_bytes = 192;

save_request request_for(store_core const& store, event const& first, event const& last, std::size_t count,
                         save_options const& options) {
  save_request request;
  request.first_version = first.version;
  request.last_version = last.version;
  request.count = count;
  request.expected_version = options.expected_version;
  request.policy = store.stream()->config.version_policy;
  request.replicated = store.stream()->may_have_copies;
  return request;
}

save_item encode(store_core& store, event& e, aether::detail::prepared_announcements& announcements) {
  if (e.timestamp == time_point{})
    e.timestamp = std::chrono::system_clock::now();
  announcements.add(e);
  save_item item;
  append_json(item.data, e);
  auto const most = store.link().max_payload();
  auto const size = item.data.size() + e.id.size() + header_bytes;
  if (most > 0 && size > static_cast<std::size_t>(most))
    throw error(errc::event_too_large, "event " + quoted(e.id) + " of actor " + quoted(e.actor_id) + " takes " +
                                           std::to_string(size) + " bytes as a message; the server's max_payload is " +
                                           std::to_string(most) + ": keep large data elsewhere, or raise max_payload");
  item.event_id = std::move(e.id);
  item.version = e.version;
  return item;
}

save_outcome conflict(std::string actor_id, std::int64_t attempted, std::int64_t current) {
  return version_conflict(std::move(actor_id), attempted, current);
}

[[noreturn]] void throw_failed(save_operation const& save, save_result const& result) {
  auto what = "event " + quoted(save.first().event_id) + " of actor " + quoted(save.actor_id()) + " at version " +
              std::to_string(save.first().version);
  if (!result.text.empty())
    what += ": " + result.text;
  if (result.end == save_end::unknown)
    throw error(errc::outcome_unknown, what);
  throw error(result.error, what);
}

save_outcome outcome_of(save_operation const& save, save_result const& result) {
  if (result.end == save_end::saved)
    return result.success;
  if (result.end == save_end::conflict)
    return conflict(save.actor_id(), save.first().version, result.current_version);
  throw_failed(save, result);
}

// A save and what its caller waits for it with: one coroutine less than a function that does both, on the way that
// every save takes.
struct begun_save {
  std::shared_ptr<save_operation> save;
  steady_time deadline;
};

// Without room, or once it is closed, nothing is stored by this call; what an earlier one left open may be.
template <class Step>
void or_unknown(store_core& store, std::string const& actor_id, std::int64_t version, std::string const& event_id,
                Step step) {
  try {
    step();
  } catch (error const& refused) {
    bool const may_be = refused.code() == errc::overloaded || refused.code() == errc::closed;
    if (may_be && store.remembered().is_open(actor_id, version, event_id))
      throw error(errc::outcome_unknown, refused.what());
    throw;
  }
}

void check_open(store_core& store, event const& e) {
  or_unknown(store, e.actor_id, e.version, e.id, [&] { store.check_open(); });
}

begun_save begin(std::shared_ptr<store_core> store, std::string actor_id, std::size_t hash, save_items items,
                 aether::detail::prepared_announcements announcements, save_request const& request,
                 std::chrono::nanoseconds timeout) {
  auto const deadline = aether::detail::deadline_after(timeout, store->stream()->config.operation_timeout);
  auto const& first = items.front();
  or_unknown(*store, actor_id, first.version, first.event_id, [&] { store->save_began(); });
  try {
    auto save = std::make_shared<save_operation>(store, std::move(actor_id), hash, std::move(items), request, deadline);
    save->announces(std::move(announcements));
    return {std::move(save), deadline};
  } catch (...) {
    store->save_ended();
    throw;
  }
}

auto end_of(begun_save const& begun) {
  return aether::detail::wait_until<save_result>(begun.deadline, [&](std::shared_ptr<wait_state<save_result>> waiting) {
    auto save = begun.save;
    save->waits(std::move(waiting));
    save->submit();
  });
}

save_outcome outcome_of(begun_save const& begun, wait_result<save_result> const& waited) {
  if (waited.end == wait_end::completed)
    return outcome_of(*begun.save, *waited.value);
  auto const result = begun.save->give_up();
  aether::detail::throw_if_cancelled(waited);
  return outcome_of(*begun.save, result);
}

} // namespace

namespace {

// What needs no suspension is no coroutine: what it holds would be part of the frame, which waits in memory for as
// long as the save does.
std::variant<begun_save, save_outcome> begin_one(std::shared_ptr<store_core> store, event& e,
                                                 save_options const& options) {
  if (!store)
    throw error(errc::not_open, "save_event on a store that was not opened");
  check_open(*store, e);
  aether::detail::check_save(e, options);
  auto const request = request_for(*store, e, e, 1, options);
  hashed_id const actor(e.actor_id);
  auto& remembered = store->remembered();
  if (!remembered.is_forgetful() && (remembered.empty() || !remembered.find(e.actor_id, e.version, e.id))) {
    if (auto const step = store->lane_of(actor).glance({actor, e.id, request})) {
      store->watch()->count().cache_hits.add();
      if (step->end == save_end::saved)
        return save_outcome(step->success);
      return conflict(std::move(e.actor_id), e.version, step->current_version);
    }
  }
  aether::detail::prepared_announcements announcements(store->announcer());
  save_items items;
  items.push_back(encode(*store, e, announcements));
  return begin(std::move(store), std::move(e.actor_id), actor.hash, std::move(items), std::move(announcements), request,
               options.timeout);
}

} // namespace

awaitable<save_outcome> save_one(std::shared_ptr<store_core> store, event e, save_options options) {
  auto begun = begin_one(std::move(store), e, options);
  if (auto* known = std::get_if<save_outcome>(&begun))
    co_return std::move(*known);
  auto const& save = std::get<begun_save>(begun);
  auto const waited = co_await end_of(save);
  co_return outcome_of(save, waited);
}

awaitable<save_outcome> save_batch(std::shared_ptr<store_core> store, std::vector<event> batch, save_options options) {
  if (!store)
    throw error(errc::not_open, "save_events on a store that was not opened");
  if (batch.empty())
    store->check_open();
  else
    check_open(*store, batch.front());
  aether::detail::check_batch(batch, options, store->stream()->config.version_policy);
  if (batch.size() == 1)
    co_return co_await save_one(std::move(store), std::move(batch.front()), options);
  if (!store->stream()->atomic_batches)
    throw error(errc::batch_not_supported, "a batch of " + std::to_string(batch.size()) +
                                               " events needs nats-server 2.12.1 or later and a stream with "
                                               "allow_atomic; nothing was stored: save one event at a time");
  auto const request = request_for(*store, batch.front(), batch.back(), batch.size(), options);
  aether::detail::prepared_announcements announcements(store->announcer());
  save_items items;
  items.reserve(batch.size());
  for (auto& e : batch)
    items.push_back(encode(*store, e, announcements));
  auto const hash = hashed_id(batch.front().actor_id).hash;
  auto const begun = begin(std::move(store), std::move(batch.front().actor_id), hash, std::move(items),
                           std::move(announcements), request, options.timeout);
  auto const waited = co_await end_of(begun);
  co_return outcome_of(begun, waited);
}

} // namespace aether::nats::detail
