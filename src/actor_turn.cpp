// One leader at a time works for an actor: for its own call, and for those that wait behind it.
#include "actor_turn.hpp"

#include "detail/log.hpp"
#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace aether::detail {
namespace {

using std::chrono::nanoseconds;

nanoseconds left_until(steady_time deadline) {
  return std::chrono::duration_cast<nanoseconds>(deadline - std::chrono::steady_clock::now());
}

[[noreturn]] void out_of_time(actor_entry const& entry, bool may_be_stored) {
  throw error(may_be_stored ? errc::outcome_unknown : errc::timed_out,
              "a command on actor " + quoted(entry.id) + " at version " + std::to_string(entry.version));
}

void count(actor_core& host, actor_call const& call) {
  auto& c = host.counts;
  if (!call.is_command())
    c.queries.fetch_add(1, std::memory_order_relaxed);
  else if (call.failure)
    c.failed.fetch_add(1, std::memory_order_relaxed);
  else if (auto const* const result = std::get_if<command_result>(&call.outcome))
    (result->repeated            ? c.repeated
     : result->first_version > 0 ? c.stored
                                 : c.nothing)
        .fetch_add(1, std::memory_order_relaxed);
  else
    c.rejected.fetch_add(1, std::memory_order_relaxed);
}

/// Their outcomes are written.
void finish(actor_core& host, std::vector<std::shared_ptr<actor_call>> calls) {
  for (auto const& c : calls)
    count(host, *c);
  host.finish(std::move(calls));
}
void finish_batch(actor_core& host, actor_entry& entry, actor_call& mine) {
  auto const batch = std::move(entry.batch);
  if (batch->size() == 1 && batch->holds(mine)) {
    count(host, mine);
    return actor_core::finish_own(mine);
  }
  finish(host, batch->take_calls());
}

awaitable<void> pause(std::shared_ptr<actor_core> host, int attempt, steady_time deadline) {
  auto const wanted = host->rules().pause.delay(attempt, host->random());
  co_await host->time().sleep_for(std::min(wanted, std::max(left_until(deadline), nanoseconds(0))));
}

/// False: something was read, and what was decided before it is to be decided again.
awaitable<bool> confirm(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline) {
  call_options options;
  options.timeout = std::max(left_until(deadline), nanoseconds(1));
  auto const asked_at = host->now().elapsed;
  auto const latest = co_await host->store().latest_version(entry->id, options);
  if (latest <= entry->version) {
    entry->confirmed_at = asked_at;
    co_return true;
  }
  co_await read_missed(host, entry, deadline);
  co_return false;
}

void answer(actor_core& host, actor_entry const& entry, std::vector<std::shared_ptr<actor_call>> queries) {
  for (auto const& q : queries) {
    command_result at;
    at.last_version = entry.version;
    q->outcome = at;
    try {
      if (q->query)
        q->query->look(*entry.state);
    } catch (...) {
      q->failure = std::current_exception();
    }
  }
  finish(host, std::move(queries));
}

/// Those that want nothing fresher at once, the others when the store has been asked. When that throws they wait again.
awaitable<void> answer_queries(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                               std::vector<std::shared_ptr<actor_call>> queries, steady_time deadline) {
  auto const age = host->now().elapsed - entry->confirmed_at;
  auto const first_stale =
      std::stable_partition(queries.begin(), queries.end(), [&](auto const& q) { return q->how_fresh.allows(age); });
  std::vector<std::shared_ptr<actor_call>> stale(std::make_move_iterator(first_stale),
                                                 std::make_move_iterator(queries.end()));
  queries.erase(first_stale, queries.end());
  answer(*host, *entry, std::move(queries));
  if (stale.empty())
    co_return;
  std::exception_ptr failed;
  try {
    co_await confirm(host, entry, deadline);
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) {
    host->give_back(*entry, std::move(stale));
    std::rethrow_exception(failed);
  }
  answer(*host, *entry, std::move(stale));
}

bool may_be_repeated(actor_entry const& entry, actor_call const& call) {
  auto const& id = call.options.command_id;
  if (id.empty() || call.is_new_at == entry.version)
    return false;
  std::size_t before = 0;
  return call.options.maybe_repeated || entry.window.find(command_window::hash_of(id), before);
}

bool any_may_be_repeated(actor_entry const& entry) {
  auto any = false;
  entry.batch->for_each([&](auto const& c) { any = any || may_be_repeated(entry, *c); });
  return any;
}

/// Those that were stored before are answered, and leave the hand; of the others it is known that they are new.
awaitable<void> answer_all_repeated(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                                    steady_time deadline) {
  std::vector<std::shared_ptr<actor_call>> asked, answered;
  entry->batch->for_each([&](auto const& c) {
    if (may_be_repeated(*entry, *c))
      asked.push_back(c);
  });
  for (auto const& c : asked) {
    auto const is_repeated = co_await answer_repeated(host, entry, c, deadline);
    if (is_repeated)
      answered.push_back(c);
    else
      c->is_new_at = entry->version;
  }
  if (answered.empty())
    co_return;
  entry->batch->drop_if(
      [&](auto const& c) { return std::find(answered.begin(), answered.end(), c) != answered.end(); });
  finish(*host, std::move(answered));
}

nanoseconds entered_last(actor_batch const& batch) {
  nanoseconds last{};
  batch.for_each([&](auto const& c) { last = std::max(last, c->entered_at); });
  return last;
}

/// The save of a batch that is open, as often as it takes to know how it ended.
awaitable<save_outcome> save(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline,
                             steady_time now) {
  auto& batch = *entry->batch;
  for (int attempt = 1;; ++attempt) {
    save_options options;
    options.timeout = deadline - now;
    if (options.timeout.count() <= 0)
      out_of_time(*entry, true);
    options.expected_version = batch.base() + static_cast<std::int64_t>(batch.saved_before);
    auto again = false;
    try {
      if (batch.event_count() == 1 || !host->rules().batch.batches) {
        auto outcome = co_await host->store().try_save_event(batch.make_event(batch.saved_before), options);
        if (std::holds_alternative<version_conflict>(outcome) || ++batch.saved_before == batch.event_count())
          co_return outcome;
        again = true;
      } else {
        auto outcome = co_await host->store().try_save_events(batch.make_events(), options);
        co_return outcome;
      }
    } catch (error const& e) {
      again = e.code() == errc::outcome_unknown && left_until(deadline).count() > 0;
      if (!again)
        throw;
    }
    if (batch.saved_before == 0) // unknown before its time: not as fast as can be
      co_await pause(host, attempt, deadline);
    now = std::chrono::steady_clock::now();
  }
}

void on_stored(actor_core& host, std::shared_ptr<actor_entry> const& entry, actor_call& mine, nanoseconds asked_at) {
  auto& batch = *entry->batch;
  auto const now = host.now().elapsed;
  if (batch.event_count() == 1)
    host.costs.single_took(now - asked_at, now);
  else
    host.costs.batch_took(now - asked_at, now);
  if (host.rules().snapshots.counts_bytes())
    for (std::size_t i = 0; i < batch.event_count(); ++i)
      entry->bytes_since_snapshot += to_json(batch.make_event(i)).size();
  entry->events_since_snapshot += batch.event_count();
  entry->version = batch.base() + static_cast<std::int64_t>(batch.event_count());
  entry->state = batch.take_state();
  entry->confirmed_at = asked_at;
  entry->used_at = now;
  entry->one_at_a_time = false;
  batch.stored(entry->window);
  batch.is_open = false;
  host.counts.batches.fetch_add(1, std::memory_order_relaxed);
  host.keep_snapshot(entry);
  finish_batch(host, *entry, mine);
}

/// Another writer was faster. What was missed is read, and the hand is decided again.
awaitable<void> on_conflict(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                            std::shared_ptr<actor_call> mine, version_conflict conflict) {
  auto& batch = *entry->batch;
  host->counts.conflicts.fetch_add(1, std::memory_order_relaxed);
  batch.is_open = false;
  if (conflict.current_version < batch.base()) // of what was read before something expired, or the stream is a new one
    entry->state.reset();
  if (batch.saved_before > 0) { // the first ones are stored, and cannot be taken back
    batch.fail(std::make_exception_ptr(version_conflict_error(conflict)));
    entry->state.reset();
    finish_batch(*host, *entry, *mine);
    co_return;
  }
  if (++batch.conflicts > host->rules().max_conflicts) {
    batch.fail(std::make_exception_ptr(version_conflict_error(conflict)));
    finish_batch(*host, *entry, *mine);
    co_return;
  }
  if (batch.conflicts > 1)
    co_await pause(host, static_cast<int>(batch.conflicts) - 1, mine->deadline);
  if (entry->state)
    co_await read_missed(host, entry, mine->deadline);
}

} // namespace

