// One actor among many: its history, and its last events.
#include "benchmark/floor_client.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <algorithm>
#include <stdexcept>

namespace aether::benchmark {
namespace {

constexpr char const* stream = "actors";
constexpr char const* actor = "order-wanted0"; // the only one of the workload "wanted"
constexpr std::size_t pending = 4'096;

struct wanted_history {
  read_options options;
  std::size_t events = 0;
  std::size_t repeats = 1;
  double messages_each = 0; ///< sent by the slowest read
};

awaitable<double> read(nats::connection on, nats::jetstream_event_store store, wanted_history& h) {
  stopwatch watch;
  for (std::size_t i = 0; i < h.repeats; ++i) {
    auto const before = on.statistics().messages_out;
    auto reader = store.read_events(actor, h.options);
    std::size_t events = 0;
    for (;;) {
      auto const next = co_await reader.next();
      if (!next)
        break;
      ++events;
    }
    if (events != h.events)
      throw std::runtime_error("a reader does not read what was stored");
    h.messages_each = std::max(h.messages_each, static_cast<double>(on.statistics().messages_out - before));
  }
  co_return watch.seconds() / static_cast<double>(h.repeats);
}

struct versions {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

awaitable<double> save_row(nats::connection, nats::jetstream_event_store store, versions& v) {
  for (auto version = v.first; version <= v.last; ++version) {
    auto e = sample_event(actor, version);
    co_await store.save_event(std::move(e));
  }
  co_return 0.0;
}

/// 100 events of the actor, ten at a time, between those of others.
void fill(server_run const& run, std::size_t others) {
  auto const url = run.server.url();
  make_stream(url, stream);
  constexpr std::size_t parts = 10;
  for (std::size_t part = 0; part < parts; ++part) {
    auto const w = make_workload("part" + std::to_string(part) + '-', 1'000, others / parts);
    floor_client floor(run.server.port());
    floor.save_all(w, w.encoded(stream), pending, part * (others / parts + 10));
    versions v{static_cast<std::int64_t>(part * 10 + 1), static_cast<std::int64_t>(part * 10 + 10)};
    with_store(url, stream, &save_row, v);
  }
}

void measure_among(server_run const& run, std::size_t others) {
  fill(run, others);
  auto const url = run.server.url();
  auto const direct = run.server.at_least(2, 11);
  wanted_history h;
  h.events = 100;
  h.repeats = run.wanted.scaled(20, 5);
  side const aether = [&](std::size_t) { return with_store(url, stream, &read, h); };
  side const by_hand = [&](std::size_t) {
    floor_client client(run.server.port());
    stopwatch watch;
    for (std::size_t i = 0; i < h.repeats; ++i)
      client.read_history(stream, std::string(stream) + ".events.order." + actor, h.events, direct);
    return watch.seconds() / static_cast<double>(h.repeats);
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, by_hand});
  remove_stream(url, stream);
  auto const work = "one actor's 100 events among " + std::to_string(others);
  auto trips = run.make_row(work + ", messages sent", "each");
  trips.aether = h.messages_each;
  trips.target = target{bound::at_most, direct ? 2.0 : 4.0, compared_with::nothing};
  run.out.add(trips);
  auto time = run.make_row(work + ", beside the same by hand", "us");
  time.aether = medians[0] * 1e6;
  time.floor = medians[1] * 1e6;
  time.target = target{bound::at_most, 1.2, compared_with::floor};
  run.out.add(time);
}

} // namespace

void measure_one_actor(server_run const& run) {
  measure_among(run, run.wanted.scaled(100'000, 20'000));
  if (!run.wanted.quick)
    measure_among(run, 1'000'000);
}

void measure_last_events(server_run const& run) {
  auto const url = run.server.url();
  make_stream(url, stream);
  auto const events = run.wanted.scaled(100'000, 10'000);
  {
    auto const w = make_workload("wanted", 1, events);
    floor_client floor(run.server.port());
    floor.save_all(w, w.encoded(stream), pending);
  }
  wanted_history h;
  h.options.direction = read_direction::backwards;
  h.options.max_events = 10;
  h.events = 10;
  h.repeats = run.wanted.scaled(200, 20);
  std::vector<double> times;
  for (std::size_t i = 0; i < run.wanted.rounds; ++i)
    times.push_back(with_store(url, stream, &read, h));
  remove_stream(url, stream);
  auto const work = "last 10 of an actor's " + std::to_string(events) + " events";
  auto trips = run.make_row(work + ", messages sent", "each");
  trips.aether = h.messages_each;
  trips.target = target{bound::at_most, 11, compared_with::nothing};
  run.out.add(trips);
  auto time = run.make_row(work + ", time", "us");
  time.aether = median(times) * 1e6;
  run.out.add(time);
}

} // namespace aether::benchmark
