// A save that the cache refuses, on a thread of the store's own io_context: time, allocations, messages.
#include "benchmark/allocations.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace aether::benchmark {
namespace {

constexpr std::size_t actors = 100;
constexpr std::size_t at_a_stretch = 250; // events made in advance: few enough to stay in the processor's cache

/// Adds up what stretches of the same operation take; making the events lies between them and does not count, nor does
/// the first stretch.
class stretches {
public:
  void begin() {
    allocations_ = allocations();
    watch_ = stopwatch();
  }
  void end(std::size_t operations) {
    if (!std::exchange(warm_, true))
      return;
    seconds_ += watch_.seconds();
    allocated_ += allocations() - allocations_;
    operations_ += operations;
  }
  double nanoseconds_each() const { return seconds_ * 1e9 / static_cast<double>(operations_); }
  double allocations_each() const { return static_cast<double>(allocated_) / static_cast<double>(operations_); }

private:
  bool warm_ = false;
  stopwatch watch_;
  std::size_t allocations_ = 0;
  double seconds_ = 0;
  std::size_t allocated_ = 0;
  std::size_t operations_ = 0;
};

struct refusals {
  std::size_t count = 0; ///< of refusals to measure
  double allocations_each = 0;
  double messages = 0; ///< sent over the connection

  refusals() = default;
};

/// Events at version 1 of actors that are there already.
std::vector<event> late_events() {
  std::vector<event> events;
  events.reserve(at_a_stretch);
  for (std::size_t i = 0; i < at_a_stretch; ++i)
    events.push_back(sample_event("order-" + std::to_string(i % actors), 1));
  return events;
}

void count_refusal(save_outcome const& outcome, std::size_t& refused) { refused += outcome.index() == 0; }

void check_all_refused(std::size_t refused, std::size_t count) {
  if (refused != count)
    throw std::runtime_error(std::to_string(count - refused) + " saves were not refused");
}

awaitable<double> refuse_from_cache(nats::connection on, nats::jetstream_event_store store, refusals& r) {
  for (std::size_t i = 0; i < actors; ++i) {
    auto first = sample_event("order-" + std::to_string(i), 2);
    co_await store.try_save_event(std::move(first)); // saved in the first round; later the cache only learns of it
  }
  auto const before = on.statistics().messages_out;
  stretches measured;
  std::size_t refused = 0;
  for (std::size_t done = 0; done < r.count; done += at_a_stretch) {
    auto events = late_events();
    measured.begin();
    for (auto& e : events) {
      auto const outcome = co_await store.try_save_event(std::move(e));
      count_refusal(outcome, refused);
    }
    measured.end(events.size());
  }
  check_all_refused(refused, r.count);
  r.allocations_each = measured.allocations_each();
  r.messages = static_cast<double>(on.statistics().messages_out - before);
  co_return measured.nanoseconds_each();
}

/// The least that a virtual function returning an awaitable can cost.
class empty_store {
public:
  virtual ~empty_store() = default;
  virtual awaitable<save_outcome> try_save_event(event e) = 0;
};

class refusing_store final : public empty_store {
public:
  awaitable<save_outcome> try_save_event(event e) override { return refuse(std::move(e)); }

private:
  static awaitable<save_outcome> refuse(event e) { co_return version_conflict(std::move(e.actor_id), e.version, 2); }
};

awaitable<double> through_empty_awaitable(std::shared_ptr<empty_store> store, std::size_t count) {
  stretches measured;
  std::size_t refused = 0;
  for (std::size_t done = 0; done < count; done += at_a_stretch) {
    auto events = late_events();
    measured.begin();
    for (auto& e : events) {
      auto const outcome = co_await store->try_save_event(std::move(e));
      count_refusal(outcome, refused);
    }
    measured.end(events.size());
  }
  check_all_refused(refused, count);
  co_return measured.nanoseconds_each();
}

/// The same check with a mutex and a map.
class checking_map {
public:
  checking_map() {
    for (std::size_t i = 0; i < actors; ++i)
      versions_["order-" + std::to_string(i)] = 2;
  }
  save_outcome try_save_event(event e) {
    std::lock_guard lock(mutex_);
    auto& version = versions_[e.actor_id];
    if (e.version <= version)
      return version_conflict(std::move(e.actor_id), e.version, version);
    version = e.version;
    return saved{version, 0, false};
  }

private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> versions_;
};

double through_map(std::size_t count) {
  checking_map map;
  stretches measured;
  std::size_t refused = 0;
  for (std::size_t done = 0; done < count; done += at_a_stretch) {
    auto events = late_events();
    measured.begin();
    for (auto& e : events) {
      auto const outcome = map.try_save_event(std::move(e));
      count_refusal(outcome, refused);
    }
    measured.end(events.size());
  }
  check_all_refused(refused, count);
  return measured.nanoseconds_each();
}

} // namespace

void measure_refused_saves(server_run const& run) {
  auto const url = run.server.url();
  auto const count = run.wanted.scaled(200'000, 50'000);
  refusals worst;
  side const aether = [&](std::size_t) {
    refusals r;
    r.count = count;
    auto const time = with_store(url, "refused", &refuse_from_cache, r);
    worst.allocations_each = std::max(worst.allocations_each, r.allocations_each);
    worst.messages = std::max(worst.messages, r.messages);
    return time;
  };
  side const empty = [&](std::size_t) {
    boost::asio::io_context context(1);
    return run_on(context, through_empty_awaitable(std::make_shared<refusing_store>(), count));
  };
  side const map = [&](std::size_t) { return through_map(count); };
  auto const medians = interleaved(run.wanted.rounds, {aether, empty, map});
  remove_stream(url, "refused");

  auto r = run.make_row("save refused from the cache, beside a mutex and a map", "ns");
  r.aether = medians[0];
  r.floor = medians[2];
  r.target = target{bound::at_most, 500, compared_with::nothing};
  run.out.add(r);
  r.work = "save refused from the cache, beside an empty awaitable";
  r.floor = medians[1];
  r.target.reset();
  run.out.add(r);
  auto allocated = run.make_row("save refused from the cache, allocations", "each");
  allocated.aether = worst.allocations_each;
  allocated.floor = 0;
  allocated.target = target{bound::at_most, 0, compared_with::nothing};
  run.out.add(allocated);
  auto sent = run.make_row("save refused from the cache, messages sent", "in all");
  sent.aether = worst.messages;
  sent.floor = 0;
  sent.target = target{bound::at_most, 0, compared_with::nothing};
  run.out.add(sent);
}

} // namespace aether::benchmark
