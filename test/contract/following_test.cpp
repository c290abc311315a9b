// Subscriptions beside writers on several threads: every event once, in order, also over waits that are cancelled.
#include <aether/task_group.hpp>
#include <contract/reading.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <map>
#include <set>

BOOST_AUTO_TEST_SUITE(contract_following)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

/// What one subscription has seen.
struct seen {
  std::uint64_t events = 0;
  int out_of_order = 0; // sequences, or versions of one actor
  int caught_up = 0;
  int wrong = 0;
  std::map<std::string, std::uint64_t> last; // by stream
  std::map<std::string, std::int64_t> versions;

  void add(subscription_item const& item) {
    caught_up += std::holds_alternative<aether::caught_up>(item);
    wrong += std::holds_alternative<replay_error>(item);
    auto const* e = std::get_if<recorded_event>(&item);
    if (!e)
      return;
    ++events;
    auto& before = last[e->stream->name];
    out_of_order += e->sequence <= before;
    before = e->sequence;
    auto& version = versions[e->event.actor_id];
    out_of_order += e->event.version != version + 1;
    version = e->event.version;
  }
};

constexpr int writers = 4;
constexpr std::int64_t each = 300;

awaitable<void> write(store_ptr store, int writer) {
  co_await fill(*store, "order-" + std::to_string(writer), 1, each);
}

awaitable<void> follow(event_subscription& from, seen& into, std::uint64_t count) {
  while (into.events < count) {
    std::optional<subscription_item> const item = co_await from.next(within(long_enough));
    if (!item)
      break;
    into.add(*item);
  }
}

// Takes all that is there when a wait says so.
awaitable<void> follow_by_hand(event_subscription& from, seen& into, std::uint64_t count) {
  while (into.events < count) {
    bool const there = co_await from.wait(within(long_enough));
    if (!there)
      break;
    while (auto const item = from.try_next())
      into.add(*item);
  }
}

awaitable<void> wait_only(event_subscription& from) { (void)co_await from.wait(); }

// A wait that is cancelled again and again, mostly before anything comes.
awaitable<void> follow_over_cancelled_waits(event_subscription& from, seen& into, std::uint64_t count) {
  auto const executor = co_await asio::this_coro::executor;
  while (into.events < count) {
    task_group group(executor);
    group.spawn(wait_only(from));
    for (std::uint64_t i = 0; i < into.events % 3; ++i)
      co_await asio::post(executor, asio::use_awaitable);
    group.cancel();
    co_await group.join();
    while (auto const item = from.try_next())
      into.add(*item);
  }
}

using follower = awaitable<void> (*)(event_subscription&, seen&, std::uint64_t);

void all_seen(seen const& s) {
  BOOST_TEST(s.events == static_cast<std::uint64_t>(writers) * each);
  BOOST_TEST(s.out_of_order == 0);
  BOOST_TEST(s.caught_up == 1);
  BOOST_TEST(s.wrong == 0);
}

void followed_by(store_provider const& provider, follower how, int threads) {
  run_options on;
  on.threads = threads;
  seen one, two, filtered;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    event_subscription first = co_await store->subscribe();
    event_subscription second = co_await store->subscribe();
    subscribe_options options;
    options.filter.actor_id = "order-2";
    event_subscription third = co_await store->subscribe(options);
    task_group group(context.get_executor());
    group.spawn(how(first, one, writers * each));
    group.spawn(how(second, two, writers * each));
    group.spawn(how(third, filtered, each));
    for (int i = 0; i < writers; ++i)
      group.spawn(write(store, i));
    co_await group.join();
  };
  with_data(provider, body, on);
  all_seen(one);
  all_seen(two);
  BOOST_TEST(filtered.events == static_cast<std::uint64_t>(each));
  BOOST_TEST(filtered.out_of_order == 0);
}

BOOST_DATA_TEST_CASE(every_event_once_and_in_order, all_readers() * one_and_four_threads(), provider, threads) {
  followed_by(provider, follow, threads);
}

BOOST_DATA_TEST_CASE(waiting_and_taking_by_hand, all_readers() * one_and_four_threads(), provider, threads) {
  followed_by(provider, follow_by_hand, threads);
}

BOOST_DATA_TEST_CASE(cancelled_waits_lose_nothing, all_readers() * one_and_four_threads(), provider, threads) {
  followed_by(provider, follow_over_cancelled_waits, threads);
}

// What it has seen by then does not matter: a subscription begins at any moment and misses nothing behind its start.
BOOST_DATA_TEST_CASE(from_now_while_others_save, all_readers(), provider) {
  run_options on;
  on.threads = 4;
  int gaps = 0;
  auto const body = [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    auto const follow_some = [](store_ptr from, int& wrong) -> awaitable<void> {
      for (int round = 0; round < 20; ++round) {
        subscribe_options options;
        options.start = start_from::now();
        std::int64_t const before = co_await from->latest_version("order-0");
        options.filter.actor_id = "order-0";
        event_subscription s = co_await from->subscribe(options);
        std::int64_t const after = co_await from->latest_version("order-0");
        if (after == each)
          co_return;
        std::string first;
        while (first.empty() || first == "caught up")
          first = co_await next_text(s);
        std::int64_t const version = std::stoll(first.substr(first.find('@') + 1));
        wrong += version <= before || version > after + 1;
      }
    };
    task_group group(context.get_executor());
    group.spawn(follow_some(store, gaps));
    for (int i = 0; i < writers; ++i)
      group.spawn(write(store, i));
    co_await group.join();
  };
  with_data(provider, body, on);
  BOOST_TEST(gaps == 0);
}

// The context goes while somebody waits: nothing hangs, and nothing is used afterwards.
BOOST_DATA_TEST_CASE(a_context_that_goes_takes_its_waits_along, all_readers(), provider) {
  if (std::string const reason = provider.why_not ? provider.why_not() : ""; !reason.empty())
    return;
  auto const data = provider.make();
  store_ptr store;
  auto s = std::make_unique<event_subscription>();
  {
    asio::io_context context(1);
    auto const open = [&]() -> awaitable<void> {
      store_settings const settings;
      store = co_await data->open(context.get_executor(), settings);
      event_subscription made = co_await store->subscribe();
      *s = std::move(made);
      for (;;)
        (void)co_await s->next();
    };
    asio::co_spawn(context, open(), asio::detached);
    for (int i = 0; i < 1000 && !store; ++i)
      context.run_one_for(std::chrono::milliseconds(20));
    context.run_for(std::chrono::milliseconds(50));
  }
  s.reset();
  store.reset();
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
