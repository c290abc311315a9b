// Reading an actor's events: a long history as a rate, short ones as round trips and time.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <algorithm>

namespace aether::benchmark {
namespace {

constexpr char const* stream = "history";
constexpr std::size_t pending = 4'096;

struct history {
  std::string actor_id;
  std::size_t events = 0;
  std::size_t repeats = 1;
  double messages_each = 0; ///< sent by the slowest read

  history() = default;
  std::string subject() const { return std::string(stream) + ".events.order." + actor_id; }
};

awaitable<double> read_events(nats::connection on, nats::jetstream_event_store store, history& h) {
  stopwatch watch;
  for (std::size_t i = 0; i < h.repeats; ++i) {
    auto const before = on.statistics().messages_out;
    auto const events = co_await store.get_events(h.actor_id);
    if (events.size() != h.events)
      throw std::runtime_error("get_events does not return what was stored");
    h.messages_each = std::max(h.messages_each, static_cast<double>(on.statistics().messages_out - before));
  }
  co_return watch.seconds() / static_cast<double>(h.repeats);
}

double read_raw(raw_cnats& raw, history& h) {
  stopwatch watch;
  for (std::size_t i = 0; i < h.repeats; ++i) {
    auto const before = raw.messages_out();
    raw.read_all(stream, h.subject(), h.events);
    h.messages_each = std::max(h.messages_each, static_cast<double>(raw.messages_out() - before));
  }
  return watch.seconds() / static_cast<double>(h.repeats);
}

/// Stores a history behind `base` messages of others.
history stored(server_run const& run, std::string const& name, std::size_t events, std::uint64_t base) {
  auto const w = make_workload(name, 1, events);
  floor_client floor(run.server.port());
  floor.save_all(w, w.encoded(stream), pending, base);
  history h;
  h.actor_id = "order-" + name + '0';
  h.events = events;
  return h;
}

} // namespace

void measure_long_history(server_run const& run) {
  auto const url = run.server.url();
  make_stream(url, stream);
  auto h = stored(run, "long", run.wanted.scaled(100'000, 50'000), 0);
  side const aether = [&](std::size_t) { return with_store(url, stream, &read_events, h); };
  side const raw = [&](std::size_t) {
    raw_cnats client(url, false);
    return read_raw(client, h);
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw});
  remove_stream(url, stream);
  auto r = run.make_row(
      h.events == 100'000 ? "get_events of 100,000 events, parsed" : "get_events of 50,000 events, parsed", "events/s");
  r.aether = static_cast<double>(h.events) / medians[0];
  r.raw = static_cast<double>(h.events) / medians[1];
  r.target = target{bound::at_least, 0.6, compared_with::raw};
  run.out.add(r);
}

void measure_short_histories(server_run const& run) {
  auto const url = run.server.url();
  make_stream(url, stream);
  std::vector<history> histories;
  std::uint64_t base = 0;
  for (std::size_t const events : {0, 1, 100}) {
    histories.push_back(stored(run, std::to_string(events) + '-', events, base));
    base += events;
  }
  stored(run, "others", 10'000, base);
  for (auto& h : histories) {
    h.repeats = run.wanted.scaled(500, 100);
    auto raw_history = h;
    side const aether = [&](std::size_t) { return with_store(url, stream, &read_events, h); };
    side const raw = [&](std::size_t) {
      raw_cnats client(url, true);
      return read_raw(client, raw_history);
    };
    auto const medians = interleaved(run.wanted.rounds, {aether, raw});
    auto const work = "get_events of " + std::to_string(h.events) + (h.events == 1 ? " event" : " events");
    auto trips = run.make_row(work + ", messages sent", "each");
    trips.aether = h.messages_each;
    trips.raw = raw_history.messages_each;
    trips.target = target{bound::at_most, run.server.at_least(2, 11) ? 2.0 : 4.0, compared_with::nothing};
    run.out.add(trips);
    auto time = run.make_row(work + ", time", "us");
    time.aether = medians[0] * 1e6;
    time.raw = medians[1] * 1e6;
    run.out.add(time);
  }
  remove_stream(url, stream);
}

} // namespace aether::benchmark
