// One mutex for who works for whom; users' code and the store are called without it.
#include "actor_core.hpp"

#include "detail/log.hpp"
#include "detail/random.hpp"
#include "detail/utf8.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

using std::chrono::nanoseconds;

template <class T> T or_standard(T given, T standard) noexcept { return given == T{} ? standard : given; }

backoff pause_of(backoff given) {
  using namespace std::chrono_literals;
  given.initial = or_standard(given.initial, nanoseconds(1ms));
  given.longest = or_standard(given.longest, nanoseconds(100ms));
  return given;
}

actor_core::settings settings_of(actor_host_options const& o, bool batches) {
  actor_core::settings s;
  s.idle_after = or_standard(o.idle_after, nanoseconds(std::chrono::minutes(10)));
  s.command_timeout = or_standard(o.command_timeout, nanoseconds(std::chrono::seconds(10)));
  s.max_waiting = or_standard<std::size_t>(o.max_waiting_commands, 65'536);
  s.max_conflicts = or_standard<std::size_t>(o.max_conflicts, 50);
  s.batch.commands = or_standard<std::size_t>(o.max_batch_commands, 256);
  s.batch.events = or_standard<std::size_t>(o.max_batch_events, 1'000);
  s.batch.batches = batches;
  s.snapshots = o.snapshots;
  s.pause = pause_of(o.conflict_pause);
  s.skip_unknown = o.skip_unknown_events;
  s.skip_malformed = o.skip_malformed_events;
  s.reject_from_memory = o.reject_from_memory;
  return s;
}

} // namespace

actor_core::actor_core(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store,
                       actor_host_options options)
    : rules_(settings_of(options, store->supports_batches())), store_(std::move(store)),
      time_(options.time ? std::move(options.time) : machine_time()), log_(std::move(options.log)),
      random_(options.random ? std::move(options.random) : &random_of_this_thread),
      index_(or_standard<std::size_t>(options.max_actors, 10'000)), sweeper_(executor), snapshots_(executor) {}

std::shared_ptr<actor_entry> actor_core::enter(std::shared_ptr<actor_call> const& call, bool& leads) {
  auto const& id = call->to.id;
  if (!valid_id(id))
    throw error(errc::invalid_id, "the actor id " + quoted(id) + " is not 1 to 255 bytes of UTF-8 without NUL");
  std::lock_guard const lock(mutex_);
  if (refuses_)
    throw error(errc::closed, "the actor host of " + quoted(id) + " was closed");
  if (under_way_ >= rules_.max_waiting)
    throw error(errc::overloaded, "actor " + quoted(id) + ": " + std::to_string(under_way_) +
                                      " commands and queries are under way: see max_waiting_commands");
  auto entry = index_.use(*call->to.type, id);
  entry->push_back(call);
  ++under_way_;
  leads = !entry->leader;
  if (leads)
    entry->leader = call;
  return entry;
}

bool actor_core::leads(actor_entry const& entry, actor_call const& call) const {
  std::lock_guard const lock(mutex_);
  return entry.leader.get() == &call;
}

void actor_core::park(actor_entry& entry, actor_call& call, std::shared_ptr<wait_state<call_turn>> waiting) {
  call_turn turn = call_turn::over;
  {
    std::lock_guard const lock(mutex_);
    if (!call.over && entry.leader.get() != &call) {
      call.parked = std::move(waiting);
      return;
    }
    turn = call.over ? call_turn::over : call_turn::leads;
  }
  waiting->complete(turn);
}

actor_core::gave_up actor_core::give_up(actor_entry& entry, actor_call& call) {
  std::lock_guard const lock(mutex_);
  if (call.over || entry.leader.get() == &call)
    return gave_up::too_late;
  if (call.where == actor_call::place::in_hand) {
    call.was_late = true;
    return gave_up::in_hand;
  }
  entry.remove(call);
  count_failed(call);
  return gave_up::waiting;
}

/// With the mutex.
void actor_core::count_failed(actor_call& call) noexcept {
  if (call.is_command() && !std::exchange(call.is_failed, true))
    counts.failed.fetch_add(1, std::memory_order_relaxed);
}

/// Whether the caller of one that was in hand has gone. When its time had passed, it has failed; cancelled ones are not
/// counted. With the mutex.
bool actor_core::has_gone(actor_call& call) noexcept {
  if (call.where == actor_call::place::in_hand)
    return false;
  if (call.was_late)
    count_failed(call);
  return true;
}

void actor_core::leave(actor_entry& entry, actor_call& call) noexcept {
  std::vector<std::shared_ptr<wait_state<call_turn>>> woken;
  std::vector<std::shared_ptr<wait_state<bool>>> quiet;
  std::shared_ptr<actor_entry> gone; // destroyed without the mutex
  std::unique_ptr<actor_batch> dropped;
  bool sweeps = false;
  if (!call.is_command()) {
    std::lock_guard const looks(call.looking);
    call.has_left = true;
  }
  {
    std::lock_guard const lock(mutex_);
    call.parked.reset();
    if (call.where == actor_call::place::waiting)
      entry.remove(call);
    call.where = actor_call::place::nowhere;
    if (entry.leader.get() == &call) {
      if (entry.batch && !entry.batch->is_open) { // what is in hand waits again
        auto calls = entry.batch->take_calls();
        std::erase_if(calls, [&](auto const& c) { return has_gone(*c); });
        entry.push_front(std::move(calls));
        dropped = std::move(entry.batch);
      }
      promote(entry, woken);
      if (!entry.leader) {
        if (entry.batch)
          entry.batch->for_each([&](auto const& c) { has_gone(*c); });
        dropped = std::move(entry.batch); // open: it may be stored, and only the store knows
        gone = index_.idle(entry, refuses_ || !entry.state || dropped || entry.is_evicted);
        counts.evictions.fetch_add(gone ? 1 : 0, std::memory_order_relaxed);
        sweeps = index_.has_idle() && !std::exchange(sweeping_, true);
      }
    }
    if (--under_way_ == 0)
      quiet.swap(quiet_waiters_);
  }
  for (auto const& w : woken)
    w->complete(call_turn::leads);
  for (auto const& w : quiet)
    w->complete(true);
  if (sweeps)
    begin_sweeping();
}

/// Whoever is on the wire with the last leader's events goes first: they have to be resolved before anything else.
void actor_core::promote(actor_entry& entry, std::vector<std::shared_ptr<wait_state<call_turn>>>& woken) noexcept {
  entry.leader = nullptr;
  if (entry.batch)
    entry.batch->for_each([&](auto const& c) {
      if (!entry.leader && c->where == actor_call::place::in_hand)
        entry.leader = c;
    });
  if (!entry.leader)
    entry.leader = entry.first;
  if (entry.leader && entry.leader->parked)
    woken.push_back(std::move(entry.leader->parked));
}

std::vector<std::shared_ptr<actor_call>> actor_core::take_work(actor_entry& entry) {
  std::vector<std::shared_ptr<actor_call>> queries;
  std::lock_guard const lock(mutex_);
  if (entry.queries > 0) {
    queries.reserve(entry.queries);
    auto rest = std::move(entry.first);
    entry.last = nullptr;
    entry.commands = entry.queries = 0;
    while (rest) {
      auto next = std::move(rest->next);
      if (rest->is_command()) {
        entry.push_back(std::move(rest));
      } else {
        rest->where = actor_call::place::in_hand;
        queries.push_back(std::move(rest));
      }
      rest = std::move(next);
    }
    return queries;
  }
  if (!entry.batch)
    entry.batch = std::make_unique<actor_batch>();
  auto& hand = *entry.batch;
  hand.drop_if([&](auto const& c) { return has_gone(*c); });
  auto const count = std::min(hand.size() + entry.commands, rules_.batch.commands);
  auto const elapsed = now().elapsed;
  auto const together = count > 1 && rules_.batch.batches && !entry.one_at_a_time && elapsed >= entry.contended_until &&
                        costs.pays(count, elapsed);
  for (auto const most = together ? count : 1; entry.first && hand.size() < most;) {
    auto call = entry.pop_front();
    call->where = actor_call::place::in_hand;
    hand.add(std::move(call));
  }
  return queries;
}

void actor_core::give_back(actor_entry& entry, std::vector<std::shared_ptr<actor_call>> calls) {
  if (calls.empty())
    return;
  std::lock_guard const lock(mutex_);
  std::erase_if(calls, [&](auto const& c) { return has_gone(*c); });
  entry.push_front(std::move(calls));
}

void actor_core::finish(std::vector<std::shared_ptr<actor_call>> calls) {
  std::vector<std::shared_ptr<wait_state<call_turn>>> woken;
  {
    std::lock_guard const lock(mutex_);
    for (auto const& c : calls) {
      c->over.store(true, std::memory_order_release);
      if (c->parked)
        woken.push_back(std::move(c->parked));
    }
  }
  for (auto const& w : woken)
    w->complete(call_turn::over);
}

void actor_core::fail_all(actor_entry& entry, std::exception_ptr why) {
  std::vector<std::shared_ptr<actor_call>> calls;
  if (entry.batch && !entry.batch->is_open)
    calls = entry.batch->take_calls();
  {
    std::lock_guard const lock(mutex_);
    while (auto c = entry.pop_front())
      calls.push_back(std::move(c));
    for (auto const& c : calls) {
      c->failure = why;
      count_failed(*c);
    }
  }
  finish(std::move(calls));
}

// Beside the commands.

/// Goes with the coroutine that writes it, also when that never runs.
class actor_core::snapshot_under_way {
public:
  std::weak_ptr<actor_core> const host;
  std::shared_ptr<actor_entry> const entry;

  snapshot_under_way(std::shared_ptr<actor_core> const& h, std::shared_ptr<actor_entry> e)
      : host(h), entry(std::move(e)) {
    std::lock_guard const lock(h->mutex_);
    ++h->snapshots_under_way_;
  }
  snapshot_under_way(snapshot_under_way const&) = delete;
  snapshot_under_way& operator=(snapshot_under_way const&) = delete;
  ~snapshot_under_way() {
    entry->snapshot_under_way = false;
    auto const h = host.lock();
    if (!h)
      return;
    std::vector<std::shared_ptr<wait_state<bool>>> written;
    {
      std::lock_guard const lock(h->mutex_);
      if (--h->snapshots_under_way_ == 0)
        written.swap(h->written_waiters_);
    }
    for (auto const& w : written)
      w->complete(true);
  }
};

void actor_core::keep_snapshot(std::shared_ptr<actor_entry> const& entry) {
  if (!entry->type->keeps_snapshots() || rules_.snapshots.is_never() ||
      !rules_.snapshots.is_due(entry->events_since_snapshot, entry->bytes_since_snapshot) ||
      entry->snapshot_under_way.exchange(true))
    return;
  try {
    actor_snapshot s;
    s.actor_id = entry->id;
    s.version = entry->version;
    s.timestamp = time_->now();
    s.state["state"] = entry->type->to_json(*entry->state);
    s.state["stateVersion"] = entry->type->state_version();
    s.state["commands"] = entry->window.to_json();
    auto of = std::make_shared<snapshot_under_way const>(shared_from_this(), entry);
    snapshots_.spawn(write_snapshot(std::move(of), store_, std::move(s)));
    entry->events_since_snapshot = 0;
    entry->bytes_since_snapshot = 0;
  } catch (std::exception const& e) {
    entry->snapshot_under_way = false;
    entry->events_since_snapshot = 0; // not with every command
    counts.snapshots_failed.fetch_add(1, std::memory_order_relaxed);
    if (log_at const log{log_, log_level::warning})
      log("an actor's snapshot could not be made",
          {{"actor", entry->id}, {"version", entry->version}, {"cause", e.what()}});
  }
}

awaitable<void> actor_core::write_snapshot(std::shared_ptr<snapshot_under_way const> of,
                                           std::shared_ptr<event_store> store, actor_snapshot snapshot) {
  auto const version = snapshot.version;
  std::string why;
  try {
    co_await store->save_snapshot(std::move(snapshot));
  } catch (boost::system::system_error const& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      throw;
    why = e.what();
  } catch (std::exception const& e) {
    why = e.what();
  }
  auto const self = of->host.lock();
  if (!self)
    co_return;
  (why.empty() ? self->counts.snapshots : self->counts.snapshots_failed).fetch_add(1, std::memory_order_relaxed);
  if (why.empty())
    co_return;
  if (log_at const log{self->log_, log_level::warning})
    log("an actor's snapshot was not stored", {{"actor", of->entry->id}, {"version", version}, {"cause", why}});
}

void actor_core::begin_sweeping() {
  try {
    sweeper_.spawn(sweep(weak_from_this(), time_, rules_.idle_after));
  } catch (std::exception const&) { // no memory: the next one that becomes idle tries again
    std::lock_guard const lock(mutex_);
    sweeping_ = false;
  }
}

awaitable<void> actor_core::sweep(std::weak_ptr<actor_core> host, std::shared_ptr<time_source const> time,
                                  nanoseconds first) {
  for (std::optional<nanoseconds> next = first; next;) {
    co_await time->sleep_for(*next);
    auto const self = host.lock();
    if (!self)
      co_return;
    next = self->sweep_once();
  }
}

std::optional<nanoseconds> actor_core::sweep_once() {
  std::vector<std::shared_ptr<actor_entry>> gone;
  std::lock_guard const lock(mutex_); // released before they are destroyed
  auto const now = this->now().elapsed;
  gone = index_.take_idle_since(now - rules_.idle_after);
  counts.evictions.fetch_add(gone.size(), std::memory_order_relaxed);
  std::optional<nanoseconds> next;
  sweeping_ = index_.has_idle();
  if (sweeping_)
    next = index_.idle_longest_since() + rules_.idle_after - now;
  return next;
}

void actor_core::refuse() noexcept {
  std::lock_guard const lock(mutex_);
  refuses_ = true;
}

void actor_core::when_quiet(std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (under_way_ > 0) {
      quiet_waiters_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

void actor_core::when_written(std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (snapshots_under_way_ > 0) {
      written_waiters_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

awaitable<void> actor_core::end_snapshots() {
  snapshots_.cancel();
  return snapshots_.join();
}

void actor_core::drop_actors() noexcept {
  std::vector<std::shared_ptr<actor_entry>> gone;
  {
    std::lock_guard const lock(mutex_);
    gone = index_.take_idle_since(nanoseconds::max());
    sweeping_ = true; // never again
  }
  sweeper_.cancel();
}

std::size_t actor_core::evict(actor_type const& type, std::function<bool(std::string const& id)> const& which) {
  std::vector<std::shared_ptr<actor_entry>> chosen;
  {
    std::lock_guard const lock(mutex_);
    chosen = index_.all_of(type);
  }
  std::erase_if(chosen, [&](auto const& entry) { return !which(entry->id); });
  std::vector<std::shared_ptr<actor_entry>> gone; // destroyed without the mutex
  std::lock_guard const lock(mutex_);
  for (auto const& entry : chosen) {
    entry->is_evicted = true; // when it is in use: by the one who leaves it last
    if (auto dropped = index_.take_if_idle(*entry))
      gone.push_back(std::move(dropped));
  }
  counts.evictions.fetch_add(gone.size(), std::memory_order_relaxed);
  return chosen.size();
}

actor_metrics actor_core::metrics() const {
  actor_metrics m;
  m.stored = counts.stored;
  m.nothing = counts.nothing;
  m.rejected = counts.rejected;
  m.repeated = counts.repeated;
  m.failed = counts.failed;
  m.commands = m.stored + m.nothing + m.rejected + m.repeated + m.failed;
  m.queries = counts.queries;
  m.batches = counts.batches;
  m.conflicts = counts.conflicts;
  m.loads = counts.loads;
  m.evictions = counts.evictions;
  m.snapshots = counts.snapshots;
  m.snapshots_failed = counts.snapshots_failed;
  std::lock_guard const lock(mutex_);
  m.actors = index_.size();
  m.waiting = under_way_;
  return m;
}

} // namespace aether::detail
