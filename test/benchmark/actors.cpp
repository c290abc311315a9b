// Actors beside bare saves of the same events: many, one that everybody wants, from two processes, cold, and in memory.
#include "benchmark/floor_client.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <aether/actor.hpp>
#include <aether/memory_event_store.hpp>
#include <aether/task_group.hpp>
#include <support/account.hpp>
#include <support/child_process.hpp>
#include <support/temporary_directory.hpp>

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
using test::account;
using test::deposit;
using store_ptr = std::shared_ptr<event_store>;

constexpr char const* stream = "actors";

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

actor_host_options host_options() {
  actor_host_options options;
  options.max_actors = 100'000;
  options.command_timeout = 60s;
  return options;
}

awaitable<void> save_deposits(store_ptr store, std::string id, std::size_t count, std::int64_t& version) {
  for (std::size_t i = 0; i < count; ++i) {
    boost::json::object data;
    data["reference"] = "ref";
    data["amount"] = 1;
    auto e = make_event("Deposited", id, ++version, std::move(data));
    co_await store->save_event(std::move(e));
  }
}

awaitable<void> command_deposits(actor<account> a, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    co_await a.execute<deposit>("ref", 1);
}

std::string actor_id(char const* kind, std::size_t i) { return std::string(kind) + "-" + std::to_string(i); }

struct rates {
  double commands = 0, saves = 0;
};

/// Rounds in one session, so that the actors stay warm: commands on all of them, and bare saves of as many others.
awaitable<rates> many_actors(server_run const& run, std::size_t actors, std::size_t each) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = co_await open_store(run.server.url());
  actor_host host(executor, store, host_options());
  std::vector<std::int64_t> versions(actors);
  std::vector<double> commands, saves;
  for (std::size_t round = 0; round <= run.wanted.rounds; ++round) {
    stopwatch watch;
    {
      task_group group(executor);
      for (std::size_t i = 0; i < actors; ++i)
        group.spawn(command_deposits(host.get<account>(actor_id("account", i)), each));
      co_await group.join();
    }
    commands.push_back(watch.per_second(actors * each));
    watch = {};
    {
      task_group group(executor);
      for (std::size_t i = 0; i < actors; ++i)
        group.spawn(save_deposits(store, actor_id("bare", i), each, versions[i]));
      co_await group.join();
    }
    saves.push_back(watch.per_second(actors * each));
  }
  co_await host.close();
  co_await store->close();
  rates r; // the first round loaded the actors
  r.commands = median({commands.begin() + 1, commands.end()});
  r.saves = median({saves.begin() + 1, saves.end()});
  co_return r;
}

awaitable<rates> one_hot_actor(server_run const& run, std::size_t clients, std::size_t each) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = co_await open_store(run.server.url());
  actor_host host(executor, store, host_options());
  std::vector<double> commands, saves;
  std::int64_t version = 0;
  for (std::size_t round = 0; round <= run.wanted.rounds; ++round) {
    stopwatch watch;
    {
      task_group group(executor);
      for (std::size_t i = 0; i < clients; ++i)
        group.spawn(command_deposits(host.get<account>("hot-1"), each));
      co_await group.join();
    }
    commands.push_back(watch.per_second(clients * each));
    watch = {};
    auto const some = clients * each / 10;
    co_await save_deposits(store, "alone-1", some, version);
    saves.push_back(watch.per_second(some));
  }
  co_await host.close();
  co_await store->close();
  rates r;
  r.commands = median({commands.begin() + 1, commands.end()});
  r.saves = median({saves.begin() + 1, saves.end()});
  co_return r;
}

constexpr std::size_t shared_actors = 100, clients_an_actor = 4;

awaitable<double> commands_of_one_process(std::string url, std::string ids, std::size_t count) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = co_await open_store(std::move(url));
  actor_host host(executor, store, host_options());
  stopwatch watch;
  task_group group(executor);
  for (std::size_t i = 0; i < shared_actors * clients_an_actor; ++i)
    group.spawn(command_deposits(host.get<account>(actor_id(ids.c_str(), i % shared_actors)),
                                 count / shared_actors / clients_an_actor));
  co_await group.join();
  auto const rate = watch.per_second(count);
  co_await host.close();
  co_await store->close();
  co_return rate;
}

