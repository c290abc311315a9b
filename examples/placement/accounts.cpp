// Accounts on several nodes: each is in the memory of one of them, and commands find it there. One node is killed; its
// accounts move, and every deposit counts once. try.sh beside it runs the processes.
#include "../program.hpp"

#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/describe/class.hpp>

#include <csignal>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

using namespace std::chrono_literals;

namespace bank {

struct deposited {
  static constexpr std::string_view event_type = "Deposited";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(deposited, (), (cents))

/// A command that can go to another process.
struct deposit {
  static constexpr std::string_view command_type = "Deposit";
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(deposit, (), (cents))

struct account {
  struct state {
    std::int64_t cents = 0;
  };
  using event = std::variant<deposited>;
  using decision = aether::decision<event>;

  static decision decide(deposit const& command, state const&) {
    if (command.cents <= 0)
      return aether::rejection("nothing_to_deposit");
    return deposited{command.cents};
  }
  static void evolve(state& now, deposited const& e) { now.cents += e.cents; }
};
BOOST_DESCRIBE_STRUCT(account::state, (), (cents))

} // namespace bank

constexpr int accounts = 30;
constexpr int tellers = 6;

std::string account_id(int number) { return "account-" + std::to_string(number % accounts); }
std::string deposit_id(int number) { return "deposit-" + std::to_string(number); }

struct task {
  std::string url, role, name;
  int deposits = 0;
};

/// What a process needs to own actors, or to send commands to those who do.
struct node {
  std::shared_ptr<aether::nats::jetstream_event_store> store;
  aether::actor_host host;
  std::shared_ptr<aether::nats::placement> where;
  aether::command_router router;

  node() = default;
};

aether::awaitable<node> start_node(std::string url, std::string name, bool observes) {
  auto const executor = co_await boost::asio::this_coro::executor;
  node n;
  auto connection = co_await aether::nats::connection::connect(url);
  auto store = co_await aether::nats::jetstream_event_store::open(connection, "bank");
  n.store = std::make_shared<aether::nats::jetstream_event_store>(store);
  n.host = aether::actor_host(executor, n.store);

  aether::nats::placement_options options;
  options.node = name;
  options.lease = 2s; // 10 s when not given
  options.observes = observes;
  auto where = co_await aether::nats::placement::join(store, options);
  n.where = std::make_shared<aether::nats::placement>(where);

  aether::command_routes routes;
  routes.add<bank::account, bank::deposit>();
  auto const way = std::make_shared<aether::nats::command_transport>(store);
  n.router = co_await aether::command_router::open(n.host, n.where, way, routes);
  co_return n;
}

/// The others take over when it has left; what it was asked for until then, it answers.
aether::awaitable<void> end_node(node n) {
  co_await n.where->leave();
  co_await n.router.close();
  co_await n.host.close();
  co_await n.store->close();
}

/// Again until it is answered: with the same id it counts once, whichever node gets it.
aether::awaitable<void> deposit_surely(aether::command_router router, int number) {
  aether::command_options options;
  options.command_id = deposit_id(number);
  options.timeout = 1s;
  for (auto is_answered = false; !is_answered;) {
    try {
      auto const account = router.get<bank::account>(account_id(number)).with(options);
      co_await account.execute<bank::deposit>(1 + number % 7);
      is_answered = true;
    } catch (aether::error const& e) {
      if (!aether::is_retryable(e.code()))
        throw;
      options.maybe_repeated = true; // whoever gets it looks for it in the whole history
    }
  }
}

/// Tells who owns what, whenever that changes.
aether::awaitable<void> tell_changes(node n) {
  std::uint64_t seen = 0;
  for (;;) {
    auto const view = co_await n.where->wait_for_change(seen);
    seen = view->epoch;
    int mine = 0;
    for (int i = 0; i < accounts; ++i)
      mine += n.where->owns(account_id(i)) ? 1 : 0;
    std::cout << n.where->node() << " is " << to_string(view->state) << ", sees " << view->nodes.size()
              << " nodes and owns " << mine << " of " << accounts << " accounts" << std::endl;
  }
}

/// A node works until it is asked to end.
aether::awaitable<void> run_node(task t) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto n = co_await start_node(t.url, t.name, false);
  aether::task_group group(executor);
  group.spawn(tell_changes(n));
  boost::asio::signal_set signals(executor, SIGTERM);
  co_await signals.async_wait(boost::asio::use_awaitable);
  group.cancel();
  co_await group.join();
  auto const routed = n.router.metrics();
  std::cout << t.name << " executed " << routed.executed << " commands of others, " << routed.evicted
            << " accounts moved away\n";
  co_await end_node(n);
}

aether::awaitable<void> run_teller(aether::command_router router, std::shared_ptr<int> next, int last) {
  while (*next < last) {
    auto const number = (*next)++;
    co_await deposit_surely(router, number);
    if (number % 100 == 99)
      std::cout << number + 1 << " deposits" << std::endl;
  }
}

/// Sends commands, and owns nothing.
aether::awaitable<void> run_tellers(task t) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto n = co_await start_node(t.url, t.name, true);
  aether::task_group group(executor);
  auto const next = std::make_shared<int>(0);
  for (int i = 0; i < tellers; ++i)
    group.spawn(run_teller(n.router, next, t.deposits));
  co_await group.join();
  auto const routed = n.router.metrics();
  std::cout << routed.answered << " answered by their owners, " << routed.moved + routed.fell_back
            << " on a second way, " << routed.unanswered << " not answered and sent again, " << routed.here
            << " executed here\n";
  co_await end_node(n);
}

/// From the events themselves: every deposit is there, once.
aether::awaitable<void> run_audit(task t) {
  auto connection = co_await aether::nats::connection::connect(t.url);
  auto store = co_await aether::nats::jetstream_event_store::open(connection, "bank");
  std::set<std::string> ids;
  for (int i = 0; i < accounts; ++i) {
    auto const events = co_await store.get_events(account_id(i));
    for (auto const& e : events)
      example::expect(ids.insert(e.command_id).second, "a deposit counts twice");
  }
  for (int number = 0; number < t.deposits; ++number)
    example::expect(ids.contains(deposit_id(number)), "a deposit was lost");
  std::cout << "each of the " << ids.size() << " deposits counts once\n";
  co_await store.close();
}

aether::awaitable<void> work(task t) {
  if (t.role == "node")
    co_await run_node(t);
  else if (t.role == "tellers")
    co_await run_tellers(t);
  else if (t.role == "audit")
    co_await run_audit(t);
  else
    throw std::invalid_argument("no such role: " + t.role);
}

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::cerr << "usage: " << argv[0] << " URL NAME node|tellers|audit [DEPOSITS]\n";
    return EXIT_FAILURE;
  }
  task t;
  t.url = argv[1];
  t.name = argv[2];
  t.role = argv[3];
  t.deposits = argc > 4 ? std::atoi(argv[4]) : 0;
  return example::run(work(std::move(t)));
}
