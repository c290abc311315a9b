// What a million actors cost a store: memory in its version cache, and processor time a save.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <malloc.h>
#include <sys/resource.h>

namespace aether::benchmark {
namespace {

constexpr std::size_t at_once = 1'000;
constexpr std::size_t few = 1'000;
constexpr std::size_t large_cache = 1'000'000'000;

struct population {
  std::string url;
  std::size_t actors = 0;
  std::size_t saves = 0; // that are measured, all actors in turn
  std::size_t cache_bytes = 0;
  double bytes_each = 0;    // of an actor in the cache, beside its id
  double microseconds = 0;  // of processor time, each save

  population() = default;
};

std::string actor_name(std::size_t i) { return "order-" + std::to_string(100'000'000 + i); }

/// Every `at_once`th save: so many are under way.
awaitable<void> save_some(nats::jetstream_event_store store, population const& p, std::size_t first, std::size_t begin,
                          std::size_t end) {
  for (auto i = begin + first; i < end; i += at_once) {
    auto e = sample_event(actor_name(i % p.actors), static_cast<std::int64_t>(i / p.actors) + 1);
    co_await store.save_event(std::move(e));
  }
}

awaitable<void> save_range(nats::jetstream_event_store store, population const& p, std::size_t begin, std::size_t end) {
  task_group group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < at_once; ++i)
    group.spawn(save_some(store, p, i, begin, end));
  co_await group.join();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto const seconds = [](timeval const& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double allocated_bytes() {
  auto const info = ::mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

awaitable<bool> populate(population& p) {
  auto on = co_await nats::connection::connect(p.url);
  nats::jetstream_config config;
  config.version_cache_bytes = p.cache_bytes;
  auto store = co_await nats::jetstream_event_store::open(on, "peopled", config);
  auto const before = allocated_bytes();
  co_await save_range(store, p, 0, p.actors); // each for the first time
  auto const ids = static_cast<double>(p.actors * actor_name(0).size());
  p.bytes_each = (allocated_bytes() - before - ids) / static_cast<double>(p.actors);
  auto const began = processor_seconds();
  co_await save_range(store, p, p.actors, p.actors + p.saves);
  p.microseconds = (processor_seconds() - began) * 1e6 / static_cast<double>(p.saves);
  co_await store.close();
  co_await on.close();
  co_return true;
}

population measured(server_run const& run, std::size_t actors, std::size_t saves, std::size_t cache_bytes) {
  population p;
  p.url = run.server.url();
  p.actors = actors;
  p.saves = saves;
  p.cache_bytes = cache_bytes;
  make_stream(p.url, "peopled");
  boost::asio::io_context context(1);
  run_on(context, populate(p));
  remove_stream(p.url, "peopled");
  return p;
}

} // namespace

void measure_many_actors(server_run const& run) {
  auto const many = run.wanted.scaled(1'000'000, 100'000);
  auto const saves = run.wanted.scaled(200'000, 50'000);
  std::vector<double> few_cost, many_cost, many_bytes, missed_cost;
  for (std::size_t round = 0; round < std::min<std::size_t>(run.wanted.rounds, 3); ++round) {
    few_cost.push_back(measured(run, few, saves, large_cache).microseconds);
    auto const all = measured(run, many, saves, large_cache);
    many_cost.push_back(all.microseconds);
    many_bytes.push_back(all.bytes_each);
    missed_cost.push_back(measured(run, many / 10, saves, many).microseconds); // not even every tenth has room
  }
  auto const number = many == 1'000'000 ? std::string("1,000,000") : std::string("100,000");
  auto r = run.make_row("memory of one of " + number + " actors in the version cache, beside its id", "bytes");
  r.aether = median(many_bytes);
  r.target = target{bound::at_most, 200, compared_with::nothing};
  run.out.add(r);
  r = run.make_row("processor time of a save, " + number + " actors beside 1,000", "us");
  r.aether = median(many_cost);
  r.floor = median(few_cost);
  r.target = target{bound::at_most, 1.2, compared_with::floor};
  run.out.add(r);
  r.work = "the same, a tenth of the actors and a cache for few of them: one leader read more";
  r.aether = median(missed_cost);
  r.target.reset();
  run.out.add(r);
}

} // namespace aether::benchmark
