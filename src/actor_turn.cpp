// One leader at a time works for an actor: for its own call, and for those that wait behind it.
#include "actor_turn.hpp"

#include "actor_failure.hpp"
#include "detail/log.hpp"
#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <mutex>
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

/// Whoever saves and goes on at once always wins against those who have to read first what they missed. So a winner
/// that knows of others waits for as long as these need: to read, and to save.
constexpr auto contended_for = std::chrono::seconds(10);

void leave_turn(actor_core& host, actor_entry& entry, nanoseconds now, nanoseconds save_took) {
  if (now >= entry.contended_until)
    return;
  auto const turn = nanoseconds(static_cast<nanoseconds::rep>(static_cast<double>(save_took.count()) * host.random()));
  entry.others_turn_until = now + std::min(turn, host.rules().pause.longest);
}

/// The store holds less than is in memory: it expired, or a snapshot was ahead of it.
void forget(actor_entry& entry) {
  entry.state.reset();
  entry.distrusts_snapshots = true;
}

/// False: something was read or is to be loaded, and what was decided before it is to be decided again.
awaitable<bool> confirm(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline) {
  call_options options;
  options.timeout = std::max(left_until(deadline), nanoseconds(1));
  auto const asked_at = host->now().elapsed;
  auto const latest = co_await host->store().latest_version(entry->id, options);
  if (latest == entry->version) {
    entry->confirmed_at = asked_at;
    co_return true;
  }
  if (latest < entry->version)
    forget(*entry);
  else
    co_await read_missed(host, entry, deadline);
  co_return false;
}