/// So many processes on the same actors, each with its share; all together.
double commands_of_processes(server_run const& run, std::size_t processes, std::size_t count, std::size_t round) {
  test::temporary_directory const directory;
  std::vector<test::child_process> children;
  stopwatch watch;
  for (std::size_t i = 0; i < processes; ++i) {
    std::vector<std::string> command{"/proc/self/exe",
                                     "--commands",
                                     std::to_string(count / processes),
                                     "--url",
                                     run.server.url(),
                                     "--stream",
                                     "by" + std::to_string(processes) + "in" + std::to_string(round)};
    children.emplace_back(std::move(command), directory.path() / std::to_string(i));
  }
  for (std::size_t i = 0; i < processes; ++i)
    if (children[i].wait(5min) != 0)
      throw std::runtime_error("a process that gives commands failed: " +
                               test::read_file(directory.path() / std::to_string(i)));
  return watch.per_second(count);
}

struct cold_start {
  double messages = 0, microseconds = 0;
};

/// Deposits of one actor, as those publish them who only know subjects and bytes.
void store_deposits(server_run const& run, std::string const& id, std::size_t count) {
  workload w;
  w.actors = 1;
  w.events.reserve(count);
  for (std::size_t i = 1; i <= count; ++i) {
    boost::json::object data;
    data["reference"] = "ref";
    data["amount"] = 1;
    w.events.push_back(make_event("Deposited", id, static_cast<std::int64_t>(i), std::move(data)));
  }
  floor_client floor(run.server.port());
  floor.save_all(w, w.encoded(stream), 4'096, 0);
}

/// An actor with a snapshot and 50 events behind it, loaded by one host after the other.
awaitable<cold_start> start_cold(server_run const& run, std::size_t events) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto on = co_await nats::connection::connect(run.server.url());
  auto opened = co_await nats::jetstream_event_store::open(on, stream);
  auto const store = std::make_shared<nats::jetstream_event_store>(std::move(opened));
  auto const id = "cold-" + std::to_string(events);
  store_deposits(run, id, events - 1);
  {
    auto options = host_options();
    options.snapshots = snapshot_policy::every(1);
    actor_host host(executor, store, options);
    co_await host.get<account>(id).version(); // what was read is worth one
    while (host.metrics().snapshots == 0)
      co_await machine_time()->sleep_for(1ms);
    co_await command_deposits(host.get<account>(id), 1); // and so is this
    co_await host.close();
  }
  auto const snapshot = co_await store->latest_snapshot(id);
  if (snapshot.version != static_cast<std::int64_t>(events))
    throw std::runtime_error("a snapshot at version " + std::to_string(snapshot.version));
  {
    auto options = host_options();
    options.snapshots = snapshot_policy::every(1'000'000);
    actor_host host(executor, store, options);
    co_await command_deposits(host.get<account>(id), 50);
    co_await host.close();
  }
  cold_start c;
  std::vector<double> times;
  for (std::size_t round = 0; round <= run.wanted.rounds; ++round) {
    auto options = host_options();
    options.snapshots = snapshot_policy::every(1'000'000);
    actor_host host(executor, store, options);
    auto const before = on.statistics().messages_out;
    stopwatch watch;
    auto const version = co_await host.get<account>(id).version();
    times.push_back(watch.microseconds_each(1));
    c.messages = static_cast<double>(on.statistics().messages_out - before);
    if (version != static_cast<std::int64_t>(events + 50))
      throw std::runtime_error("loaded at version " + std::to_string(version));
    co_await host.close();
  }
  co_await store->close();
  co_await on.close();
  c.microseconds = median({times.begin() + 1, times.end()});
  co_return c;
}

