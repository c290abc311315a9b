// Workflows of five steps beside bare saves, 10,000 unfinished ones after a restart, and what one takes in memory.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <aether/memory_event_store.hpp>
#include <aether/task_group.hpp>
#include <aether/workflow_host.hpp>

#include <boost/asio/this_coro.hpp>

#include <malloc.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace aether::benchmark {
namespace {

using namespace std::chrono_literals;
using store_ptr = std::shared_ptr<event_store>;

constexpr char const* stream = "workflows";
constexpr std::size_t saves_of_one = 6;

workflow_type<int, int> const five("five");
workflow_type<int, int> const waits("waits");

template <class Body> void on_new_stream(server_run const& run, Body body) {
  make_stream(run.server.url(), stream);
  body();
  remove_stream(run.server.url(), stream);
}

awaitable<store_ptr> open_store(std::string url) {
  auto const on = co_await nats::connection::connect(std::move(url));
  auto store = co_await nats::jetstream_event_store::open(on, stream);
  co_return std::make_shared<nats::jetstream_event_store>(std::move(store));
}

awaitable<int> one_step(int value) { co_return value; }

awaitable<int> five_steps(workflow wf, int start) {
  int total = start;
  for (int i = 1; i <= 5; ++i) {
    auto const one = [&] { return one_step(i); };
    total += co_await wf.step("step " + std::to_string(i), one);
  }
  co_return total;
}

// Five events when it has finished: started, a step, the signal, a step, the end.
awaitable<int> wait_for_signal(workflow wf, int start) {
  auto const first = [&] { return one_step(1); };
  int total = start + co_await wf.step("first", first);
  total += co_await wf.signal<int>("go");
  auto const second = [&] { return one_step(2); };
  total += co_await wf.step("second", second);
  co_await wf.now("end");
  co_return total;
}

workflow_host make_host(boost::asio::any_io_executor executor, store_ptr store, std::size_t max_resident = 0) {
  workflow_host_options options;
  options.name = "benchmark";
  options.max_resident = max_resident;
  workflow_host host(executor, store, options);
  host.add(five, five_steps);
  host.add(waits, wait_for_signal);
  return host;
}

awaitable<void> run_some(workflow_client client, std::string prefix, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto const id = prefix + "-" + std::to_string(i);
    co_await client.start(five, id, 0);
    int const result = co_await client.result(five, id);
    if (result != 15)
      throw std::runtime_error("workflow " + id + " gave " + std::to_string(result));
  }
}

awaitable<void> save_some(store_ptr store, std::string prefix, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto const id = prefix + "-" + std::to_string(i);
    for (std::size_t version = 1; version <= saves_of_one; ++version) {
      boost::json::object data;
      data["host"] = "benchmark";
      data["run"] = 1;
      data["since"] = 1;
      auto e = make_event("workflow_advanced", id, static_cast<std::int64_t>(version), std::move(data));
      co_await store->save_event(std::move(e));
    }
  }
}

struct rates {
  double workflows = 0, saves = 0; ///< saves a second of each
};

awaitable<rates> side_by_side(server_run const& run, std::size_t lanes, std::size_t each) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = co_await open_store(run.server.url());
  auto host = make_host(executor, store);
  co_await host.open();
  std::vector<double> workflows, saves;
  for (std::size_t round = 0; round <= run.wanted.rounds; ++round) {
    stopwatch watch;
    {
      task_group group(executor);
      for (std::size_t lane = 0; lane < lanes; ++lane)
        group.spawn(run_some(host.client(), std::to_string(round) + "." + std::to_string(lane), each));
      co_await group.join();
    }
    workflows.push_back(watch.per_second(lanes * each * saves_of_one));
    watch = {};
    {
      task_group group(executor);
      for (std::size_t lane = 0; lane < lanes; ++lane)
        group.spawn(save_some(store, "bare-" + std::to_string(round) + "." + std::to_string(lane), each));
      co_await group.join();
    }
    saves.push_back(watch.per_second(lanes * each * saves_of_one));
  }
  auto const events = co_await store->get_events("five-0.0-0");
  if (events.size() != saves_of_one)
    throw std::runtime_error("a workflow of five steps took " + std::to_string(events.size()) + " saves");
  co_await host.close();
  co_await store->close();
  rates r;
  r.workflows = median({workflows.begin() + 1, workflows.end()});
  r.saves = median({saves.begin() + 1, saves.end()});
  co_return r;
}

awaitable<void> start_some(workflow_client client, std::size_t first, std::size_t last, std::size_t finished_first) {
  for (auto i = first; i < last; ++i) {
    auto const id = std::to_string(i);
    co_await client.start(waits, id, 0);
    if (i < finished_first)
      continue;
    co_await client.signal(waits, id, "go", 1);
    co_await client.result(waits, id);
  }
}

struct restart {
  double seconds = 0, reacted = 0;
};

