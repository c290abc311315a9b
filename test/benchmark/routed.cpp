// Commands on actors of another node beside those of this one, and beside bare requests: two nodes, each with a thread,
// a connection and a store of its own.
#include "benchmark/own_thread.hpp"
#include "benchmark/raw_connection.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/works.hpp"

#include <aether/actor.hpp>
#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>
#include <aether/task_group.hpp>
#include <support/account.hpp>

#include <boost/asio/this_coro.hpp>

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

constexpr char const* stream = "routed";
constexpr char const* subject = "routed.bare";
// As long as a routed deposit and its answer.
std::string const question(260, 'q');
std::string const answer(75, 'a');

struct node {
  nats::connection on;
  std::shared_ptr<nats::jetstream_event_store> store;
  actor_host host;
  std::shared_ptr<nats::placement> where;
  command_router router;

  node() = default;
};

awaitable<node> start_node(std::string url, std::string name) {
  auto const executor = co_await boost::asio::this_coro::executor;
  node n;
  n.on = co_await nats::connection::connect(std::move(url));
  auto store = co_await nats::jetstream_event_store::open(n.on, stream);
  n.store = std::make_shared<nats::jetstream_event_store>(store);
  actor_host_options host_options;
  host_options.max_actors = 100'000;
  host_options.command_timeout = 60s;
  host_options.snapshots = snapshot_policy::never();
  n.host = actor_host(executor, n.store, host_options);
  nats::placement_options options;
  options.node = name;
  auto where = co_await nats::placement::join(store, options);
  n.where = std::make_shared<nats::placement>(std::move(where));
  command_routes routes;
  routes.add<account, deposit>();
  auto const way = std::make_shared<nats::command_transport>(store);
  n.router = co_await command_router::open(n.host, n.where, way, routes);
  co_return n;
}

awaitable<bool> end_node(node& n) {
  co_await n.where->leave();
  co_await n.router.close();
  co_await n.host.close();
  co_await n.store->close();
  co_await n.on.close();
  n = node();
  co_return true;
}

awaitable<bool> until_both_are_seen(std::shared_ptr<nats::placement> where) {
  auto view = where->view();
  while (view->nodes.size() < 2)
    view = co_await where->wait_for_change(view->epoch);
  co_return true;
}

awaitable<void> give_commands(command_router router, std::string id, std::size_t count) {
  auto const to = router.get<account>(std::move(id));
  for (std::size_t i = 0; i < count; ++i)
    co_await to.execute<deposit>("ref", 1);
}

awaitable<double> one_at_a_time(command_router router, std::string id, std::size_t count) {
  stopwatch watch;
  co_await give_commands(std::move(router), std::move(id), count);
  co_return watch.microseconds_each(count);
}

awaitable<double> many_at_a_time(command_router router, std::vector<std::string> const& ids, std::size_t each) {
  task_group group(co_await boost::asio::this_coro::executor);
  stopwatch watch;
  for (auto const& id : ids)
    group.spawn(give_commands(router, id, each));
  co_await group.join();
  co_return watch.per_second(ids.size() * each);
}

/// Answers until so many were asked.
awaitable<bool> answer_all(nats::connection on, nats::subscription asked, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto const m = co_await asked.receive();
    nats::message reply(m->reply, answer);
    co_await on.publish(std::move(reply));
  }
  co_return true;
}

awaitable<nats::subscription> listen(nats::connection on) {
  auto asked = co_await on.subscribe(subject);
  co_await on.flush();
  co_return asked;
}

awaitable<double> ask_one_by_one(nats::connection on, std::size_t count) {
  stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    nats::message m(subject, question);
    auto const got = co_await on.request(std::move(m));
    if (got.data != answer)
      throw std::runtime_error("a bare request was not answered");
  }
  co_return watch.microseconds_each(count);
}

void reply_to(natsConnection* on, natsSubscription*, natsMsg* m, void*) {
  natsConnection_Publish(on, natsMsg_GetReply(m), answer.data(), static_cast<int>(answer.size()));
  natsMsg_Destroy(m);
}

