// The embedded store: prebuilt events moved in, by one thread and by two that save different actors.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/memory_event_store.hpp>

#include <barrier>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace aether::benchmark {
namespace {

constexpr std::size_t actors = 1'000; // of each thread

/// The same check with one mutex and a map, and the event kept.
class checking_map {
public:
  save_outcome save(event e) {
    std::lock_guard lock(mutex_);
    auto& known = actors_[e.actor_id];
    if (!known.empty() && e.version <= known.back().version)
      return version_conflict(std::move(e.actor_id), e.version, known.back().version);
    known.push_back(std::move(e));
    return saved{known.back().version, ++sequence_, false};
  }

private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<event>> actors_;
  std::uint64_t sequence_ = 0;
};

awaitable<bool> save_all(memory_event_store store, std::vector<event>& events) {
  for (auto& e : events) {
    auto const outcome = co_await store.try_save_event(std::move(e));
    if (outcome.index() == 0)
      throw std::runtime_error("the memory store refused an event");
  }
  co_return true;
}

void save_all(memory_event_store store, boost::asio::io_context& context, std::vector<event>& events) {
  run_on(context, save_all(std::move(store), events));
}

void save_all(checking_map& map, std::vector<event>& events) {
  for (auto& e : events)
    if (map.save(std::move(e)).index() == 0)
      throw std::runtime_error("the map refused an event");
}

/// Runs `save(events)` on a thread for each workload, all at once; saves per second in total.
template <class Save> double at_once(std::vector<workload> const& works, Save save) {
  std::vector<std::vector<event>> all;
  std::size_t count = 0;
  for (auto const& w : works) {
    all.push_back(w.events);
    count += w.events.size();
  }
  std::barrier ready(static_cast<std::ptrdiff_t>(all.size() + 1));
  std::vector<std::thread> threads;
  for (auto& events : all)
    threads.emplace_back([&save, &ready, &events] {
      ready.arrive_and_wait();
      save(events);
    });
  ready.arrive_and_wait();
  stopwatch watch;
  for (auto& t : threads)
    t.join();
  return watch.per_second(count);
}

double through_store(std::vector<workload> const& works) {
  boost::asio::io_context context(1);
  memory_event_store store(context.get_executor());
  return at_once(works, [&](std::vector<event>& events) {
    boost::asio::io_context own(1); // each thread its own, as a program with one context a core has
    save_all(store, own, events);
  });
}

double through_map(std::vector<workload> const& works) {
  checking_map map;
  return at_once(works, [&](std::vector<event>& events) { save_all(map, events); });
}

} // namespace

void measure_memory_store(options const& wanted, report& out) {
  auto const count = wanted.scaled(200'000, 100'000);
  std::vector<workload> both;
  both.push_back(make_workload("a", actors, count));
  both.push_back(make_workload("b", actors, count));
  std::vector<workload> one;
  one.push_back(both.front());
  auto const medians = interleaved(wanted.rounds, {
                                                      [&](std::size_t) { return through_store(one); },
                                                      [&](std::size_t) { return through_map(one); },
                                                      [&](std::size_t) { return through_store(both); },
                                                      [&](std::size_t) { return through_map(both); },
                                                  });
  row r;
  r.work = "memory store, one thread";
  r.unit = "saves/s";
  r.aether = medians[0];
  r.floor = medians[1];
  r.target = target{bound::at_least, 1'500'000, compared_with::nothing};
  out.add(r);
  r.work = "memory store, two threads, different actors";
  r.aether = medians[2];
  r.floor = medians[3];
  r.target.reset();
  out.add(r);
  r.work = "memory store, two threads beside one";
  r.floor = medians[0];
  r.target = target{bound::at_least, 1.6, compared_with::floor};
  out.add(r);
}

} // namespace aether::benchmark
