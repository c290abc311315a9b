// Nodes as processes: killed, stopped and woken while commands flow. Every command counts once, and the actors move.
#include <integration/store_support.hpp>
#include <support/account.hpp>

#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>
#include <aether/task_group.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

BOOST_AUTO_TEST_SUITE(hosted_node_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

#ifdef AETHER_TEST_SANITIZED
constexpr std::chrono::nanoseconds lease = 4s;
constexpr int commands_of_a_lane = 40;
#else
constexpr std::chrono::nanoseconds lease = 1500ms;
constexpr int commands_of_a_lane = 150;
#endif
constexpr int lanes = 6, actors = 24;

command_routes account_routes() {
  command_routes routes;
  routes.add<account, deposit, withdraw>();
  return routes;
}

/// One node: a store, its placement, its actors, and the way to others'.
struct placed_host {
  std::shared_ptr<jetstream_event_store> store;
  std::shared_ptr<nats::placement> where;
  actor_host host;
  command_router router;

  placed_host() = default;

  awaitable<void> close() {
    co_await where->leave();
    co_await router.close();
    co_await host.close();
  }
};

awaitable<placed_host> open_node(std::string url, std::string stream, nats::placement_options options) {
  auto const executor = co_await boost::asio::this_coro::executor;
  placed_host n;
  auto store = co_await open_store(std::move(url), std::move(stream));
  n.store = std::make_shared<jetstream_event_store>(store);
  n.host = actor_host(executor, n.store);
  auto where = co_await nats::placement::join(store, std::move(options));
  n.where = std::make_shared<nats::placement>(std::move(where));
  auto way = std::make_shared<nats::command_transport>(store);
  auto router = co_await command_router::open(n.host, n.where, std::move(way), account_routes());
  n.router = std::move(router);
  co_return n;
}

nats::placement_options node_options(std::string name, bool observes = false) {
  nats::placement_options o;
  o.node = std::move(name);
  o.lease = lease;
  o.observes = observes;
  return o;
}

/// Writes each state of the node, and how many actors it has in memory, a line each.
awaitable<void> tell_states(std::shared_ptr<nats::placement> where, actor_host host, std::string file) {
  std::ofstream out(file, std::ios::app);
  std::uint64_t seen = 0;
  for (;;) {
    auto const view = co_await where->wait_for_change(seen);
    seen = view->epoch;
    co_await pause(50ms); // the router has seen it too
    out << to_string(view->state) << ' ' << view->nodes.size() << " nodes, " << view->lapses << " lapses, "
        << host.metrics().evictions << " evictions" << std::endl;
  }
}

std::string actor_name(int number) { return "account-" + std::to_string(number); }

} // namespace

// Not a test but the program that the tests below start and kill, from this very executable.

