// Which actors there are: each once, with its events, also while others are saved.
#include <aether/task_group.hpp>
#include <contract/reading.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(contract_listing)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

using listing = std::map<std::string, std::vector<std::uint64_t>>; // each time that an actor came

awaitable<listing> list_all(event_store& store, std::string type) {
  list_options options;
  options.type = std::move(type);
  actor_list actors = store.list_actors(std::move(options));
  listing all;
  for (;;) {
    std::optional<listed_actor> const next = co_await actors.next();
    if (!next)
      co_return all;
    all[next->actor_id].push_back(next->events);
  }
}

std::string actor(int i) { return "order-" + std::to_string(i); }

BOOST_DATA_TEST_CASE(each_actor_once_with_its_events, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    listing all = co_await list_all(store, "");
    BOOST_TEST(all.empty());
    for (int i = 1; i <= 30; ++i)
      co_await fill(store, actor(i), 1, i);
    co_await fill(store, "customer-1", 5, 7);
    co_await fill(store, "nobody", 1, 1);
    co_await fill(store, "order", 1, 1); // no dash: of no type
    co_await store.save_snapshot(snapshot_of("order-99", 1)); // no event
    all = co_await list_all(store, "");
    BOOST_TEST(all.size() == 33u);
    BOOST_TEST(all["order-17"] == std::vector<std::uint64_t>{17});
    BOOST_TEST(all["customer-1"] == std::vector<std::uint64_t>{3});
    BOOST_TEST(all.count("order-99") == 0u);
    all = co_await list_all(store, "order");
    BOOST_TEST(all.size() == 30u);
    for (int i = 1; i <= 30; ++i)
      BOOST_TEST(all[actor(i)] == std::vector<std::uint64_t>{static_cast<std::uint64_t>(i)});
    all = co_await list_all(store, "unknown");
    BOOST_TEST(all.size() == 2u);
    all = co_await list_all(store, "shipment");
    BOOST_TEST(all.empty());
  });
}

BOOST_DATA_TEST_CASE(a_listing_ends_and_a_closed_store_has_none, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    co_await fill(store, "order-1", 1, 1);
    actor_list actors = store.list_actors();
    std::optional<listed_actor> next = co_await actors.next();
    BOOST_TEST(next.has_value());
    for (int i = 0; i < 3; ++i) {
      next = co_await actors.next();
      BOOST_TEST(!next.has_value());
    }
    actor_list other = store.list_actors();
    co_await store.close();
    boost::system::error_code const thrown = co_await error_of(other.next());
    BOOST_TEST(thrown == make_error_code(errc::closed));
  });
}

// Every actor that was there before comes exactly once, whatever is saved meanwhile.
BOOST_DATA_TEST_CASE(saves_while_listing, all_readers() * one_and_four_threads(), provider, threads) {
  run_options on;
  on.threads = threads;
  listing all;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    for (int i = 0; i < 600; ++i)
      co_await store->save_event(event_of(actor(i), 1));
    auto const write = [](store_ptr to) -> awaitable<void> {
      for (int i = 0; i < 600; ++i) {
        co_await to->save_event(event_of(actor(i), 2));
        co_await to->save_event(event_of(actor(1000 + i), 1));
      }
    };
    auto const list = [](store_ptr from, listing& into) -> awaitable<void> {
      into = co_await list_all(*from, "order");
    };
    task_group group(context.get_executor());
    group.spawn(list(store, all));
    group.spawn(write(store));
    co_await group.join();
  };
  with_data(provider, body, on);
  int missing = 0, wrong = 0;
  for (int i = 0; i < 600; ++i) {
    auto const found = all.find(actor(i));
    missing += found == all.end();
    wrong += found != all.end() && (found->second.size() != 1 || found->second[0] < 1 || found->second[0] > 2);
  }
  BOOST_TEST(missing == 0);
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
