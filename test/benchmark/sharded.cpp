// A store over eight streams beside one over a single stream, and what finding an actor's stream costs.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/memory_event_store.hpp>
#include <aether/nats/sharded_store.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <memory>
#include <string>

namespace aether::benchmark {
namespace {

constexpr char const* name = "wide";
constexpr std::size_t streams = 8;
constexpr std::size_t actors = 1'000;

using store_ptr = std::shared_ptr<event_store>;

awaitable<void> save_in_turn(store_ptr store, std::string actor_id, std::int64_t events) {
  for (std::int64_t version = 1; version <= events; ++version) {
    auto e = sample_event(actor_id, version);
    co_await store->save_event(std::move(e));
  }
}

awaitable<double> saves_per_second(store_ptr store, std::size_t count) {
  task_group writers(co_await boost::asio::this_coro::executor);
  stopwatch watch;
  for (std::size_t actor = 0; actor < actors; ++actor)
    writers.spawn(save_in_turn(store, "order-many" + std::to_string(actor), static_cast<std::int64_t>(count / actors)));
  co_await writers.join();
  co_return watch.per_second(count);
}

awaitable<double> on_many_streams(std::string url, std::size_t count) {
  auto on = co_await nats::connection::connect(std::move(url));
  nats::sharded_config config;
  config.stream_count = streams;
  auto opened = co_await nats::open_sharded_store(on, name, config);
  auto store = std::make_shared<sharded_event_store>(opened);
  auto const rate = co_await saves_per_second(store, count);
  co_await store->close();
  co_await on.close();
  co_return rate;
}

awaitable<double> on_one_stream(std::string url, std::size_t count) {
  auto on = co_await nats::connection::connect(std::move(url));
  auto opened = co_await nats::jetstream_event_store::open(on, name);
  auto store = std::make_shared<nats::jetstream_event_store>(opened);
  auto const rate = co_await saves_per_second(store, count);
  co_await store->close();
  co_await on.close();
  co_return rate;
}

double run_once(awaitable<double> work) {
  boost::asio::io_context context(1);
  return run_on(context, std::move(work));
}

/// Refused ones, which no store does anything for but look.
awaitable<double> nanoseconds_a_save(store_ptr store, std::size_t count) {
  constexpr std::size_t at_a_stretch = 250; // few enough to stay in the processor's cache
  for (std::size_t i = 0; i < 100; ++i)
    co_await store->save_event(sample_event("order-" + std::to_string(i), 2));
  double seconds = 0;
  for (std::size_t done = 0; done < count; done += at_a_stretch) {
    std::vector<event> events;
    for (std::size_t i = 0; i < at_a_stretch; ++i)
      events.push_back(sample_event("order-" + std::to_string(i % 100), 1));
    stopwatch watch;
    for (auto& e : events) {
      auto const outcome = co_await store->try_save_event(std::move(e));
      if (outcome.index() != 0)
        throw std::runtime_error("a save was not refused");
    }
    seconds += watch.seconds();
  }
  co_return seconds * 1e9 / static_cast<double>(count);
}

double nanoseconds_on_memory(bool sharded, std::size_t count) {
  boost::asio::io_context context(1);
  store_ptr store = std::make_shared<memory_event_store>(context.get_executor());
  if (sharded) {
    std::vector<store_ptr> stores;
    for (std::size_t i = 0; i < streams; ++i)
      stores.push_back(std::make_shared<memory_event_store>(context.get_executor()));
    store = std::make_shared<sharded_event_store>(std::move(stores));
  }
  return run_on(context, nanoseconds_a_save(store, count));
}

} // namespace

void measure_sharded(server_run const& run) {
  auto const count = run.wanted.scaled(100'000, 50'000);
  auto const url = run.server.url();
  side const many = [&](std::size_t) {
    auto const rate = run_once(on_many_streams(url, count));
    for (std::size_t i = 0; i < streams; ++i)
      remove_stream(url, nats::sharded_stream_name(name, i));
    return rate;
  };
  side const one = [&](std::size_t) {
    auto const rate = run_once(on_one_stream(url, count));
    remove_stream(url, name);
    return rate;
  };
  auto const medians = interleaved(run.wanted.rounds, {many, one});
  auto r = run.make_row("awaited saves, 1,000 actors, over 8 streams; beside one stream", "saves/s");
  r.aether = medians[0];
  r.raw = medians[1];
  r.target = target{bound::at_least, 0.9, compared_with::raw};
  run.out.add(r);
}

void measure_routing(options const& wanted, report& out) {
  auto const count = wanted.scaled(1'000'000, 200'000);
  side const with = [&](std::size_t) { return nanoseconds_on_memory(true, count); };
  side const without = [&](std::size_t) { return nanoseconds_on_memory(false, count); };
  auto const medians = interleaved(wanted.rounds, {with, without});
  row r;
  r.work = "a save's way to its stream, of 8 (refused saves, memory store)";
  r.unit = "ns more";
  r.aether = medians[0] - medians[1];
  r.target = target{bound::at_most, 100, compared_with::nothing};
  out.add(r);
}

} // namespace aether::benchmark
