// One save at a time: what a single caller waits for.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

namespace aether::benchmark {
namespace {

constexpr char const* stream = "single";

awaitable<double> save_one_by_one(nats::connection, nats::jetstream_event_store store, std::vector<event>& events) {
  stopwatch watch;
  for (auto& e : events)
    co_await store.save_event(std::move(e));
  co_return watch.microseconds_each(events.size());
}

/// Of a client whose save() blocks.
template <class Client> double save_one_by_one(Client& client, workload const& w) {
  auto const events = w.encoded(stream);
  std::uint64_t last = 0;
  stopwatch watch;
  for (auto const& e : events)
    last = client.save(e, last);
  return watch.microseconds_each(events.size());
}

} // namespace

void measure_single_saves(server_run const& run) { add_single_saves(run, 0); }

void add_single_saves(server_run const& run, std::size_t data_bytes) {
  auto const url = run.server.url();
  auto const count = run.wanted.scaled(5'000, 1'000);
  make_stream(url, stream);
  auto const fresh = [&](char const* name, std::size_t round) {
    return make_workload(name + std::to_string(round) + '-', 1, count, data_bytes);
  };
  side const aether = [&](std::size_t round) {
    auto w = fresh("aether", round);
    return with_store(url, stream, &save_one_by_one, w.events);
  };
  side const raw = [&](std::size_t round) {
    raw_cnats client(url, true);
    return save_one_by_one(client, fresh("raw", round));
  };
  side const floor = [&](std::size_t round) {
    floor_client client(run.server.port());
    return save_one_by_one(client, fresh("floor", round));
  };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw, floor});
  remove_stream(url, stream);

  auto r = run.make_row(with_size("one save at a time, beside js_Publish", data_bytes), "us");
  r.aether = medians[0];
  r.raw = medians[1];
  r.floor = medians[2];
  if (data_bytes == 0)
    r.target = target{bound::at_most, 0.8, compared_with::raw};
  run.out.add(r);
  r.work = with_size("one save at a time, beside the floor", data_bytes);
  r.raw.reset();
  if (data_bytes == 0)
    r.target = target{bound::at_most, 1.15, compared_with::floor};
  run.out.add(r);
}

} // namespace aether::benchmark
