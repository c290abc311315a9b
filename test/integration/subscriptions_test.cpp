// Following a JetStream store: every start, live events, and what is verified before reading goes on.
#include <integration/store_support.hpp>

#include <aether/task_group.hpp>

BOOST_AUTO_TEST_SUITE(subscriptions, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

/// The actors and versions of what comes until the subscription has caught up, e.g. "a-1:1 a-1:2".
awaitable<std::string> caught_up_text(event_subscription& subscription) {
  std::string text;
  for (;;) {
    call_options const patience{.timeout = 10s};
    auto const item = co_await subscription.next(patience);
    BOOST_REQUIRE(item.has_value());
    if (std::holds_alternative<caught_up>(*item))
      co_return text;
    if (!text.empty())
      text += ' ';
    if (auto const* e = std::get_if<recorded_event>(&*item))
      text += e->event.actor_id + ':' + std::to_string(e->event.version);
    else
      text += "malformed";
  }
}

awaitable<std::string> next_text(event_subscription& subscription) {
  call_options const patience{.timeout = 10s};
  auto const item = co_await subscription.next(patience);
  BOOST_REQUIRE(item.has_value());
  auto const* e = std::get_if<recorded_event>(&*item);
  co_return e == nullptr ? std::string("no event") : e->event.actor_id + ':' + std::to_string(e->event.version);
}

awaitable<std::string> text_from(event_store& store, start_from start, event_filter filter = {}) {
  subscribe_options options;
  options.start = start;
  options.filter = filter;
  auto subscription = co_await store.subscribe(options);
  co_return co_await caught_up_text(subscription);
}

template <class... Places> position at(Places... places) { return position({std::move(places)...}); }

awaitable<void> save_some(event_store& store) {
  for (int version = 1; version <= 3; ++version)
    for (auto const* actor : {"order-1", "order-2", "stock-1"})
      co_await store.save_event(event_of(actor, version));
}

} // namespace

BOOST_AUTO_TEST_CASE(begins_where_it_is_told_to) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    co_await save_some(store);
    auto text = co_await text_from(store, start_from::beginning());
    BOOST_TEST(text == "order-1:1 order-2:1 stock-1:1 order-1:2 order-2:2 stock-1:2 order-1:3 order-2:3 stock-1:3");
    text = co_await text_from(store, start_from::now());
    BOOST_TEST(text == "");
    text = co_await text_from(store, start_from::latest_of_each_actor());
    BOOST_TEST(text == "order-1:3 order-2:3 stock-1:3");
    event_filter filter;
    filter.actor_id = "order-2";
    text = co_await text_from(store, start_from::beginning(), filter);
    BOOST_TEST(text == "order-2:1 order-2:2 order-2:3");
    filter = {};
    filter.actor_types = {"stock"};
    text = co_await text_from(store, start_from::beginning(), filter);
    BOOST_TEST(text == "stock-1:1 stock-1:2 stock-1:3");
    filter.actor_types = {"stock", "order"};
    text = co_await text_from(store, start_from::beginning(), filter);
    BOOST_TEST(text == "order-1:1 order-2:1 stock-1:1 order-1:2 order-2:2 stock-1:2 order-1:3 order-2:3 stock-1:3");
    filter.actor_types = {"nothing"};
    text = co_await text_from(store, start_from::beginning(), filter);
    BOOST_TEST(text == "");
  });
}

BOOST_AUTO_TEST_CASE(goes_on_from_every_position_and_then_live) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    std::vector<recorded_event> all;
    for (int i = 0; i < 9; ++i) {
      auto item = co_await subscription.next();
      all.push_back(std::get<recorded_event>(*item));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      subscribe_options options;
      options.start = start_from::position(position::from_text(all[i].position().to_text()));
      auto rest = co_await store.subscribe(options);
      for (std::size_t k = i + 1; k < all.size(); ++k) {
        auto const item = co_await rest.next();
        BOOST_TEST((std::get<recorded_event>(*item).event == all[k].event));
        BOOST_TEST(std::get<recorded_event>(*item).sequence == all[k].sequence);
      }
      auto const item = co_await rest.next();
      BOOST_TEST(std::holds_alternative<caught_up>(*item));
    }
    auto const mark = co_await subscription.next();
    BOOST_TEST(std::holds_alternative<caught_up>(*mark));
    co_await store.save_event(event_of("order-1", 4));
    auto const text = co_await next_text(subscription);
    BOOST_TEST(text == "order-1:4");
    auto const none = co_await subscription.next(call_options{.timeout = 50ms});
    BOOST_TEST(!none.has_value());
  });
}

