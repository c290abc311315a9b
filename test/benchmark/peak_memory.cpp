// How much memory a process takes at most that has saved an event of each of 1,000,000 actors: a child of this one.
#include "benchmark/peak.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <iostream>
#include <unordered_map>

namespace aether::benchmark {
namespace {

constexpr std::size_t at_once = 1'000;
constexpr double cache_megabytes = 64; // jetstream_config::version_cache_bytes, by default
constexpr double allowed_megabytes = 64;

std::string actor_name(std::size_t i) { return "order-touched-" + std::to_string(i); }

awaitable<void> touch_every(nats::jetstream_event_store store, std::size_t first, std::size_t step, std::size_t count) {
  for (auto i = first; i < count; i += step) {
    auto e = sample_event(actor_name(i), 1);
    co_await store.save_event(std::move(e));
  }
}

awaitable<double> touch_all(nats::connection, nats::jetstream_event_store store, std::size_t& count) {
  auto const executor = co_await boost::asio::this_coro::executor;
  task_group group(executor);
  for (std::size_t i = 0; i < at_once; ++i)
    group.spawn(touch_every(store, i, at_once, count));
  co_await group.join();
  co_return 0.0;
}

} // namespace

int touch_actors(options const& wanted) {
  auto count = wanted.touch_actors;
  if (wanted.url.empty()) {
    std::unordered_map<std::string, std::int64_t> versions;
    for (std::size_t i = 0; i < count; ++i)
      versions[actor_name(i)] = sample_event(actor_name(i), 1).version;
  } else {
    with_store(wanted.url, wanted.stream, &touch_all, count);
  }
  std::cout << peak_megabytes() << std::endl;
  return 0;
}

void measure_peak_memory(server_run const& run) {
  auto const count = run.wanted.scaled(1'000'000, 100'000);
  auto const number = std::to_string(count);
  auto const url = run.server.url();
  make_stream(url, "touched");
  auto r = run.make_row(count == 1'000'000 ? "peak memory after saves of 1,000,000 actors, beside a map"
                                           : "peak memory after saves of 100,000 actors, beside a map",
                        "MB");
  r.aether = peak_of_child({"--touch-actors", number, "--url", url, "--stream", "touched"});
  r.floor = peak_of_child({"--touch-actors", number});
  r.target = target{bound::at_most, cache_megabytes + allowed_megabytes, compared_with::nothing};
  run.out.add(r);
  remove_stream(url, "touched");
}

} // namespace aether::benchmark