awaitable<void> answer_queries(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                               std::vector<std::shared_ptr<actor_call>> queries, steady_time deadline) {
  auto const age = host->now().elapsed - entry->confirmed_at;
  auto const is_stale = [&](auto const& q) { return !q->how_fresh.allows(age); };
  struct held { // back into the queue when whoever leads goes before they are answered
    actor_core& host;
    actor_entry& entry;
    std::vector<std::shared_ptr<actor_call>> queries;
    ~held() { host.give_back(entry, std::move(queries)); }
  } all{*host, *entry, std::move(queries)};
  std::exception_ptr failed;
  if (std::any_of(all.queries.begin(), all.queries.end(), is_stale)) {
    try {
      co_await confirm(host, entry, deadline);
      if (!entry->state)
        co_await load_actor(host, entry, deadline);
    } catch (error const&) {
      if (!entry->state || left_until(deadline).count() <= 0) // nobody can be answered now; or others have more time
        throw;
      failed = std::current_exception();
    }
  }
  for (auto const& q : all.queries) {
    if (failed && is_stale(q)) {
      q->failure = failed;
      continue;
    }
    command_result at;
    at.last_version = entry->version;
    q->outcome = at;
    try {
      std::lock_guard const looks(q->looking);
      if (q->query && !q->has_left)
        q->query->look(*entry->state);
    } catch (...) {
      q->failure = std::current_exception();
    }
  }
  finish(*host, std::move(all.queries));
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

/// What is made of a batch. That it cannot be is the decider's failure, and nothing was handed over.
template <class Make> auto made(actor_entry const& entry, Make make) {
  try {
    return make(*entry.batch);
  } catch (...) {
    auto const failure = failed(errc::decide_failed, entry.id, entry.version, "an event cannot be written");
    std::rethrow_exception(failure);
  }
}

/// Hands the batch over, or what is left of it where events are saved one by one. No coroutine: its frame would hold an
/// event for as long as the save takes.
awaitable<save_outcome> begin_save(actor_core& host, actor_entry& entry, steady_time deadline, steady_time now) {
  auto const& batch = *entry.batch;
  save_options options;
  options.timeout = deadline - now;
  if (options.timeout.count() <= 0)
    out_of_time(entry, true);
  options.expected_version = batch.base() + static_cast<std::int64_t>(batch.saved_before);
  if (batch.event_count() == 1 || !host.rules().batch.batches)
    return host.store().try_save_event(made(entry, [](actor_batch const& b) { return b.make_event(b.saved_before); }),
                                       options);
  return host.store().try_save_events(made(entry, [](actor_batch const& b) { return b.make_events(); }), options);
}

/// Counts an event of a batch that is saved one by one, if it was stored. True: more of them are to be saved.
bool count_part(actor_core& host, actor_batch& batch, save_outcome const& outcome) {
  return batch.event_count() > 1 && !host.rules().batch.batches && std::holds_alternative<saved>(outcome) &&
         ++batch.saved_before < batch.event_count();
}

/// The save of a batch that is open, as often as it takes to know how it ended; `attempt` of them were unknown.
awaitable<save_outcome> save(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry, steady_time deadline,
                             int attempt) {
  auto& batch = *entry->batch;
  for (;; ++attempt) {
    if (attempt > 0) // before its time: not as fast as can be
      co_await pause(host, attempt, deadline);
    bool is_unknown = false;
    try {
      save_outcome const outcome = co_await begin_save(*host, *entry, deadline, std::chrono::steady_clock::now());
      if (!count_part(*host, batch, outcome))
        co_return outcome;
      attempt = -1;
    } catch (error const& e) {
      is_unknown = e.code() == errc::outcome_unknown && left_until(deadline).count() > 0;
      if (!is_unknown)
        throw;
    }
  }
}

bool is_unknown(std::exception_ptr const& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (error const& e) {
    return e.code() == errc::outcome_unknown;
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
  leave_turn(host, *entry, now, now - asked_at);
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
  entry->contended_until = host->now().elapsed + contended_for;
  batch.is_open = false;
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
  if (batch.size() > 1) // one by one: a batch that takes longer loses against others' single saves each time
    host->give_back(*entry, batch.take_calls());
  if (conflict.current_version < entry->version)
    forget(*entry);
  if (batch.conflicts > 1)
    co_await pause(host, static_cast<int>(batch.conflicts) - 1, mine->deadline);
  if (entry->state)
    co_await read_missed(host, entry, mine->deadline);
}

void decide(actor_core& host, actor_entry& entry) {
  actor_batch::place on;
  on.type = entry.type;
  on.actor_id = &entry.id;
  on.state = entry.state.get();
  on.version = entry.version;
  on.now = host.time().now();
  entry.batch->decide(on, host.rules().batch);
  host.give_back(entry, entry.batch->take_undecided());
}

/// What a leader does next.
enum class next_work {
  save, ///< the hand is open
  again, ///< it was answered, or its callers are gone
  load,
  wait, ///< for others to have their turn
  queries,
  repeated, ///< commands that may have been stored before
  confirm, ///< that what the hand was decided on is still the last version
};

/// All of it that needs nobody else.
next_work prepare(actor_core& host, actor_entry& entry, actor_call& mine, actor_core::moment now,
                  std::vector<std::shared_ptr<actor_call>>& queries) {
  if (entry.batch && entry.batch->is_open)
    return next_work::save;
  if (!entry.state)
    return next_work::load;
  if (mine.is_command() && now.elapsed < entry.others_turn_until)
    return next_work::wait;
  queries = host.take_work(entry);
  if (!queries.empty())
    return next_work::queries;
  auto& hand = *entry.batch;
  if (hand.empty())
    return next_work::again;
  if (any_may_be_repeated(entry))
    return next_work::repeated;
  decide(host, entry);
  if (hand.event_count() == 0) {
    if (!host.rules().reject_from_memory && entry.confirmed_at < entered_last(hand))
      return next_work::confirm;
    hand.decided_for_nothing();
    finish_batch(host, entry, mine);
    return next_work::again;
  }
  if (mine.deadline <= now.steady)
    out_of_time(entry, false);
  hand.is_open = true;
  return next_work::save;
}

/// What has to be awaited before the hand can be saved.
awaitable<void> do_first(next_work what, std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                         std::shared_ptr<actor_call> mine, std::vector<std::shared_ptr<actor_call>> queries) {
  auto const deadline = mine->deadline;
  if (what == next_work::load) {
    co_await load_actor(host, entry, deadline);
    host->keep_snapshot(entry);
  } else if (what == next_work::wait) {
    auto const turn = std::exchange(entry->others_turn_until, nanoseconds(0)) - host->now().elapsed;
    co_await host->time().sleep_for(std::clamp(turn, nanoseconds(0), std::max(left_until(deadline), nanoseconds(0))));
  } else if (what == next_work::queries) {
    co_await answer_queries(host, entry, std::move(queries), deadline);
  } else if (what == next_work::repeated) {
    co_await answer_all_repeated(host, entry, deadline);
  } else if (what == next_work::confirm) {
    bool const holds = co_await confirm(host, entry, deadline);
    if (holds) {
      entry->batch->decided_for_nothing();
      finish_batch(*host, *entry, *mine);
    }
  }
}

/// The first attempt came to something else than being stored: it goes on, or what it means is done.
awaitable<void> go_on(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                      std::shared_ptr<actor_call> mine, save_outcome outcome, std::exception_ptr failure,
                      nanoseconds asked_at) {
  auto const deadline = mine->deadline;
  bool const unknown = failure && is_unknown(failure);
  if (unknown ? left_until(deadline).count() > 0 : !failure && std::holds_alternative<saved>(outcome)) {
    failure = nullptr;
    try {
      save_outcome const last = co_await save(host, entry, deadline, unknown ? 1 : 0);
      outcome = last;
    } catch (error const&) {
      failure = std::current_exception();
    }
  }
  if (failure && is_unknown(failure)) {
    // Nobody may know before it is asked again: the batch stays open for the next leader.
    if (mine->where != actor_call::place::in_hand)
      out_of_time(*entry, false); // it is of others, and mine waits behind it
    std::rethrow_exception(failure);
  }
  if (!failure && std::holds_alternative<saved>(outcome)) {
    on_stored(*host, entry, *mine, asked_at);
  } else if (!failure) {
    co_await on_conflict(host, entry, mine, std::get<version_conflict>(outcome));
  } else if (entry->batch->size() > 1 && entry->batch->saved_before == 0) { // one may be at fault
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

} // namespace

// Its frame is in memory for each actor at work: what is rare is awaited by others.
awaitable<void> lead_actor(std::shared_ptr<actor_core> host, std::shared_ptr<actor_entry> entry,
                           std::shared_ptr<actor_call> mine) {
  entry->used_at = std::max(entry->used_at, mine->entered_at);
  while (!mine->over.load(std::memory_order_relaxed)) {
    auto const asked_at = host->now();
    std::vector<std::shared_ptr<actor_call>> queries;
    auto const next = prepare(*host, *entry, *mine, asked_at, queries);
    if (next == next_work::again)
      continue;
    awaitable<void> rest;
    if (next != next_work::save) {
      rest = do_first(next, host, entry, mine, std::move(queries));
    } else {
      std::exception_ptr failure;
      save_outcome outcome;
      try {
        outcome = co_await begin_save(*host, *entry, mine->deadline, asked_at.steady);
      } catch (error const&) {
        failure = std::current_exception();
      }
      if (!failure && std::holds_alternative<saved>(outcome) && !count_part(*host, *entry->batch, outcome)) {
        on_stored(*host, entry, *mine, asked_at.elapsed);
        continue;
      }
      rest = go_on(host, entry, mine, std::move(outcome), std::move(failure), asked_at.elapsed);
    }
    co_await std::move(rest);
  }
}

} // namespace aether::detail