double ask_with_cnats(std::string const& url, std::size_t count) {
  raw_connection here(url, true), there(url, true);
  check_cnats(natsConnection_Subscribe(&there.subscription, there.connection, subject, &reply_to, nullptr),
              "subscribe");
  check_cnats(natsConnection_Flush(there.connection), "flush");
  stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    natsMsg* got = nullptr;
    check_cnats(natsConnection_Request(&got, here.connection, subject, question.data(),
                                       static_cast<int>(question.size()), 30'000),
                "natsConnection_Request");
    natsMsg_Destroy(got);
  }
  return watch.microseconds_each(count);
}

/// The first `count` actors that belong to a node.
std::vector<std::string> actors_of(nats::placement const& where, std::string const& owner, std::size_t count) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; ids.size() < count; ++i) {
    auto id = "account-" + std::to_string(i);
    if (where.owner_of(id) == owner)
      ids.push_back(std::move(id));
  }
  return ids;
}

/// That each command went where it was to go.
void check_routes(router_metrics const& m, std::size_t here, std::size_t there) {
  if (m.here != here || m.answered != there || m.moved + m.fell_back + m.unanswered > 0)
    throw std::runtime_error("of " + std::to_string(there) + " commands " + std::to_string(m.answered) +
                             " were answered by the other node");
}

} // namespace

void measure_routed(server_run const& run) {
  auto const url = run.server.url();
  auto const count = run.wanted.scaled(5'000, 1'000);
  auto const actors = run.wanted.scaled(1'000, 200);
  constexpr std::size_t each = 20;
  make_stream(url, stream);
  own_thread caller, other;
  auto here = caller.wait_for(start_node(url, "here"));
  auto there = other.wait_for(start_node(url, "there"));
  caller.wait_for(until_both_are_seen(here.where));
  auto const mine = actors_of(*here.where, "here", actors), others = actors_of(*here.where, "there", actors);

  side const local = [&](std::size_t) { return caller.wait_for(one_at_a_time(here.router, mine[0], count)); };
  side const routed = [&](std::size_t) { return caller.wait_for(one_at_a_time(here.router, others[0], count)); };
  side const cnats = [&](std::size_t) { return ask_with_cnats(url, count); };
  side const bare = [&](std::size_t) {
    auto asked = other.wait_for(listen(there.on));
    auto answered =
        boost::asio::co_spawn(other.context, answer_all(there.on, std::move(asked), count), boost::asio::use_future);
    auto const each_took = caller.wait_for(ask_one_by_one(here.on, count));
    answered.get();
    return each_took;
  };
  side const all_local = [&](std::size_t) { return caller.wait_for(many_at_a_time(here.router, mine, each)); };
  side const all_routed = [&](std::size_t) { return caller.wait_for(many_at_a_time(here.router, others, each)); };
  auto const latency = interleaved(run.wanted.rounds, {local, routed, cnats, bare});
  auto const rate = interleaved(run.wanted.rounds, {all_local, all_routed});
  auto const in_all = (run.wanted.rounds + 1) * (count + actors * each);
  check_routes(here.router.metrics(), in_all, in_all);
  caller.wait_for(end_node(here));
  other.wait_for(end_node(there));
  remove_stream(url, stream);

  auto r = run.make_row("command to another node, one at a time, beside one here", "us");
  r.aether = latency[1];
  r.raw = latency[0];
  run.out.add(r);
  r.work = "what the way adds, beside cnats' request and reply";
  r.aether = latency[1] - latency[0];
  r.raw = latency[2];
  run.out.add(r);
  r.work = "the same, beside our connection's request and reply";
  r.raw = latency[3];
  run.out.add(r);
  r = run.make_row("commands to another node, " + std::string(run.wanted.quick ? "200" : "1,000") +
                       " actors, beside ones here",
                   "commands/s");
  r.aether = rate[1];
  r.raw = rate[0];
  run.out.add(r);
}

} // namespace aether::benchmark
