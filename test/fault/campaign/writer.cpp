// Plans as arguments, and the coroutines that carry them out.
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
#include <memory>
#include <random>
#include <stdexcept>

namespace aether::fault {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

awaitable<void> pause(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

// What the calls of one process know together; all on one thread.
struct shared_state {
  writer_plan plan;
  std::mt19937_64 random;
  std::vector<std::int64_t> versions; // of each actor, as far as it was told
  clock::time_point until;

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); }
};

std::string actor_name(std::size_t number) { return "order-" + std::to_string(number); }

save_options options_for(shared_state const& s, std::int64_t version) {
  save_options options;
  options.timeout = 3s;
  if (s.plan.expects == expectation::expected_version)
    options.expected_version = version - 1;
  return options;
}

// Saves the event, again while its outcome is unknown: now and then it is left so, as a program that gives up does.
awaitable<void> save_one(logged_store const& store, shared_state& s, std::size_t actor) {
  auto const version = s.versions[actor] + 1;
  auto const e = fault_event(actor_name(actor), version);
  for (int attempt = 0; attempt < 10; ++attempt) {
    operation const o = co_await store.save(e, options_for(s, version));
    if (o.end == call_end::saved || o.end == call_end::already_saved)
      s.versions[actor] = std::max(s.versions[actor], version);
    else if (o.end == call_end::conflict)
      s.versions[actor] = o.version;
    else if (o.end == call_end::failed)
      co_await pause(20ms);
    if ((o.end != call_end::unknown && o.end != call_end::failed) || s.below(8) == 0)
      co_return;
  }
}

awaitable<void> act(logged_store store, std::shared_ptr<shared_state> s) {
  while (clock::now() < s->until) {
    auto const actor = s->below(s->versions.size());
    operation read;
    switch (s->below(20)) {
    case 0:
      read = co_await store.latest_version(actor_name(actor), call_options{.timeout = 3s});
      break;
    case 1:
      read = co_await store.get_events(actor_name(actor), call_options{.timeout = 3s});
      break;
    default:
      co_await save_one(store, *s, actor);
    }
    if (read.end == call_end::failed)
      co_await pause(20ms);
  }
}

// The server may be down when the process starts.
awaitable<std::shared_ptr<nats::jetstream_event_store>> open(writer_plan plan, clock::time_point until) {
  nats::connection_options options;
  options.servers.push_back(plan.url);
  options.reconnect_wait = 5ms;
  options.reconnect_wait_max = 100ms;
  options.ping_interval = 1s;
  nats::jetstream_config config;
  config.request_timeout = 500ms;
  if (plan.expects == expectation::contiguous)
    config.version_policy = version_policy::contiguous;
  while (clock::now() < until) {
    try {
      auto on = co_await nats::connection::connect(options);
      auto store = co_await nats::jetstream_event_store::open(std::move(on), plan.stream, config);
      co_return std::make_shared<nats::jetstream_event_store>(std::move(store));
    } catch (boost::system::system_error const&) { // the server is away: once more
    }
    co_await pause(20ms);
  }
  co_return nullptr;
}

} // namespace

void run_writer(writer_plan const& plan) {
  auto const state = std::make_shared<shared_state>();
  state->plan = plan;
  state->random.seed(plan.seed);
  state->versions.resize(static_cast<std::size_t>(plan.actors));
  state->until = clock::now() + plan.time;
  auto const log = std::make_shared<history_writer>(plan.log, plan.process);
  auto const body = [&](boost::asio::io_context& context) -> awaitable<void> {
    auto store = co_await open(plan, state->until);
    if (!store)
      co_return;
    logged_store logged(store, log, plan.expects == expectation::contiguous);
    task_group group(context.get_executor());
    for (int i = 0; i < plan.side_by_side; ++i)
      group.spawn(act(logged, state));
    co_await group.join();
    co_await store->close();
  };
  test::run(body, {1, std::chrono::ceil<std::chrono::seconds>(plan.time) + 60s});
}

void fleet::start(expectation expects, std::chrono::milliseconds time) {
  auto const number = writers_.size() + 1;
  auto const log = (directory_.path() / std::to_string(number)).string();
  auto const output = log + ".out";
  std::vector<std::string> arguments = {"/proc/self/exe",
                                        "--run_test=campaign_writer/*",
                                        "--",
                                        common_.url,
                                        common_.stream,
                                        log,
                                        std::to_string(number),
                                        std::to_string(common_.seed * 1000 + number),
                                        std::to_string(common_.actors),
                                        std::to_string(common_.side_by_side),
                                        std::to_string(static_cast<int>(expects)),
                                        std::to_string(time.count())};
  writers_.push_back({test::child_process(std::move(arguments), output), log, output});
}

writer_plan plan_of_arguments(int count, char** arguments) {
  if (count != 10)
    throw std::runtime_error("not the arguments of a writer");
  writer_plan plan;
  plan.url = arguments[1];
  plan.stream = arguments[2];
  plan.log = arguments[3];
  plan.process = static_cast<std::uint32_t>(std::stoul(arguments[4]));
  plan.seed = std::stoull(arguments[5]);
  plan.actors = std::stoi(arguments[6]);
  plan.side_by_side = std::stoi(arguments[7]);
  plan.expects = static_cast<expectation>(std::stoi(arguments[8]));
  plan.time = std::chrono::milliseconds(std::stoll(arguments[9]));
  return plan;
}

void fleet::kill_running(std::size_t which) {
  for (auto& w : writers_) {
    if (w.killed || which-- > 0)
      continue;
    w.process.kill();
    w.killed = true;
    return;
  }
  throw std::out_of_range("fewer writers run");
}

void fleet::wait(std::chrono::milliseconds limit) {
  auto const until = clock::now() + limit;
  for (auto& w : writers_) {
    if (w.killed)
      continue;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
    auto const code = w.process.wait(std::max(left, std::chrono::milliseconds(0)));
    if (code != 0)
      throw std::runtime_error("writer " + w.log + (code ? " failed: " : " does not end: ") +
                               test::read_file(w.output));
  }
}

std::vector<operation> fleet::history() const {
  std::vector<operation> all;
  for (auto const& w : writers_) {
    if (!std::filesystem::exists(w.log)) // killed before it began
      continue;
    auto const one = read_history(w.log);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

} // namespace aether::fault
