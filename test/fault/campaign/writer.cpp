// What a writer does, as coroutines on one thread.
#include "fault/campaign/writer.hpp"

#include "fault/campaign/logged_store.hpp"

#include <support/run.hpp>

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

namespace aether::fault {
namespace {

using namespace std::chrono_literals;

awaitable<void> pause(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

// What the calls of one process know together.
struct shared_state {
  writer_plan plan;
  std::mt19937_64 random;
  std::vector<std::int64_t> versions; // of each actor that is wandered over, as far as it was told

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); }
  bool stopped() const { return std::filesystem::exists(plan.stop); }
};

std::string actor_name(std::size_t number) { return "order-" + std::to_string(number); }

event event_for(shared_state const& s, std::size_t actor, std::int64_t version) {
  auto e = fault_event(actor_name(actor), version);
  if (s.plan.payload > 0)
    e.data["filling"] = std::string(static_cast<std::size_t>(s.plan.payload), 'x');
  return e;
}

save_options options_for(shared_state const& s, std::int64_t version) {
  save_options options;
  options.timeout = call_timeout;
  if (s.plan.expects == expectation::expected_version)
    options.expected_version = version - 1;
  return options;
}

// Saves the event, again while its outcome is unknown: now and then it is left so, as a program that gives up does.
awaitable<operation> save_until_known(logged_store const& store, shared_state& s, std::size_t actor,
                                      std::int64_t version) {
  auto const e = event_for(s, actor, version);
  operation o;
  for (;;) {
    o = co_await store.save(e, options_for(s, version));
    if (o.end != call_end::unknown && o.end != call_end::failed)
      co_return o;
    if (s.stopped() || (s.plan.gives_up && s.below(8) == 0))
      co_return o;
    if (o.end == call_end::failed)
      co_await pause(20ms);
  }
}

awaitable<void> read(logged_store const& store, std::size_t actor, bool events, std::int64_t after) {
  operation o;
  if (events)
    o = co_await store.get_events(actor_name(actor), after, call_options{.timeout = call_timeout});
  else
    o = co_await store.latest_version(actor_name(actor), call_options{.timeout = call_timeout});
  if (o.end == call_end::failed)
    co_await pause(20ms);
}

awaitable<void> wander(logged_store store, std::shared_ptr<shared_state> s) {
  while (!s->stopped()) {
    if (s->plan.rest > 0ms)
      co_await pause(s->plan.rest);
    auto const actor = s->below(s->versions.size());
    auto const dice = s->below(40);
    if (dice < 2) {
      // Not the whole of a long history: each event is logged.
      co_await read(store, actor, dice == 0, std::max<std::int64_t>(0, s->versions[actor] - 100));
      continue;
    }
    auto const version = s->versions[actor] + 1;
    operation const o = co_await save_until_known(store, *s, actor, version);
    if (o.end == call_end::saved || o.end == call_end::already_saved)
      s->versions[actor] = std::max(s->versions[actor], version);
    else if (o.end == call_end::conflict)
      s->versions[actor] = o.version;
  }
}

awaitable<bool> is_new(logged_store const& store, std::size_t actor) {
  operation const o = co_await store.latest_version(actor_name(actor), call_options{.timeout = call_timeout});
  co_return o.end != call_end::answered || o.version == 0;
}

// Among first, first + step, …: the last actor before the first new one. Who comes late begins where the others are.
awaitable<std::size_t> find_head(logged_store const& store, std::size_t first, std::size_t step) {
  std::size_t known = 0, beyond = 1;
  for (;; known = beyond, beyond *= 2) {
    bool const new_there = co_await is_new(store, first + beyond * step);
    if (new_there)
      break;
  }
  while (known + 1 < beyond) {
    auto const middle = (known + beyond) / 2;
    bool const new_there = co_await is_new(store, first + middle * step);
    (new_there ? beyond : known) = middle;
  }
  co_return first + known* step;
}

awaitable<void> contend(logged_store store, std::shared_ptr<shared_state> s, std::size_t first) {
  auto const step = static_cast<std::size_t>(s->plan.side_by_side);
  std::size_t actor = co_await find_head(store, first, step);
  for (; actor < static_cast<std::size_t>(s->plan.actors); actor += step) {
    for (std::int64_t version = 1; version <= s->plan.versions; ++version) {
      if (s->stopped())
        co_return;
      operation const o = co_await save_until_known(store, *s, actor, version);
      // With an expectation a version may be refused because the one before is missing: whose writer gave up.
      if (o.end == call_end::conflict && o.version < version - 1)
        version = o.version;
    }
    if (s->below(4) < 2)
      co_await read(store, actor, s->below(2) == 0, 0);
  }
}

std::vector<std::string> words_of(std::string const& urls) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < urls.size();) {
    auto const end = std::min(urls.find(',', at), urls.size());
    all.push_back(urls.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

// The server may be down when the process starts.
awaitable<std::shared_ptr<nats::jetstream_event_store>> open(std::shared_ptr<shared_state> s) {
  nats::connection_options options;
  options.servers = words_of(s->plan.urls);
  std::shuffle(options.servers.begin(), options.servers.end(), s->random);
  options.reconnect_wait = 5ms;
  options.reconnect_wait_max = 100ms;
  options.ping_interval = 1s;
  nats::jetstream_config config;
  config.request_timeout = 500ms;
  config.replica_count = s->plan.replicas;
  config.duplicate_window = s->plan.duplicate_window;
  if (s->plan.expects == expectation::contiguous)
    config.version_policy = version_policy::contiguous;
  while (!s->stopped()) {
    try {
      auto on = co_await nats::connection::connect(options);
      auto store = co_await nats::jetstream_event_store::open(std::move(on), s->plan.stream, config);
      co_return std::make_shared<nats::jetstream_event_store>(std::move(store));
    } catch (boost::system::system_error const&) { // the server is away: once more
    }
    co_await pause(20ms);
  }
  co_return nullptr;
}

// So that processes that are to fight begin together.
awaitable<void> wait_for_the_others(std::shared_ptr<shared_state> s) {
  if (s->plan.begin.empty())
    co_return;
  std::ofstream ready(s->plan.log + ".ready");
  ready.close();
  while (!std::filesystem::exists(s->plan.begin) && !s->stopped())
    co_await pause(1ms);
}

} // namespace

void run_writer(writer_plan const& plan) {
  auto const state = std::make_shared<shared_state>();
  state->plan = plan;
  state->random.seed(plan.seed);
  if (plan.way == behaviour::wander)
    state->versions.resize(static_cast<std::size_t>(plan.actors));
  auto const log = std::make_shared<history_writer>(plan.log, plan.process);
  auto const body = [&](boost::asio::io_context& context) -> awaitable<void> {
    auto store = co_await open(state);
    if (!store)
      co_return;
    co_await wait_for_the_others(state);
    logged_store logged(store, log, plan.expects == expectation::contiguous);
    task_group group(context.get_executor());
    for (int i = 0; i < plan.side_by_side; ++i)
      group.spawn(plan.way == behaviour::wander ? wander(logged, state)
                                                : contend(logged, state, static_cast<std::size_t>(i)));
    co_await group.join();
    co_await store->close();
  };
  test::run(body, {1, std::chrono::hours(2)});
}

} // namespace aether::fault
