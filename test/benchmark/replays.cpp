// Following a stream: everything from the beginning, and what is saved live.
#include "benchmark/floor_client.hpp"
#include "benchmark/peak.hpp"
#include "benchmark/raw_cnats.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <iostream>
#include <stdexcept>

namespace aether::benchmark {
namespace {

constexpr char const* stream = "replay";
constexpr std::size_t pending = 4'096;

struct replay {
  std::size_t events = 0; ///< 0: nobody knows
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
  if (r.events != 0 && events != r.events)
    throw std::runtime_error("a subscription does not deliver what was stored");
  co_return watch.seconds();
}

awaitable<double> do_nothing(nats::connection, nats::jetstream_event_store, replay&) { co_return 0.0; }

struct live_times {
  std::size_t saves = 0;
  std::size_t round = 0;
  double save = 0;     ///< seconds, of one
  double delivery = 0; ///< from its end until next() returns it
};

awaitable<double> save_and_wait(nats::connection, nats::jetstream_event_store store, live_times& t) {
  subscribe_options options;
  options.start = start_from::now();
  auto subscription = co_await store.subscribe(options);
  auto item = co_await subscription.next(); // caught up
  auto const actor_id = "order-live" + std::to_string(t.round);
  for (std::size_t i = 1; i <= t.saves; ++i) {
    auto e = sample_event(actor_id, static_cast<std::int64_t>(i));
    stopwatch save;
    co_await store.save_event(std::move(e));
    t.save += save.seconds() / static_cast<double>(t.saves);
    stopwatch delivery;
    item = co_await subscription.next();
    t.delivery += delivery.seconds() / static_cast<double>(t.saves);
  }
  co_return 0.0;
}

double replay_raw(raw_cnats& raw, replay const& r, raw_cnats::reading how) {
  stopwatch watch;
  raw.read_all(stream, std::string(stream) + ".events.>", r.events, how);
  return watch.seconds();
}

} // namespace

void measure_replay(server_run const& run) { add_replay(run, 0); }

void add_replay(server_run const& run, std::size_t data_bytes) {
  auto const url = run.server.url();
  make_stream(url, stream);
  replay r;
  r.events = data_bytes == 0 ? run.wanted.scaled(1'000'000, 100'000) : run.wanted.scaled(100'000, 100'000);
  {
    auto const w = make_workload("replay", 1'000, r.events, data_bytes);
    floor_client floor(run.server.port());
    floor.save_all(w, w.encoded(stream), pending, 0);
  }
  side const aether = [&](std::size_t) { return with_store(url, stream, &replay_all, r); };
  auto const through_cnats = [&](raw_cnats::reading how) {
    return [&, how](std::size_t) {
      raw_cnats client(url, false);
      return replay_raw(client, r, how);
    };
  };
  auto const medians = interleaved(
      run.wanted.rounds, {aether, through_cnats(raw_cnats::reading::bytes), through_cnats(raw_cnats::reading::json)});
  auto row =
      run.make_row(with_size("replay of " + std::to_string(r.events) + " events, parsed", data_bytes), "events/s");
  row.aether = static_cast<double>(r.events) / medians[0];
  row.raw = static_cast<double>(r.events) / medians[1];
  if (data_bytes > 0) {
    remove_stream(url, stream);
    return run.out.add(row);
  }
  row.target = target{bound::at_least, run.server.at_least(2, 11) ? 0.8 : 1.0, compared_with::raw};
  run.out.add(row);
  auto parsed = run.make_row("the same, beside cnats with Boost.JSON", "events/s");
  parsed.aether = row.aether;
  parsed.raw = static_cast<double>(r.events) / medians[2];
  run.out.add(parsed);
  auto const peak = peak_of_child({"--replay", "--url", url, "--stream", stream}) -
                    peak_of_child({"--idle", "--url", url, "--stream", stream});
  remove_stream(url, stream);
  auto memory = run.make_row("peak memory of that replay, above one that only opened the store", "MB");
  memory.aether = peak;
  memory.target = target{bound::at_most, 64, compared_with::nothing};
  run.out.add(memory);
}

int replay_and_tell_peak(options const& wanted) {
  replay r;
  with_store(wanted.url, wanted.stream, wanted.replay ? &replay_all : &do_nothing, r);
  std::cout << peak_megabytes() << std::endl;
  return 0;
}

void measure_live_delivery(server_run const& run) {
  auto const url = run.server.url();
  make_stream(url, stream);
  std::vector<live_times> all;
  for (std::size_t i = 0; i <= run.wanted.rounds; ++i) {
    live_times t;
    t.saves = run.wanted.scaled(3'000, 500);
    t.round = i;
    with_store(url, stream, &save_and_wait, t);
    if (i > 0) // the first warms up
      all.push_back(t);
  }
  remove_stream(url, stream);
  std::vector<double> saves, deliveries;
  for (auto const& t : all) {
    saves.push_back(t.save);
    deliveries.push_back(t.delivery);
  }
  auto row = run.make_row("live delivery: from the save's end to next()'s, beside the save", "us");
  row.aether = median(deliveries) * 1e6;
  row.floor = median(saves) * 1e6;
  row.target = target{bound::at_most, 2, compared_with::floor};
  run.out.add(row);
}

} // namespace aether::benchmark
