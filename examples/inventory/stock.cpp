// The stock of a few articles, reserved by several processes at once: each is an actor, and none is ever oversold.
// try.sh beside it runs the processes.
#include "../program.hpp"

#include <aether/actor.hpp>
#include <aether/task_group.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

using example::store_ptr;

namespace stock {

struct delivered {
  static constexpr std::string_view event_type = "Delivered";
  std::int64_t pieces = 0;
};
BOOST_DESCRIBE_STRUCT(delivered, (), (pieces))

struct reserved {
  static constexpr std::string_view event_type = "Reserved";
  std::string by;
  std::int64_t pieces = 0;
};
BOOST_DESCRIBE_STRUCT(reserved, (), (by, pieces))

struct deliver {
  std::int64_t pieces = 0;
};
struct reserve {
  std::string by;
  std::int64_t pieces = 0;
};

struct article {
  struct state {
    std::int64_t left = 0;
  };
  using event = std::variant<delivered, reserved>;
  using decision = aether::decision<event>;

  static decision decide(deliver const& command, state const&) { return delivered{command.pieces}; }
  static decision decide(reserve const& command, state const& now) {
    if (command.pieces > now.left)
      return aether::rejection("sold_out");
    return reserved{command.by, command.pieces};
  }

  static void evolve(state& now, delivered const& e) { now.left += e.pieces; }
  static void evolve(state& now, reserved const& e) { now.left -= e.pieces; }
};
BOOST_DESCRIBE_STRUCT(article::state, (), (left))

} // namespace stock

constexpr std::array<char const*, 3> articles{"tea", "cup", "pot"};
constexpr int clients = 8; // of each article, in each process

std::string id_of(std::string name) { return "article-" + name; }

struct task {
  std::string url, role, name;
  std::int64_t pieces = 0; // of each article: to be delivered, or wanted
};

/// Shared by the clients of an article.
struct tally {
  std::int64_t wanted = 0, got = 0, refused = 0;
};

aether::awaitable<void> reserve_pieces(aether::actor<stock::article> of, std::string by, std::shared_ptr<tally> count) {
  while (count->wanted > 0) {
    --count->wanted;
    auto const outcome = co_await of.try_execute<stock::reserve>(by, 1);
    auto const is_refused = std::holds_alternative<aether::rejection>(outcome);
    ++(is_refused ? count->refused : count->got);
  }
}

aether::awaitable<void> run_reserve(store_ptr store, task t) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host host(executor, store);
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line); // until all are

  std::map<std::string, std::shared_ptr<tally>> counts;
  aether::task_group group(executor);
  for (std::string const name : articles) {
    auto const count = counts[name] = std::make_shared<tally>();
    count->wanted = t.pieces;
    for (int i = 0; i < clients; ++i)
      group.spawn(reserve_pieces(host.get<stock::article>(id_of(name)), t.name, count));
  }
  co_await group.join();
  for (auto const& [name, count] : counts)
    std::cout << t.name << " got " << count->got << " of " << name << ", refused " << count->refused << '\n';
  auto const m = host.metrics();
  std::cout << t.name << " met " << m.conflicts << " conflicts in " << m.commands << " commands\n";
  co_await host.close();
}

aether::awaitable<void> run_deliver(store_ptr store, task t) {
  auto const executor = co_await boost::asio::this_coro::executor;
  aether::actor_host host(executor, store);
  for (std::string const name : articles)
    co_await host.get<stock::article>(id_of(name)).execute<stock::deliver>(t.pieces);
  co_await host.close();
}

/// From the events themselves: who has what, and whether there was enough at every moment.
aether::awaitable<void> run_audit(store_ptr store, task) {
  for (std::string const name : articles) {
    std::int64_t left = 0;
    std::map<std::string, std::int64_t> by_whom;
    auto const events = co_await store->get_events(id_of(name));
    for (auto const& e : events) {
      if (auto const more = aether::event_if<stock::delivered>(e))
        left += more->pieces;
      if (auto const sold = aether::event_if<stock::reserved>(e)) {
        left -= sold->pieces;
        by_whom[sold->by] += sold->pieces;
      }
      example::expect(left >= 0, "an article was oversold");
    }
    for (auto const& [who, pieces] : by_whom)
      std::cout << who << " has " << pieces << " of " << name << '\n';
    std::cout << "left " << left << " of " << name << '\n';
  }
}

aether::awaitable<void> work(task t) {
  auto const connection = co_await aether::nats::connection::connect(t.url);
  auto opened = co_await aether::nats::jetstream_event_store::open(connection, "inventory");
  auto const store = std::make_shared<aether::nats::jetstream_event_store>(std::move(opened));
  if (t.role == "deliver")
    co_await run_deliver(store, t);
  else if (t.role == "reserve")
    co_await run_reserve(store, t);
  else if (t.role == "audit")
    co_await run_audit(store, t);
  else
    throw std::invalid_argument("no such role: " + t.role);
  co_await store->close();
}

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) {
    std::cerr << "usage: " << argv[0] << " URL NAME deliver|reserve|audit [PIECES]\n";
    return EXIT_FAILURE;
  }
  task t;
  t.url = argv[1];
  t.name = argv[2];
  t.role = argv[3];
  t.pieces = argc > 4 ? std::atoll(argv[4]) : 0;
  return example::run(work(std::move(t)));
}