std::size_t bytes_in_use() {
  auto const m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

struct footprint {
  double warm = 0, evicted = 0;
};

/// Each actor with as many command ids as it remembers.
awaitable<footprint> memory_of_actors(std::size_t actors) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const store = std::make_shared<memory_event_store>(executor);
  auto options = host_options();
  options.snapshots = snapshot_policy::never();
  auto const id_of = [](std::size_t i) { return actor_id("account-with-a-longer-id", 1'000'000 + i); };
  for (std::size_t i = 0; i < actors; ++i)
    for (std::int64_t version = 1; version <= 32; ++version) {
      boost::json::object data;
      data["reference"] = "r";
      data["amount"] = 1;
      auto e = make_event("Deposited", id_of(i), version, std::move(data));
      e.command_id = actor_id("command", static_cast<std::size_t>(version));
      co_await store->save_event(std::move(e));
    }
  // Once before it is measured: what is made for the first actors stays.
  footprint f;
  for (int round = 0; round < 2; ++round) {
    actor_host host(executor, store, options);
    co_await host.get<account>(id_of(0)).version();
    malloc_trim(0);
    auto const before = bytes_in_use();
    for (std::size_t i = 1; i < actors; ++i)
      co_await host.get<account>(id_of(i)).version();
    auto const each = [&] {
      malloc_trim(0);
      return (static_cast<double>(bytes_in_use()) - static_cast<double>(before)) / static_cast<double>(actors - 1);
    };
    f.warm = each();
    co_await host.close();
    f.evicted = std::max(each(), 0.0);
  }
  co_return f;
}

} // namespace

int give_commands(options const& wanted) {
  boost::asio::io_context context(1);
  run_on(context, commands_of_one_process(wanted.url, wanted.stream, wanted.commands));
  return 0;
}

void measure_actors(server_run const& run) {
  boost::asio::io_context context(1);
  auto const groups = run.server.at_least(2, 12);
  on_new_stream(run, [&] {
    auto const actors = run.wanted.scaled(10'000, 1'000);
    auto const measured = run_on(context, many_actors(run, actors, 5));
    auto r = run.make_row("commands on " + std::string(run.wanted.quick ? "1,000" : "10,000") +
                              " warm actors, beside bare saves",
                          "commands/s");
    r.aether = measured.commands;
    r.raw = measured.saves;
    r.target = target{bound::at_least, 0.9, compared_with::raw};
    run.out.add(r);
  });
  on_new_stream(run, [&] {
    auto const measured = run_on(context, one_hot_actor(run, 100, run.wanted.scaled(100, 20)));
    auto r = run.make_row("commands of 100 clients on one actor, beside one save at a time", "commands/s");
    r.aether = measured.commands;
    r.raw = measured.saves;
    if (groups)
      r.target = target{bound::at_least, 5, compared_with::raw};
    run.out.add(r);
  });
  on_new_stream(run, [&] {
    auto const count = run.wanted.scaled(40'000, 8'000);
    std::vector<side> sides;
    for (std::size_t const processes : {2u, 1u})
      sides.emplace_back(
          [&, processes](std::size_t round) { return commands_of_processes(run, processes, count, round); });
    auto const medians = interleaved(run.wanted.rounds, sides);
    auto r = run.make_row("commands on 100 actors by two processes, beside one", "commands/s");
    r.aether = medians[0];
    r.raw = medians[1];
    if (groups)
      r.target = target{bound::at_least, 0.5, compared_with::raw};
    run.out.add(r);
  });
  for (auto const events : {std::size_t{1'000}, run.wanted.scaled(1'000'000, 10'000)})
    on_new_stream(run, [&] {
      auto const measured = run_on(context, start_cold(run, events));
      auto const what = "cold start of an actor, snapshot at version " + std::to_string(events) + ", 50 events behind";
      auto r = run.make_row(what + ", messages sent", "each");
      r.aether = measured.messages;
      r.target = target{bound::at_most, run.server.at_least(2, 11) ? 3.0 : 5.0, compared_with::nothing};
      run.out.add(r);
      r = run.make_row(what + ", time", "us");
      r.aether = measured.microseconds;
      run.out.add(r);
    });
}

void measure_actor_memory(options const& wanted, report& out) {
  boost::asio::io_context context(1);
  auto const f = run_on(context, memory_of_actors(wanted.scaled(10'000, 1'000)));
  row r;
  r.work = "memory of a warm actor, 32 command ids with it, beside its state";
  r.unit = "bytes";
  r.aether = f.warm - static_cast<double>(sizeof(account::state));
  r.target = target{bound::at_most, 1'024, compared_with::nothing};
  out.add(r);
  r.work = "memory of an evicted actor";
  r.aether = f.evicted;
  r.target = target{bound::at_most, 0, compared_with::nothing};
  out.add(r);
}

} // namespace aether::benchmark
