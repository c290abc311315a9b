// Nodes that share a store over several streams: placement and commands by the store's name.
#include <integration/store_support.hpp>
#include <support/account.hpp>

#include <aether/command_router.hpp>
#include <aether/nats/command_transport.hpp>
#include <aether/nats/placement.hpp>
#include <aether/nats/sharded_store.hpp>

BOOST_AUTO_TEST_SUITE(sharded_placement, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

struct sharded_node {
  std::shared_ptr<sharded_event_store> store;
  std::shared_ptr<nats::placement> where;
  actor_host host;
  command_router router;

  sharded_node() = default;
};

awaitable<sharded_node> open_node(std::string name, std::string node) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto on = co_await nats::connection::connect(shared_server().url());
  nats::sharded_config config;
  config.stream_count = 3;
  config.stream.name_space = "acme";
  sharded_node n;
  auto store = co_await nats::open_sharded_store(on, name, config);
  n.store = std::make_shared<sharded_event_store>(store);
  n.host = actor_host(executor, n.store);
  nats::placement_options options;
  options.node = std::move(node);
  options.lease = 60s;
  auto where = co_await nats::placement::join(on, name, config.stream, options);
  n.where = std::make_shared<nats::placement>(std::move(where));
  command_routes routes;
  routes.add<account, deposit>();
  auto way = std::make_shared<nats::command_transport>(on, name, config.stream);
  auto router = co_await command_router::open(n.host, n.where, std::move(way), std::move(routes));
  n.router = std::move(router);
  co_return n;
}

awaitable<void> close(sharded_node n) {
  co_await n.where->leave();
  co_await n.router.close();
  co_await n.host.close();
}

} // namespace

BOOST_AUTO_TEST_CASE(commands_find_the_node_of_their_actor) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto one = co_await open_node(name, "one");
    auto two = co_await open_node(name, "two");
    BOOST_TEST(one.where->bucket() == "acme_" + name + "_nodes");
    auto view = one.where->view();
    while (view->nodes.size() < 2)
      view = co_await one.where->wait_for_change(view->epoch, call_options{20s});
    int of_one = 0;
    for (int i = 0; i < 20; ++i) {
      auto const actor = "account-" + std::to_string(i);
      co_await one.router.get<account>(actor).execute<deposit>("first", 1);
      co_await two.router.get<account>(actor).execute<deposit>("second", 2);
      BOOST_TEST(one.where->owns(actor) != two.where->owns(actor));
      of_one += one.where->owns(actor);
      auto const version = co_await one.store->latest_version(actor);
      BOOST_TEST(version == 2);
    }
    BOOST_TEST((of_one > 0 && of_one < 20));
    // Each actor is in the memory of its owner alone.
    BOOST_TEST(one.host.metrics().actors == static_cast<std::size_t>(of_one));
    BOOST_TEST(two.host.metrics().actors == static_cast<std::size_t>(20 - of_one));
    co_await close(two);
    co_await close(one);
  });
}

BOOST_AUTO_TEST_SUITE_END()
