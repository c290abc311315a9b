// Many writers at once: each version is won exactly once.
#include <aether/task_group.hpp>
#include <contract/contract.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>

BOOST_AUTO_TEST_SUITE(contract_races)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

struct tally {
  std::atomic<int> saved = 0;
  std::atomic<int> already = 0;
  std::atomic<int> conflicts = 0;
  std::atomic<int> wrong = 0; // a conflict that names another current version than the winner's
};
using shared_tally = std::shared_ptr<tally>;

auto handle_counts() { return boost::unit_test::data::make({1, 4}); }

awaitable<std::vector<store_ptr>> open_several(store_data& data, asio::io_context& context, int count) {
  std::vector<store_ptr> stores;
  store_settings const settings;
  for (int i = 0; i < count; ++i) {
    store_ptr store = co_await data.open(context.get_executor(), settings);
    stores.push_back(std::move(store));
  }
  co_return stores;
}

awaitable<void> write(store_ptr store, event e, shared_tally t) {
  std::int64_t const version = e.version;
  save_outcome const outcome = co_await store->try_save_event(std::move(e));
  if (auto const* s = std::get_if<saved>(&outcome)) {
    ++(s->already_saved ? t->already : t->saved);
  } else {
    ++t->conflicts;
    if (std::get<version_conflict>(outcome).current_version != version)
      ++t->wrong;
  }
}

awaitable<void> write_batch(store_ptr store, std::vector<event> batch, shared_tally t) {
  save_outcome const outcome = co_await store->try_save_events(std::move(batch));
  ++(std::holds_alternative<saved>(outcome) ? t->saved : t->conflicts);
}

// Appends `count` events, each at whatever version is next.
awaitable<void> append(store_ptr store, std::string actor_id, int count, shared_tally t) {
  std::int64_t version = 0;
  while (count > 0) {
    event e = event_of(actor_id, version + 1);
    save_outcome const outcome = co_await store->try_save_event(std::move(e));
    if (auto const* conflict = std::get_if<version_conflict>(&outcome)) {
      version = conflict->current_version;
      ++t->conflicts;
    } else {
      ++version;
      --count;
      ++t->saved;
    }
  }
}

run_options on(int threads) {
  run_options options;
  options.threads = threads;
  options.limit = std::chrono::seconds(120);
  return options;
}

// Writers of different events at one version, three versions one after the other.
void race(store_provider const& provider, int writers, int threads, int handles) {
  std::vector<shared_tally> rounds;
  std::vector<std::int64_t> versions;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, handles);
    for (std::int64_t version = 1; version <= 3; ++version) {
      auto const t = std::make_shared<tally>();
      task_group group(context.get_executor());
      for (int i = 0; i < writers; ++i)
        group.spawn(write(stores[static_cast<std::size_t>(i % handles)], event_of("order-1", version), t));
      co_await group.join();
      rounds.push_back(t);
    }
    versions = co_await versions_of(*stores[0], "order-1");
  };
  with_data(provider, body, on(threads));
  for (auto const& t : rounds) {
    BOOST_TEST(t->saved == 1);
    BOOST_TEST(t->already == 0);
    BOOST_TEST(t->conflicts == writers - 1);
    BOOST_TEST(t->wrong == 0);
  }
  BOOST_TEST(versions == (std::vector<std::int64_t>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(fifty_writers_one_version, all_stores() * one_and_four_threads() * handle_counts(), provider,
                     threads, handles) {
  race(provider, 50, threads, handles);
}

BOOST_DATA_TEST_CASE(a_thousand_writers_one_version, all_stores() * one_and_four_threads() * handle_counts(), provider,
                     threads, handles) {
  race(provider, 1000, threads, handles);
}

BOOST_DATA_TEST_CASE(fifty_writers_of_the_same_event, all_stores() * one_and_four_threads() * handle_counts(), provider,
                     threads, handles) {
  auto const t = std::make_shared<tally>();
  std::size_t events = 0;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, handles);
    event const e = event_of("order-1", 1);
    task_group group(context.get_executor());
    for (int i = 0; i < 50; ++i)
      group.spawn(write(stores[static_cast<std::size_t>(i % handles)], e, t));
    co_await group.join();
    std::vector<std::int64_t> const versions = co_await versions_of(*stores[0], "order-1");
    events = versions.size();
  };
  with_data(provider, body, on(threads));
  BOOST_TEST(events == 1u);
  BOOST_TEST(t->conflicts == 0);
  BOOST_TEST(t->saved >= 1); // of two that are under way together, both may have stored it as far as they can tell
  BOOST_TEST(t->saved + t->already == 50);
}