awaitable<void> lead_actor(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                           std::shared_ptr<actor_call> mine) {
  auto const deadline = mine->deadline;
  auto const& rules = host->rules();
  entry->used_at = std::max(entry->used_at, mine->entered_at);
  while (!mine->over.load(std::memory_order_relaxed)) {
    if (!entry->batch || !entry->batch->is_open) {
      if (!entry->state) {
        co_await load_actor(host, entry, deadline);
        host->keep_snapshot(entry);
      }
      if (auto queries = host->take_work(*entry); !queries.empty()) {
        co_await answer_queries(host, entry, std::move(queries), deadline);
        continue;
      }
      if (entry->batch->empty()) // those in hand went
        continue;
      if (any_may_be_repeated(*entry)) {
        co_await answer_all_repeated(host, entry, deadline);
        continue;
      }
      actor_batch::place on;
      on.type = entry->type;
      on.actor_id = &entry->id;
      on.state = entry->state.get();
      on.version = entry->version;
      on.now = host->time().now();
      entry->batch->decide(on, rules.batch);
      host->give_back(*entry, entry->batch->take_undecided());
      if (entry->batch->event_count() == 0) {
        auto holds = rules.reject_from_memory || entry->confirmed_at >= entered_last(*entry->batch);
        if (!holds)
          holds = co_await confirm(host, entry, deadline);
        if (holds) {
          entry->batch->decided_for_nothing();
          finish_batch(*host, *entry, *mine);
        }
        continue;
      }
      if (deadline <= std::chrono::steady_clock::now())
        out_of_time(*entry, false);
      entry->batch->is_open = true;
    }
    auto const asked_at = host->now();
    std::exception_ptr failure;
    save_outcome outcome;
    try {
      outcome = co_await save(host, entry, deadline, asked_at.steady);
    } catch (error const& e) {
      // Unknown, and nobody may know before it is asked again: the batch stays open for the next leader.
      if (e.code() == errc::outcome_unknown)
        throw;
      failure = std::current_exception();
    }
    if (!failure && std::holds_alternative<saved>(outcome)) {
      on_stored(*host, entry, *mine, asked_at.elapsed);
    } else if (!failure) {
      co_await on_conflict(host, entry, mine, std::get<version_conflict>(outcome));
    } else if (entry->batch->size() > 1) { // one of them may be at fault: each for itself
      entry->batch->is_open = false;
      entry->one_at_a_time = true;
      host->give_back(*entry, entry->batch->take_calls());
    } else { // nothing of it was stored
      entry->batch->is_open = false;
      if (entry->batch->saved_before > 0)
        entry->state.reset();
      entry->batch->fail(failure);
      entry->one_at_a_time = false;
      finish_batch(*host, *entry, *mine);
    }
  }
}

} // namespace aether::detail
