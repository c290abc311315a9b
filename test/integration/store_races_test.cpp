// Many writers at one version, on one store, several stores and several connections: the server holds one message.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>

#include <atomic>

BOOST_AUTO_TEST_SUITE(store_races, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
namespace data = boost::unit_test::data;
using namespace aether;
using namespace aether::test;
using nats::jetstream_event_store;

namespace {

enum class layout { one_store, one_connection, several_connections };

std::ostream& operator<<(std::ostream& out, layout l) {
  return out << (l == layout::one_store        ? "one store"
                 : l == layout::one_connection ? "stores on one connection"
                                               : "stores on several connections");
}

struct tally {
  std::atomic<int> saved = 0, conflicts = 0, wrong = 0;
  std::atomic<std::uint64_t> sequence = 0;
};

awaitable<std::vector<jetstream_event_store>> open_stores(std::string name, layout how) {
  std::vector<jetstream_event_store> stores;
  auto raw = co_await raw_client::connect();
  for (int i = 0; i < (how == layout::one_store ? 1 : 5); ++i) {
    if (how == layout::several_connections)
      raw = co_await raw_client::connect();
    auto store = co_await jetstream_event_store::open(raw.connection(), name);
    stores.push_back(std::move(store));
  }
  co_return stores;
}

awaitable<void> write(jetstream_event_store store, event e, std::shared_ptr<tally> t) {
  auto const version = e.version;
  save_outcome const outcome = co_await store.try_save_event(std::move(e));
  if (auto const* s = std::get_if<saved>(&outcome)) {
    ++t->saved;
    t->sequence = s->sequence;
    t->wrong += s->already_saved || s->version != version;
  } else {
    ++t->conflicts;
    t->wrong += std::get<version_conflict>(outcome).current_version != version;
  }
}

/// Holds the store alone when the others have ended.
awaitable<void> lose(jetstream_event_store store, std::shared_ptr<std::atomic<int>> conflicts) {
  save_outcome const outcome = co_await store.try_save_event(event_of("order-1", 1));
  *conflicts += outcome.index() == 0;
}

void race(int writers, int threads, layout how) {
  constexpr std::int64_t versions = 3;
  std::vector<std::shared_ptr<tally>> rounds;
  std::int64_t messages = 0;
  std::vector<std::uint64_t> last_sequences;
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const name = new_stream();
        auto const stores = co_await open_stores(name, how);
        auto raw = co_await raw_client::connect();
        for (std::int64_t version = 1; version <= versions; ++version) {
          auto const t = std::make_shared<tally>();
          task_group group(context.get_executor());
          for (int i = 0; i < writers; ++i)
            group.spawn(write(stores[static_cast<std::size_t>(i) % stores.size()], event_of("order-1", version), t));
          co_await group.join();
          rounds.push_back(t);
          auto const last = co_await raw.last_message(name, name + ".events.order.order-1");
          last_sequences.push_back(last.at("seq").to_number<std::uint64_t>());
        }
        messages = co_await raw.count(name, name + ".>");
      },
      on(threads, std::chrono::seconds(120)));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    BOOST_TEST(rounds[i]->saved == 1);
    BOOST_TEST(rounds[i]->conflicts == writers - 1);
    BOOST_TEST(rounds[i]->wrong == 0);
    BOOST_TEST(rounds[i]->sequence == last_sequences[i]);
  }
  BOOST_TEST(messages == versions);
}

auto threads() { return data::make({1, 4}); }
auto layouts() { return data::make({layout::one_store, layout::one_connection, layout::several_connections}); }

} // namespace

BOOST_DATA_TEST_CASE(fifty_writers, threads() * layouts(), threads, how) { race(50, threads, how); }

BOOST_DATA_TEST_CASE(a_thousand_writers, threads() * layouts(), threads, how) { race(1000, threads, how); }

BOOST_DATA_TEST_CASE(writers_with_an_expectation, threads() * layouts(), threads, how) {
  constexpr int writers = 50;
  auto const t = std::make_shared<tally>();
  std::int64_t messages = 0;
  auto const write_expecting = [](jetstream_event_store store, event e,
                                  std::shared_ptr<tally> count) -> awaitable<void> {
    save_options const options = expecting(e.version % 7); // only one of seven expects what is there
    save_outcome const outcome = co_await store.try_save_event(std::move(e), options);
    ++(std::holds_alternative<saved>(outcome) ? count->saved : count->conflicts);
  };
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto const name = new_stream();
        auto const stores = co_await open_stores(name, how);
        task_group group(context.get_executor());
        for (int i = 0; i < writers; ++i)
          group.spawn(
              write_expecting(stores[static_cast<std::size_t>(i) % stores.size()], event_of("order-1", 7 + i), t));
        co_await group.join();
        auto raw = co_await raw_client::connect();
        messages = co_await raw.count(name, name + ".>");
      },
      on(threads));
  BOOST_TEST(t->saved == 1);
  BOOST_TEST(t->conflicts == writers - 1);
  BOOST_TEST(messages == 1);
}

// The strand may still be with the save that ended last when its caller lets go of the store.
BOOST_AUTO_TEST_CASE(the_last_handles_go_with_saves_that_end) {
  constexpr int rounds = 100, writers = 6;
  auto const conflicts = std::make_shared<std::atomic<int>>(0);
  auto const name = new_stream();
  run(
      [&](asio::io_context& context) -> awaitable<void> {
        auto raw = co_await raw_client::connect();
        {
          auto store = co_await jetstream_event_store::open(raw.connection(), name);
          co_await store.save_event(event_of("order-1", 1));
        }
        for (int round = 0; round < rounds; ++round) {
          task_group group(context.get_executor());
          {
            auto store = co_await jetstream_event_store::open(raw.connection(), name);
            (void)co_await store.latest_version("order-1"); // the cache knows the answer
            for (int w = 0; w < writers; ++w)
              group.spawn(lose(store, conflicts));
          }
          co_await group.join();
        }
      },
      on(4));
  BOOST_TEST(*conflicts == rounds * writers);
}

BOOST_AUTO_TEST_SUITE_END()