BOOST_DATA_TEST_CASE(appenders_leave_no_gap, all_stores() * one_and_four_threads() * handle_counts(), provider, threads,
                     handles) {
  constexpr int writers = 20, each = 10;
  auto const t = std::make_shared<tally>();
  std::vector<std::int64_t> versions;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, handles);
    task_group group(context.get_executor());
    for (int i = 0; i < writers; ++i)
      group.spawn(append(stores[static_cast<std::size_t>(i % handles)], "order-1", each, t));
    co_await group.join();
    versions = co_await versions_of(*stores[0], "order-1");
  };
  with_data(provider, body, on(threads));
  BOOST_TEST(t->saved == writers * each);
  BOOST_TEST_REQUIRE(versions.size() == static_cast<std::size_t>(writers * each));
  for (std::size_t i = 0; i < versions.size(); ++i)
    BOOST_TEST(versions[i] == static_cast<std::int64_t>(i) + 1);
}

BOOST_DATA_TEST_CASE(different_actors_do_not_disturb_each_other, all_stores() * one_and_four_threads(), provider,
                     threads) {
  auto const t = std::make_shared<tally>();
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, 2);
    task_group group(context.get_executor());
    for (std::size_t i = 0; i < 100; ++i)
      group.spawn(append(stores[i % 2], "order-" + std::to_string(i), 20, t));
    co_await group.join();
  };
  with_data(provider, body, on(threads));
  BOOST_TEST(t->saved == 2000);
  BOOST_TEST(t->conflicts == 0);
}

BOOST_DATA_TEST_CASE(one_of_many_batches_wins_whole, all_stores() * one_and_four_threads() * handle_counts(), provider,
                     threads, handles) {
  if (!provider.batches())
    return;
  auto const t = std::make_shared<tally>();
  std::vector<event> events;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, handles);
    task_group group(context.get_executor());
    for (int i = 0; i < 20; ++i) {
      std::vector<event> batch = events_of("order-1", 1, 5);
      for (event& e : batch)
        e.command_id = "writer-" + std::to_string(i);
      group.spawn(write_batch(stores[static_cast<std::size_t>(i % handles)], std::move(batch), t));
    }
    co_await group.join();
    events = co_await stores[0]->get_events("order-1");
  };
  with_data(provider, body, on(threads));
  BOOST_TEST(t->saved == 1);
  BOOST_TEST(t->conflicts == 19);
  BOOST_TEST_REQUIRE(events.size() == 5u);
  for (event const& e : events)
    BOOST_TEST(e.command_id == events[0].command_id);
}

BOOST_DATA_TEST_CASE(readers_beside_writers_see_a_prefix, all_stores() * one_and_four_threads(), provider, threads) {
  auto const t = std::make_shared<tally>();
  std::atomic<int> torn = 0;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    std::vector<store_ptr> const stores = co_await open_several(data, context, 1);
    auto const read = [](store_ptr store, std::atomic<int>& bad) -> awaitable<void> {
      std::int64_t seen = 0;
      while (seen < 200) {
        std::vector<std::int64_t> const versions = co_await versions_of(*store, "order-1");
        for (std::size_t i = 0; i < versions.size(); ++i)
          bad += versions[i] != static_cast<std::int64_t>(i) + 1;
        auto const count = static_cast<std::int64_t>(versions.size());
        bad += count < seen;
        seen = count;
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      }
    };
    task_group group(context.get_executor());
    for (int i = 0; i < 3; ++i)
      group.spawn(read(stores[0], torn));
    for (int i = 0; i < 4; ++i)
      group.spawn(append(stores[0], "order-1", 50, t));
    co_await group.join();
  };
  with_data(provider, body, on(threads));
  BOOST_TEST(t->saved == 200);
  BOOST_TEST(torn == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
