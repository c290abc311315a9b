// Counting, and telling the tracer.
#include "store_watch.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <span>

namespace aether::detail {
namespace {

std::size_t bucket_of(std::chrono::nanoseconds duration) noexcept {
  auto const& bounds = latency_histogram::bounds;
  return static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), duration) - bounds.begin());
}

std::uint64_t count_of(std::chrono::nanoseconds duration) noexcept {
  return static_cast<std::uint64_t>(std::max(duration, std::chrono::nanoseconds::zero()).count());
}

boost::system::error_code code_of(std::exception_ptr const& why) noexcept {
  try {
    std::rethrow_exception(why);
  } catch (boost::system::system_error const& e) {
    return e.code();
  } catch (...) { // no memory
    return make_error_code(boost::system::errc::not_enough_memory);
  }
}

void add_histogram(latency_histogram& to, std::span<counter const> counts, counter const& nanoseconds) {
  for (std::size_t i = 0; i < to.counts.size(); ++i)
    to.counts[i] += counts[i].value();
  to.sum += std::chrono::nanoseconds(nanoseconds.value());
}

bool is_counted(store_operation what) noexcept {
  switch (what) {
  case store_operation::save_event:
  case store_operation::save_events:
  case store_operation::get_events:
  case store_operation::read_events:
  case store_operation::save_snapshot:
  case store_operation::find_snapshot:
  case store_operation::subscribe:
    return true;
  default:
    return false;
  }
}

bool is_save(store_operation what) noexcept {
  return what == store_operation::save_event || what == store_operation::save_events;
}

} // namespace

store_watch::store_watch(std::string name_space, std::string store, std::shared_ptr<aether::tracer> tracer)
    : name_space_(std::move(name_space)), store_(std::move(store)), tracer_(std::move(tracer)) {}

std::shared_ptr<subscription_watch> store_watch::watch_subscription() {
  auto made = std::make_shared<subscription_watch>();
  std::lock_guard const lock(mutex_);
  if (subscriptions_.size() == subscriptions_.capacity())
    forget_ended();
  subscriptions_.push_back(made);
  return made;
}

void store_watch::forget_ended() const {
  std::erase_if(subscriptions_, [&](std::shared_ptr<subscription_watch> const& s) {
    if (s.use_count() > 1)
      return false;
    delivered_by_ended_ += s->delivered;
    malformed_by_ended_ += s->malformed;
    return true;
  });
}

void store_watch::read_into(store_metrics& m) const {
  std::uint64_t begun = 0;
  cells_.for_each([&](counters const& c) {
    m.saves.saved += c.saved.value();
    m.saves.already_saved += c.already_saved.value();
    m.saves.conflict += c.conflict.value();
    m.saves.unknown += c.unknown.value();
    m.saves.overloaded += c.overloaded.value();
    m.saves.cancelled += c.cancelled.value();
    m.saves.failed += c.failed.value();
    m.events_saved += c.events_saved.value();
    m.save_retries += c.retries.value();
    m.unknown_resolved += c.unknown_resolved.value();
    m.cache_hits += c.cache_hits.value();
    m.cache_misses += c.cache_misses.value();
    m.events_replayed += c.events_replayed.value();
    m.malformed_messages += c.malformed.value();
    m.snapshots_saved += c.snapshots_saved.value();
    m.snapshots_read += c.snapshots_read.value();
    add_histogram(m.save_duration, c.save_durations, c.save_nanoseconds);
    add_histogram(m.replay_duration, c.replay_durations, c.replay_nanoseconds);
    begun += c.begun.value();
  });
  m.replays = m.replay_duration.count();
  m.saves_in_flight = static_cast<std::size_t>(begun - std::min(begun, m.saves.total()));
  std::lock_guard const lock(mutex_);
  forget_ended();
  m.subscriptions = subscriptions_.size();
  m.events_delivered += delivered_by_ended_;
  m.malformed_messages += malformed_by_ended_;
  for (auto const& s : subscriptions_) {
    m.events_delivered += s->delivered;
    m.malformed_messages += s->malformed;
    m.events_behind = std::max<std::uint64_t>(m.events_behind, s->behind);
  }
}

watched_call::watched_call(std::shared_ptr<store_watch> watch, operation_begin const& begin)
    : watch_(std::move(watch)), what_(begin.what), events_(begin.events) {
  if (watch_ && !is_counted(what_) && watch_->tracer() == nullptr)
    watch_.reset();
  if (!watch_)
    return;
  began_ = std::chrono::steady_clock::now();
  if (is_save(what_))
    watch_->count().begun.add();
  if (auto* tracer = watch_->tracer()) {
    auto told = begin;
    told.name_space = watch_->name_space();
    told.store = watch_->store();
    span_ = std::make_unique<operation_span>();
    *span_ = tracer->begin(told);
  }
}

watched_call::~watched_call() {
  if (!watch_)
    return;
  if (is_save(what_))
    watch_->count().cancelled.add();
  operation_end how;
  how.error = boost::asio::error::operation_aborted;
  end(how);
}

void watched_call::ended(save_outcome const& outcome) noexcept {
  if (!watch_)
    return;
  operation_end how;
  auto& count = watch_->count();
  if (auto const* stored = std::get_if<saved>(&outcome)) {
    how.already_saved = stored->already_saved;
    how.events = stored->already_saved ? 0 : events_;
    (stored->already_saved ? count.already_saved : count.saved).add();
    if (!stored->already_saved) {
      auto const took = duration();
      count.events_saved.add(events_);
      count.save_durations[bucket_of(took)].add();
      count.save_nanoseconds.add(count_of(took));
    }
  } else {
    how.error = errc::version_conflict;
    count.conflict.add();
  }
  end(how);
}

void watched_call::ended(replay_result const& result) noexcept {
  if (!watch_)
    return;
  auto const took = duration();
  auto& count = watch_->count();
  count.events_replayed.add(result.events.size());
  count.malformed.add(result.errors.size());
  count.replay_durations[bucket_of(took)].add();
  count.replay_nanoseconds.add(count_of(took));
  operation_end how;
  how.events = result.events.size();
  end(how);
}

void watched_call::ended(event_subscription& made) {
  if (watch_)
    made.watched_by(watch_->watch_subscription());
  ended();
}

void watched_call::ended() noexcept {
  if (watch_ && what_ == store_operation::save_snapshot)
    watch_->count().snapshots_saved.add();
  if (watch_ && what_ == store_operation::find_snapshot)
    watch_->count().snapshots_read.add();
  end({});
}

void watched_call::ended_after(std::uint64_t events, std::uint64_t malformed) noexcept {
  if (!watch_)
    return;
  if (what_ == store_operation::read_events)
    watch_->count().events_replayed.add(events);
  watch_->count().malformed.add(malformed);
  operation_end how;
  how.events = events;
  end(how);
}

void watched_call::failed(std::exception_ptr const& why) noexcept {
  if (!watch_)
    return;
  operation_end how;
  how.error = code_of(why);
  if (is_save(what_)) {
    auto& count = watch_->count();
    if (how.error == errc::outcome_unknown)
      count.unknown.add();
    else if (how.error == errc::overloaded)
      count.overloaded.add();
    else if (how.error == boost::asio::error::operation_aborted)
      count.cancelled.add();
    else
      count.failed.add();
  }
  end(how);
}

void watched_call::end(operation_end const& how) noexcept {
  if (!watch_)
    return;
  if (auto* tracer = watch_->tracer())
    tracer->end(std::move(*span_), how);
  watch_.reset();
}

} // namespace aether::detail
