// Following a stream: everything from the beginning, and what is saved live.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <stdexcept>

namespace aether::benchmark {
namespace {

constexpr char const* stream = "replay";
constexpr std::size_t pending = 4'096;

struct replay {
  std::size_t events = 0;
};

awaitable<double> replay_all(nats::connection, nats::jetstream_event_store store, replay& r) {
  stopwatch watch;
  auto subscription = co_await store.subscribe();
  std::size_t events = 0;
  for (;;) {
    auto const item = co_await subscription.next();
    if (std::holds_alternative<caught_up>(*item))
      break;
    events += std::holds_alternative<recorded_event>(*item) ? 1 : 0;
  }
  if (events != r.events)
    throw std::runtime_error("a subscription does not deliver what was stored");
  co_return watch.seconds();
}

double replay_raw(raw_cnats& raw, replay const& r) {
  stopwatch watch;
  raw.read_all(stream, std::string(stream) + ".events.>", r.events);
  return watch.seconds();
}

} // namespace

void measure_replay(server_run const& run) {
  auto const url = run.server.url();
  make_stream(url, stream);
  replay r;
  r.events = run.wanted.scaled(1'000'000, 100'000);
  {
    auto const w = make_workload("replay", 1'000, r.events);
    floor_client floor(run.server.port());
    floor.save_all(w, w.encoded(stream), pending, 0);
  }
  side const aether = [&](std::size_t) { return with_store(url, stream, &replay_all, r); };
  side const raw = [&](std::size_t) {
    raw_cnats client(url, false);
    return replay_raw(client, r);
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw});
  remove_stream(url, stream);
  auto row = run.make_row("replay of " + std::to_string(r.events) + " events, parsed", "events/s");
  row.aether = static_cast<double>(r.events) / medians[0];
  row.raw = static_cast<double>(r.events) / medians[1];
  row.target = target{bound::at_least, run.server.at_least(2, 11) ? 0.6 : 0.8, compared_with::raw};
  run.out.add(row);
}

} // namespace aether::benchmark