/// `unfinished` of them wait for a signal; the others have finished.
awaitable<restart> start_again(server_run const& run, std::size_t unfinished, std::size_t all) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = co_await open_store(run.server.url());
  {
    auto host = make_host(executor, store, all);
    co_await host.open();
    task_group group(executor);
    constexpr std::size_t lanes = 500;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      group.spawn(start_some(host.client(), all * lane / lanes, all * (lane + 1) / lanes, unfinished));
    co_await group.join();
    co_await host.close();
  }
  restart r;
  stopwatch watch;
  auto host = make_host(executor, store, all);
  co_await host.open();
  while (host.metrics().resumed < unfinished || host.metrics().waiting > 0)
    co_await machine_time()->sleep_for(5ms);
  r.seconds = watch.seconds();
  watch = {};
  auto const signal = [](workflow_client client, std::size_t first, std::size_t last) -> awaitable<void> {
    for (auto i = first; i < last; ++i)
      co_await client.signal(waits, std::to_string(i), "go", 1);
    for (auto i = first; i < last; ++i)
      co_await client.result(waits, std::to_string(i));
  };
  task_group group(executor);
  constexpr std::size_t lanes = 100;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    group.spawn(signal(host.client(), unfinished * lane / lanes, unfinished * (lane + 1) / lanes));
  co_await group.join();
  r.reacted = watch.seconds();
  co_await host.close();
  co_await store->close();
  co_return r;
}

std::size_t bytes_in_use() {
  auto const m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

struct footprint {
  double parked = 0, evicted = 0;
};

/// They are all in memory with one host, and hardly any of them with the next.
awaitable<footprint> memory_of_workflows(std::size_t count) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = std::make_shared<memory_event_store>(executor);
  auto const resumed = [&](workflow_host host) -> awaitable<void> {
    co_await host.open();
    while (host.metrics().resumed < count || host.metrics().waiting > 0)
      co_await machine_time()->sleep_for(5ms);
    co_await machine_time()->sleep_for(100ms);
  };
  auto const ended = [](workflow_host host) -> awaitable<void> {
    co_await host.close();
    co_await machine_time()->sleep_for(100ms);
  };
  {
    auto first = make_host(executor, store, count + 1);
    co_await first.open();
    for (std::size_t i = 0; i < count; ++i)
      co_await first.client().start(waits, std::to_string(i), 0);
    co_await machine_time()->sleep_for(1s);
    co_await ended(first);
  }
  footprint f;
  std::size_t before = 0;
  auto const each = [&] {
    malloc_trim(0);
    return (static_cast<double>(bytes_in_use()) - static_cast<double>(before)) / static_cast<double>(count);
  };
  before = bytes_in_use();
  {
    auto host = make_host(executor, store, count + 1);
    co_await resumed(host);
    f.parked = each();
    co_await ended(host);
  }
  malloc_trim(0);
  before = bytes_in_use();
  auto host = make_host(executor, store, 10);
  co_await resumed(host);
  f.evicted = std::max(each(), 0.0);
  if (host.metrics().evicted + 10 < count)
    throw std::runtime_error("they are in memory: " + std::to_string(host.metrics().resident));
  co_await ended(host);
  co_return f;
}

} // namespace

void measure_workflows(server_run const& run) {
  boost::asio::io_context context(1);
  on_new_stream(run, [&] {
    auto const measured = run_on(context, side_by_side(run, 1'000, run.wanted.scaled(10, 2)));
    auto r = run.make_row("saves of workflows of 5 steps, 1,000 at once, beside bare saves", "saves/s");
    r.aether = measured.workflows;
    r.raw = measured.saves;
    r.target = target{bound::at_least, 0.7, compared_with::raw};
    run.out.add(r);
  });
  on_new_stream(run, [&] {
    auto const unfinished = run.wanted.scaled(10'000, 1'000);
    auto const measured = run_on(context, start_again(run, unfinished, unfinished * 10));
    auto r = run.make_row(std::string(run.wanted.quick ? "1,000" : "10,000") +
                              " unfinished workflows among ten times as many, until all are back",
                          "s");
    r.aether = measured.seconds;
    r.target = target{bound::at_most, 10, compared_with::nothing};
    run.out.add(r);
    r = run.make_row("until each of them has been signalled and has finished", "s");
    r.aether = measured.reacted;
    run.out.add(r);
  });
}

void measure_workflow_memory(options const& wanted, report& out) {
  boost::asio::io_context context(1);
  auto const f = run_on(context, memory_of_workflows(wanted.scaled(10'000, 1'000)));
  row r;
  r.work = "memory of a workflow that waits for a signal";
  r.unit = "bytes";
  r.aether = f.parked;
  r.target = target{bound::at_most, 16 * 1'024, compared_with::nothing};
  out.add(r);
  r.work = "memory of a workflow that was evicted";
  r.aether = f.evicted;
  r.target = target{bound::at_most, 0, compared_with::nothing};
  out.add(r);
}

} // namespace aether::benchmark
