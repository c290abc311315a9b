// What the library allocates: for a save, and for an event that is replayed. What cnats does counts apart.
#include "benchmark/allocations.hpp"
#include "benchmark/floor_client.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/json.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <fstream>
#include <iterator>

namespace aether::benchmark {
namespace {

constexpr std::size_t actors = 1'000;
constexpr std::size_t warm_up = 20; // saves of each

struct counted {
  std::vector<event> events; // of all actors in turn
  std::size_t warm = 0;      // so many of them come first, uncounted
  double each = 0, each_in_cnats = 0;

  counted() = default;
};

awaitable<void> save_every(nats::jetstream_event_store store, std::vector<event>& events, std::size_t first,
                           std::size_t end) {
  for (auto i = first; i < end; i += actors)
    co_await store.save_event(std::move(events[i]));
}

awaitable<void> save_range(nats::jetstream_event_store store, std::vector<event>& events, std::size_t begin,
                           std::size_t end) {
  task_group group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < actors; ++i)
    group.spawn(save_every(store, events, begin + i, end));
  co_await group.join();
}

awaitable<double> count_saves(nats::connection, nats::jetstream_event_store store, counted& c) {
  co_await save_range(store, c.events, 0, c.warm);
  auto const before = allocations(), in_cnats = cnats_allocations();
  co_await save_range(store, c.events, c.warm, c.events.size());
  auto const saves = static_cast<double>(c.events.size() - c.warm);
  c.each = static_cast<double>(allocations() - before) / saves;
  c.each_in_cnats = static_cast<double>(cnats_allocations() - in_cnats) / saves;
  co_return 0.0;
}

awaitable<double> count_replay(nats::connection, nats::jetstream_event_store store, counted& c) {
  auto subscription = co_await store.subscribe();
  std::size_t events = 0, before = 0, in_cnats = 0, from = 0;
  for (;;) {
    auto const item = co_await subscription.next();
    if (std::holds_alternative<caught_up>(*item))
      break;
    if (++events == c.warm) {
      before = allocations();
      in_cnats = cnats_allocations();
      from = events;
    }
  }
  auto const counted_events = static_cast<double>(events - from);
  c.each = static_cast<double>(allocations() - before) / counted_events;
  c.each_in_cnats = static_cast<double>(cnats_allocations() - in_cnats) / counted_events;
  co_return 0.0;
}

event payload() {
  std::ifstream in(AETHER_BENCHMARK_DIR "/payload.json");
  std::string const text((std::istreambuf_iterator<char>(in)), {});
  return event_from_json(text);
}

/// What an event needs for itself: as many allocations as its copy.
double needed_by(event const& e) {
  auto const before = allocations();
  event const copy = e;
  return static_cast<double>(allocations() - before);
}

void add(server_run const& run, char const* work, double figure, std::optional<target> wanted) {
  auto r = run.make_row(work, "each");
  r.aether = figure;
  r.target = wanted;
  run.out.add(r);
}

} // namespace

void measure_allocations(server_run const& run) {
  auto const url = run.server.url();
  counted saves;
  saves.warm = warm_up * actors;
  saves.events = make_workload("counted", actors, saves.warm + run.wanted.scaled(100'000, 50'000)).events;
  make_stream(url, "counted");
  with_store(url, "counted", &count_saves, saves);
  remove_stream(url, "counted");
  add(run, "allocations of a save", saves.each, target{bound::at_most, 8, compared_with::nothing});
  add(run, "allocations of cnats for a save", saves.each_in_cnats, {});

  auto const sample = payload();
  workload w;
  w.actors = actors;
  auto const count = run.wanted.scaled(100'000, 50'000);
  for (std::size_t i = 0; i < count; ++i) {
    auto e = sample;
    e.id = make_uuid();
    e.actor_id = "order-2026-" + std::to_string(100'000 + i % actors);
    e.version = static_cast<std::int64_t>(i / actors) + 1;
    w.events.push_back(std::move(e));
  }
  make_stream(url, "counted");
  {
    floor_client floor(run.server.port());
    floor.save_all(w, w.encoded("counted"), 4'096);
  }
  counted replay;
  replay.warm = count / 10;
  with_store(url, "counted", &count_replay, replay);
  remove_stream(url, "counted");
  auto const needed = needed_by(w.events.back());
  add(run, "allocations of a replayed event, beyond its own", replay.each - needed,
      target{bound::at_most, 2, compared_with::nothing});
  add(run, "its own", needed, {});
  add(run, "allocations of cnats for it", replay.each_in_cnats, {});
}

} // namespace aether::benchmark
