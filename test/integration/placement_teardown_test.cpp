// Ends of placements and routers: cancelled, destroyed or stopped at any step, and nothing is left.
#include <integration/store_support.hpp>
#include <integration/teardown_steps.hpp>
#include <support/account.hpp>

#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>

#include <boost/asio/detached.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#include <thread>

BOOST_AUTO_TEST_SUITE(placement_teardown, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_event_store;

namespace {

nats::placement_options named(std::string name, bool observes = false) {
  nats::placement_options o;
  o.node = std::move(name);
  o.lease = 60s;
  o.observes = observes;
  return o;
}

enum class call { join, leave, wait, open_router, send, close_router };
std::ostream& operator<<(std::ostream& out, call c) { return out << static_cast<int>(c); }
call const calls[] = {call::join, call::leave, call::wait, call::open_router, call::send, call::close_router};

struct node {
  jetstream_event_store store;
  std::shared_ptr<nats::placement> where;
  actor_host host;
  command_router router;

  node() = default;
};

awaitable<node> open_node(std::string url, nats::placement_options options) {
  auto const executor = co_await asio::this_coro::executor;
  node n;
  n.store = co_await open_store(std::move(url), "orders");
  n.host = actor_host(executor, std::make_shared<jetstream_event_store>(n.store));
  auto where = co_await nats::placement::join(n.store, std::move(options));
  n.where = std::make_shared<nats::placement>(std::move(where));
  command_routes routes;
  routes.add<account, deposit>();
  auto way = std::make_shared<nats::command_transport>(n.store);
  auto router = co_await command_router::open(n.host, n.where, std::move(way), std::move(routes));
  n.router = std::move(router);
  co_return n;
}

awaitable<void> make(call what, node const owner, node const sender, std::string name) {
  if (what == call::join)
    co_await nats::placement::join(owner.store, named(name));
  if (what == call::leave)
    co_await owner.where->leave();
  if (what == call::wait)
    co_await owner.where->wait_for_change(owner.where->view()->epoch);
  if (what == call::open_router) {
    co_await command_router::open(owner.host, owner.where, std::make_shared<nats::command_transport>(owner.store),
                                  command_routes());
  }
  if (what == call::send)
    co_await sender.router.get<account>("account-" + name).execute<deposit>("x", 1);
  if (what == call::close_router) {
    auto router = owner.router;
    co_await router.close();
  }
}

/// A node that owns everything, and one that only sends, on a context of their own.
struct running {
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  node owner, sender;
  std::string const name = new_stream();

  explicit running(nats_server const& server) {
    auto ready = false;
    auto const set_up = [&]() -> awaitable<void> {
      owner = co_await open_node(server.url(), named("owner-" + name));
      sender = co_await open_node(server.url(), named("sender-" + name, true));
      ready = true;
      context->stop();
    };
    asio::co_spawn(*context, set_up(), asio::detached);
    context->run();
    context->restart();
    BOOST_REQUIRE(ready);
  }
  awaitable<void> make_call(call what) { return make(what, owner, sender, name); }
  void drop_handles() {
    owner = node();
    sender = node();
  }
};

bool is_known_end(std::exception_ptr e) {
  try {
    if (e)
      std::rethrow_exception(e);
    return true;
  } catch (boost::system::system_error const& error) {
    return error.code() == asio::error::operation_aborted || error.code() == errc::closed;
  }
}

BOOST_DATA_TEST_CASE(a_call_cancelled_at_any_step_ends_and_leaves_nothing, calls, what) {
  nats_server server;
  cancel_at_each_step<running>(server, [&](running& r) { return r.make_call(what); }, is_known_end, [](running&) {});
}

BOOST_DATA_TEST_CASE(the_context_may_be_destroyed_at_any_step, calls, what) {
  nats_server server;
  destroy_the_context_at_each_step<running>(
      server, [&](running& r) { return r.make_call(what); },
      [](running& r) {
        run([&](asio::io_context&) -> awaitable<void> {
          auto const sent = co_await failure_of(r.sender.router.get<account>("account-1").execute<deposit>("x", 1));
          BOOST_TEST(sent.code.failed());
          r.owner.where->view();
          r.owner.where->owns("account-1");
        });
      });
}

// Commands from several threads, to a node that others drop, until its context is stopped and destroyed.
BOOST_AUTO_TEST_CASE(everything_may_end_in_the_middle_of_everything) {
  nats_server server;
  auto const before = open_descriptors();
  for (int round = 0; round < 9; ++round) {
    running r(server);
    asio::io_context callers(2);
    auto const hammer = [](command_router router, int lane) -> awaitable<void> {
      for (;;)
        co_await router.get<account>("account-" + std::to_string(lane)).execute<deposit>("x", 1);
    };
    for (int i = 0; i < 4; ++i)
      asio::co_spawn(callers, hammer(r.sender.router, i), asio::detached);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] { r.context->run(); });
      threads.emplace_back([&] { callers.run(); });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(4 * round));
    if (round % 3 == 0)
      r.drop_handles();
    r.context->stop();
    if (round % 3 == 1)
      r.drop_handles();
    threads[0].join();
    threads[2].join();
    callers.stop();
    threads[1].join();
    threads[3].join();
    r.context.reset();
  }
  BOOST_TEST(open_descriptors() == before);
}

} // namespace

BOOST_AUTO_TEST_SUITE_END()