BOOST_AUTO_TEST_CASE(serve) { // -- URL STREAM NODE STATES
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 5);
  std::string const url = suite.argv[1], stream = suite.argv[2], name = suite.argv[3], states = suite.argv[4];
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto node = co_await open_node(url, stream, node_options(name));
        task_group group(context.get_executor());
        group.spawn(tell_states(node.where, node.host, states));
        co_await pause(1h);
      },
      on(1, 600s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(placement_processes, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace hosted_node_process;

namespace {

/// A node in a process of its own.
class node_process {
public:
  node_process(std::string const& stream, std::string name, std::filesystem::path const& directory)
      : states_(directory / (name + ".states")), log_(directory / (name + ".log")),
        process_({"/proc/self/exe", "--run_test=hosted_node_process/serve", "--", shared_server().url(), stream, name,
                  states_.string()},
                 log_) {}

  void kill() { process_.kill(); }
  void stop() { process_.pause(); }
  void go_on() { process_.resume(); }
  std::string states() const { return read_file(states_); }
  std::string log() const { return read_file(log_); }

private:
  std::filesystem::path states_, log_;
  child_process process_;
};

struct progress {
  int answered = 0, unknown = 0, repeated = 0;
};

/// Commands one after the other, each repeated with its id until it is answered.
awaitable<void> run_lane(command_router router, int lane, std::shared_ptr<progress> p) {
  for (int i = 0; i < commands_of_a_lane; ++i) {
    auto options = with_id(std::to_string(lane) + "." + std::to_string(i));
    options.timeout = 1s;
    for (auto is_answered = false; !is_answered;) {
      boost::system::error_code failed;
      try {
        auto const to = router.get<account>(actor_name((i * 7 + lane) % actors)).with(options);
        auto const result = co_await to.execute<deposit>("ref", 1 + i % 5);
        is_answered = true;
        p->repeated += result.repeated ? 1 : 0;
      } catch (error const& e) {
        failed = e.code();
        if (!is_retryable(failed) && failed != errc::version_conflict)
          throw;
      }
      p->unknown += failed == errc::outcome_unknown ? 1 : 0;
      options.maybe_repeated = true;
    }
    ++p->answered;
    co_await pause(2ms);
  }
}

awaitable<void> until_nodes(std::shared_ptr<nats::placement> where, std::size_t count) {
  for (auto view = where->view(); view->nodes.size() != count;) {
    auto const next = co_await where->wait_for_change(view->epoch, within(scaled(30s)));
    view = next;
  }
}

awaitable<void> until_answered(std::shared_ptr<progress> p, int count) {
  while (p->answered < count)
    co_await pause(5ms);
}

/// Every command is there, once.
awaitable<void> check_histories(std::shared_ptr<jetstream_event_store> store) {
  std::map<int, std::set<std::string>> wanted;
  for (int lane = 0; lane < lanes; ++lane)
    for (int i = 0; i < commands_of_a_lane; ++i)
      wanted[(i * 7 + lane) % actors].insert(std::to_string(lane) + "." + std::to_string(i));
  for (int actor = 0; actor < actors; ++actor) {
    auto const history = co_await store->get_events(actor_name(actor));
    std::set<std::string> ids;
    std::int64_t version = 0;
    for (event const& e : history) {
      BOOST_TEST(e.version == ++version);
      BOOST_TEST(ids.insert(e.command_id).second, e.command_id << " counts twice");
    }
    BOOST_TEST((ids == wanted[actor]));
  }
}

/// Three nodes in processes, commands from a fourth party that only observes, and `trouble` in the middle of them.
void with_three_nodes(std::function<awaitable<void>(std::map<std::string, std::unique_ptr<node_process>>&, placed_host&,
                                                    std::shared_ptr<progress>)>
                          trouble) {
  auto const stream = new_stream();
  temporary_directory const directory;
  std::map<std::string, std::unique_ptr<node_process>> nodes;
  run(
      [&](boost::asio::io_context& context) -> awaitable<void> {
        auto sender = co_await open_node(shared_server().url(), stream, node_options("sender", true));
        for (std::string const name : {"north", "south", "west"})
          nodes[name] = std::make_unique<node_process>(stream, name, directory.path());
        co_await until_nodes(sender.where, 3);
        task_group group(context.get_executor());
        auto const p = std::make_shared<progress>();
        for (int lane = 0; lane < lanes; ++lane)
          group.spawn(run_lane(sender.router, lane, p));
        co_await until_answered(p, lanes * commands_of_a_lane / 10);
        co_await trouble(nodes, sender, p);
        co_await group.join();
        co_await check_histories(sender.store);
        auto const m = sender.router.metrics();
        BOOST_TEST(m.answered > 0u);
        BOOST_TEST_MESSAGE(p->answered << " commands, " << p->unknown << " without an answer, " << p->repeated
                                       << " had been stored; " << m.answered << " answered by nodes, " << m.moved
                                       << " moved, " << m.fell_back << " passed over, " << m.here << " here");
        co_await sender.close();
      },
      on(1, 120s));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_node_is_killed_and_its_actors_move) {
  with_three_nodes([](auto& nodes, placed_host& sender, std::shared_ptr<progress> p) -> awaitable<void> {
    nodes.at("south")->kill();
    auto const began = std::chrono::steady_clock::now();
    co_await until_nodes(sender.where, 2);
    auto const took = std::chrono::steady_clock::now() - began;
    BOOST_TEST((took < lease + scaled(3s)));
    BOOST_TEST(!sender.where->view()->find("south"));
    BOOST_TEST_MESSAGE("taken for dead after " << took / 1ms << " ms with a lease of " << lease / 1ms << " ms");
    co_await until_answered(p, lanes * commands_of_a_lane / 4);
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_was_stopped_wakes_up_and_steps_down) {
  with_three_nodes([](auto& nodes, placed_host& sender, std::shared_ptr<progress> p) -> awaitable<void> {
    auto& north = *nodes.at("north");
    north.stop();
    co_await until_nodes(sender.where, 2);
    co_await until_answered(p, p->answered + 20);
    north.go_on(); // with commands that wait in its socket
    co_await until_nodes(sender.where, 3);
    auto const has_lapsed = [&] { return contains(north.states(), " 1 lapses"); };
    for (int i = 0; i < 2000 && !has_lapsed(); ++i)
      co_await pause(5ms);
    BOOST_TEST(has_lapsed(), north.states() << north.log());
    auto const after = north.states().substr(north.states().find(" 1 lapses"));
    BOOST_TEST(!contains(after, " 0 evictions"), north.states()); // its actors left memory
  });
}

BOOST_AUTO_TEST_CASE(a_node_that_stumbles_again_and_again_does_no_harm) {
  with_three_nodes([](auto& nodes, placed_host&, std::shared_ptr<progress> p) -> awaitable<void> {
    for (auto const share : {40, 60, 70, 120}) { // in percent of the lease: about two thirds is where it lapses
      nodes.at("west")->stop();
      co_await pause(lease * share / 100);
      nodes.at("west")->go_on();
      co_await until_answered(p, std::min(p->answered + 30, lanes * commands_of_a_lane));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