BOOST_AUTO_TEST_CASE(begins_at_a_time) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    std::vector<recorded_event> all;
    for (int i = 0; i < 9; ++i) {
      auto item = co_await subscription.next();
      all.push_back(std::get<recorded_event>(*item));
    }
    for (auto const& e : all) {
      subscribe_options options;
      options.start = start_from::time(e.stored);
      auto rest = co_await store.subscribe(options);
      auto const item = co_await rest.next();
      BOOST_TEST(std::get<recorded_event>(*item).sequence == e.sequence);
    }
    auto const text = co_await text_from(store, start_from::time(all.back().stored + 1ns));
    BOOST_TEST(text == "");
  });
}

BOOST_AUTO_TEST_CASE(refuses_a_position_that_does_not_fit) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    std::vector<position> places;
    for (int i = 0; i < 9; ++i) {
      auto item = co_await subscription.next();
      places.push_back(subscription.position());
    }
    auto const refused = [&](position const& p) -> awaitable<failure> {
      subscribe_options options;
      options.start = start_from::position(p);
      return failure_of(store.subscribe(options));
    };
    // Another event stands there.
    auto place = places[4].places().front();
    place.event_id = "another";
    auto f = co_await refused(at(place));
    BOOST_TEST(f.code == errc::position_invalid, f.text);
    BOOST_TEST(contains(f.text, "another"), f.text);
    // Ahead of the stream.
    place = places[8].places().front();
    place.sequence += 5;
    f = co_await refused(at(place));
    BOOST_TEST(f.code == errc::position_invalid, f.text);
    // Of another store, of several streams.
    place = places[4].places().front();
    place.stream = "zzz";
    f = co_await refused(at(place));
    BOOST_TEST(f.code == errc::position_invalid, f.text);
    f = co_await refused(at(places[4].places().front(), place));
    BOOST_TEST(f.code == errc::position_invalid, f.text);
    // Deleted and made again, with as many events.
    co_await raw.api("STREAM.DELETE." + store.stream());
    auto again = co_await open_store(store.stream_name());
    co_await save_some(again);
    f = co_await refused(places[4]);
    BOOST_TEST(f.code == errc::position_invalid, f.text);
    BOOST_TEST(contains(f.text, "deleted and made again"), f.text);
  });
}

BOOST_AUTO_TEST_CASE(tells_that_the_stream_is_gone) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    auto const text = co_await caught_up_text(subscription);
    BOOST_TEST(!text.empty());
    co_await raw.api("STREAM.DELETE." + store.stream());
    call_options const patience{.timeout = 20s};
    auto f = co_await failure_of(subscription.next(patience));
    BOOST_TEST(f.code == errc::stream_not_found, f.text);
    f = co_await failure_of(subscription.next(patience));
    BOOST_TEST(f.code == errc::stream_not_found, f.text);
  });
}

BOOST_AUTO_TEST_CASE(tells_that_the_stream_is_another_one) {
  with_new_store([](jetstream_event_store store) -> awaitable<void> {
    auto raw = co_await raw_client::connect();
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    auto const text = co_await caught_up_text(subscription);
    BOOST_TEST(!text.empty());
    co_await raw.api("STREAM.DELETE." + store.stream());
    auto again = co_await open_store(store.stream_name());
    co_await save_some(again);
    call_options const patience{.timeout = 20s};
    auto const f = co_await failure_of(subscription.next(patience));
    BOOST_TEST(f.code == errc::position_invalid, f.text);
  });
}

BOOST_AUTO_TEST_CASE(tells_that_what_follows_has_expired) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    co_await save_some(store);
    auto subscription = co_await store.subscribe();
    auto const item = co_await subscription.next();
    auto const place = subscription.position();
    auto raw = co_await raw_client::connect();
    co_await until_expired(raw, name);
    co_await store.save_event(event_of("order-3", 1));
    subscribe_options options;
    options.start = start_from::position(place);
    auto const f = co_await failure_of(store.subscribe(options));
    BOOST_TEST(f.code == errc::start_expired, f.text);
    options.on_expired = expired_start::first;
    auto rest = co_await store.subscribe(options);
    auto const text = co_await next_text(rest);
    BOOST_TEST(text == "order-3:1");
  });
}

// What was read and not taken yet when its reader fell behind.
BOOST_AUTO_TEST_CASE(tells_that_it_fell_behind_the_retention) {
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    auto store = co_await open_store(name, short_lived());
    co_await save_some(store);
    subscribe_options options;
    options.window_events = 2;
    auto slow = co_await store.subscribe(options);
    options.on_expired = expired_start::first;
    auto careless = co_await store.subscribe(options);
    auto text = co_await next_text(slow);
    text = co_await next_text(careless);
    auto raw = co_await raw_client::connect();
    co_await until_expired(raw, name);
    co_await store.save_event(event_of("order-3", 1));
    boost::system::error_code ended;
    for (int i = 0; i < 9 && !ended; ++i)
      ended = co_await error_of(slow.next(call_options{.timeout = 5s}));
    BOOST_TEST(ended == errc::start_expired);
    while (text != "order-3:1")
      text = co_await next_text(careless);
  });
}

BOOST_AUTO_TEST_SUITE_END()
