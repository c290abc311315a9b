// Commands and queries on several threads, cancelled at any moment: every command counts once, and no query's function
// runs when its caller has gone.
#include <aether/memory_event_store.hpp>
#include <aether/task_group.hpp>
#include <support/account.hpp>
#include <support/run.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

BOOST_AUTO_TEST_SUITE(actor_threads)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

constexpr int clients = 8, rounds = 60, actors = 2;

// The function uses this frame: under a sanitizer it shows when that has gone.
awaitable<void> ask(actor<account> a, bool latest) {
  int looked = 0;
  auto const look = [&looked](account::state const& s) {
    ++looked;
    return s.balance;
  };
  co_await a.query(look, latest ? freshness::latest() : freshness::cached());
}

awaitable<void> send(actor<account> a, std::string id) {
  auto const options = with_id(std::move(id));
  co_await a.with(options).execute<deposit>("ref", 1);
}

awaitable<void> use(asio::any_io_executor executor, actor_host host, int client) {
  auto const a = host.get<account>("account-" + std::to_string(client % actors));
  for (int round = 0; round < rounds; ++round) {
    auto const id = std::to_string(client) + "-" + std::to_string(round);
    task_group group(executor);
    group.spawn(ask(a, true));
    group.spawn(send(a, id));
    group.spawn(ask(a, false));
    for (int i = 0; i < (round + client) % 7; ++i)
      co_await asio::post(executor, asio::use_awaitable);
    group.cancel();
    co_await group.join();
    auto options = with_id(id);
    options.maybe_repeated = true;
    co_await a.with(options).execute<deposit>("ref", 1);
  }
}

BOOST_AUTO_TEST_CASE(calls_cancelled_at_any_moment) {
  bool right = true;
  std::size_t events = 0;
  actor_metrics m;
  run_options options;
  options.threads = 4;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const store = std::make_shared<memory_event_store>(context.get_executor());
        actor_host host(context.get_executor(), store);
        task_group group(context.get_executor());
        for (int client = 0; client < clients; ++client)
          group.spawn(use(context.get_executor(), host, client));
        co_await group.join();
        for (int i = 0; i < actors; ++i) {
          auto const history = co_await store->get_events("account-" + std::to_string(i));
          std::set<std::string> ids;
          for (event const& e : history)
            right = right && ids.insert(e.command_id).second;
          events += history.size();
        }
        co_await host.close();
        m = host.metrics();
      },
      options);
  BOOST_TEST(right);
  BOOST_TEST(events == static_cast<std::size_t>(clients * rounds));
  BOOST_TEST(m.waiting == 0u);
  BOOST_TEST(m.actors == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
