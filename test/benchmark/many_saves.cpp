// Awaited saves of 1,000 actors at once, beside everything that can be had without awaiting each.
#include "benchmark/floor_client.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

namespace aether::benchmark {
namespace {

constexpr std::size_t actors = 1'000;
constexpr std::size_t pending = 4'096;

/// The events of one actor, each saved once the one before it is.
awaitable<void> save_in_turn(nats::jetstream_event_store store, std::vector<event>& events, std::size_t first,
                             std::size_t step) {
  for (auto i = first; i < events.size(); i += step)
    co_await store.save_event(std::move(events[i]));
}

awaitable<double> save_side_by_side(nats::connection, nats::jetstream_event_store store, std::vector<event>& events) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const count = events.size();
  stopwatch watch;
  task_group group(executor);
  for (std::size_t actor = 0; actor < actors; ++actor)
    group.spawn(save_in_turn(store, events, actor, actors));
  co_await group.join();
  co_return watch.per_second(count);
}

} // namespace

void measure_many_saves(server_run const& run) {
  auto const w = make_workload("many", actors, run.wanted.scaled(100'000, 20'000));
  auto const url = run.server.url();
  auto const on_new_stream = [&](std::string const& stream, auto measure) {
    make_stream(url, stream);
    auto const figure = measure();
    remove_stream(url, stream);
    return figure;
  };
  auto const medians = interleaved(run.wanted.rounds, {[&](std::size_t) {
                                                         return on_new_stream("many", [&] {
                                                           auto events = w.events;
                                                           return with_store(url, "many", &save_side_by_side, events);
                                                         });
                                                       },
                                                       [&](std::size_t) {
                                                         return on_new_stream("many", [&] {
                                                           auto const events = w.encoded("many");
                                                           raw_cnats raw(url, false);
                                                           stopwatch watch;
                                                           raw.save_all(w, events);
                                                           return watch.per_second(events.size());
                                                         });
                                                       },
                                                       [&](std::size_t) {
                                                         return on_new_stream("many", [&] {
                                                           auto const events = w.encoded("many");
                                                           floor_client floor(run.server.port());
                                                           stopwatch watch;
                                                           floor.save_all(w, events, pending);
                                                           return watch.per_second(events.size());
                                                         });
                                                       }});
  auto r = run.make_row("awaited saves, 1,000 actors at once", "saves/s");
  r.aether = medians[0];
  r.raw = medians[1];
  r.floor = medians[2];
  r.target = target{bound::at_least, run.server.at_least(2, 12) ? 0.9 : 1.0, compared_with::raw};
  run.out.add(r);
}

} // namespace aether::benchmark
