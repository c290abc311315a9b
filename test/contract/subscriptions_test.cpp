// Subscriptions: every start, every filter, resuming from every place, live events, waits that end early, and ends.
#include <contract/reading.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(contract_subscriptions)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

using texts = std::vector<std::string>;

/// order-1 and order-2 in turn, customer-1 now and then: 12 events.
awaitable<texts> history(event_store& store) {
  texts all;
  for (std::int64_t v = 1; v <= 4; ++v)
    for (char const* actor : {"order-1", "customer-1", "order-2"}) {
      co_await fill(store, actor, v, v);
      all.push_back(std::string(actor) + "@" + std::to_string(v));
    }
  co_return all;
}

texts caught_up_behind(texts all) {
  all.emplace_back("caught up");
  return all;
}

texts tail(texts const& all, std::size_t from) {
  return texts(all.begin() + static_cast<std::ptrdiff_t>(from), all.end());
}

awaitable<event_subscription> subscribe_from(event_store& store, start_from start) {
  subscribe_options options;
  options.start = std::move(start);
  event_subscription s = co_await store.subscribe(options);
  co_return s;
}

awaitable<boost::system::error_code> refused_start(event_store& store, start_from start) {
  subscribe_options options;
  options.start = std::move(start);
  boost::system::error_code const thrown = co_await error_of(store.subscribe(options));
  co_return thrown;
}

BOOST_DATA_TEST_CASE(from_the_beginning_then_live, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    texts const all = co_await history(store);
    event_subscription s = co_await store.subscribe();
    texts got = co_await until_caught_up(s);
    BOOST_TEST(got == caught_up_behind(all), boost::test_tools::per_element());
    BOOST_TEST(s.events_behind() == 0u);
    std::optional<subscription_item> item = co_await s.next(within(at_once));
    BOOST_TEST(!item.has_value());
    co_await fill(store, "order-3", 1, 3);
    got = co_await next_texts(s, 3); // and caught_up is not said again
    BOOST_TEST(got == (texts{"order-3@1", "order-3@2", "order-3@3"}), boost::test_tools::per_element());
    item = s.try_next();
    BOOST_TEST(!item.has_value());
  });
}

BOOST_DATA_TEST_CASE(an_empty_store_is_caught_up_at_once, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event_subscription s = co_await store.subscribe();
    event_subscription latest = co_await subscribe_from(store, start_from::latest_of_each_actor());
    event_subscription live = co_await subscribe_from(store, start_from::now());
    event_subscription timed = co_await subscribe_from(store, start_from::time(std::chrono::system_clock::now()));
    for (event_subscription* each : {&s, &latest, &live, &timed}) {
      std::string const text = co_await next_text(*each);
      BOOST_TEST(text == "caught up");
    }
    co_await fill(store, "order-1", 1, 1);
    for (event_subscription* each : {&s, &latest, &live, &timed}) {
      std::string const text = co_await next_text(*each);
      BOOST_TEST(text == "order-1@1");
    }
  });
}

BOOST_DATA_TEST_CASE(now_is_when_it_subscribed, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    (void)co_await history(store);
    event_subscription s = co_await subscribe_from(store, start_from::now());
    co_await fill(store, "order-1", 5, 6); // before anything is taken
    texts const got = co_await next_texts(s, 3);
    BOOST_TEST(got == (texts{"caught up", "order-1@5", "order-1@6"}), boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(from_a_time, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    texts const all = co_await history(store);
    std::vector<time_point> times;
    event_subscription s = co_await store.subscribe();
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::optional<subscription_item> const item = co_await s.next(within(long_enough));
      BOOST_TEST_REQUIRE((item && std::holds_alternative<recorded_event>(*item)));
      times.push_back(std::get<recorded_event>(*item).stored);
    }
    BOOST_TEST(std::is_sorted(times.begin(), times.end()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const first = std::lower_bound(times.begin(), times.end(), times[i]) - times.begin();
      event_subscription from = co_await subscribe_from(store, start_from::time(times[i]));
      texts const got = co_await until_caught_up(from);
      BOOST_TEST(got == caught_up_behind(tail(all, static_cast<std::size_t>(first))));
    }
    event_subscription early = co_await subscribe_from(store, start_from::time(times[0] - std::chrono::hours(24)));
    texts got = co_await until_caught_up(early);
    BOOST_TEST(got == caught_up_behind(all));
    event_subscription late = co_await subscribe_from(store, start_from::time(times.back() + std::chrono::hours(1)));
    got = co_await until_caught_up(late);
    BOOST_TEST(got == texts{"caught up"});
  });
}

BOOST_DATA_TEST_CASE(each_actors_last_event_then_live, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    (void)co_await history(store);
    co_await fill(store, "order-1", 5, 6);
    event_subscription s = co_await subscribe_from(store, start_from::latest_of_each_actor());
    co_await fill(store, "order-2", 5, 5);
    texts const got = co_await next_texts(s, 5);
    texts const last{"customer-1@4", "order-2@4", "order-1@6", "caught up", "order-2@5"};
    BOOST_TEST(got == last, boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(every_filter, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    (void)co_await history(store);
    struct {
      std::vector<std::string> actor_types;
      std::string actor_id;
      std::vector<std::string> event_types;
      texts expected;
      std::string live;
    } const cases[] = {
        {{"customer"}, "", {}, {"customer-1@1", "customer-1@2", "customer-1@3", "customer-1@4"}, "customer-1@5"},
        {{}, "order-2", {}, {"order-2@1", "order-2@2", "order-2@3", "order-2@4"}, "order-2@5"},
        {{}, "order-2", {"Even"}, {"order-2@2", "order-2@4"}, "order-2@6"},
        {{"customer"}, "", {"Odd"}, {"customer-1@1", "customer-1@3"}, "customer-1@5"},
        {{}, "order-9", {}, {}, "order-9@1"},
        {{"nothing"}, "", {}, {}, "nothing-1@1"},
        {{"customer", "nothing", "customer"}, "", {"Even"}, {"customer-1@2", "customer-1@4"}, "nothing-1@2"},
        {{}, "", {"Other"}, {}, ""},
    };
    std::vector<event_subscription> all;
    for (auto const& c : cases) {
      subscribe_options options;
      options.filter.actor_types = c.actor_types;
      options.filter.actor_id = c.actor_id;
      options.filter.event_types = c.event_types;
      event_subscription s = co_await store.subscribe(options);
      texts const got = co_await until_caught_up(s);
      BOOST_TEST(got == caught_up_behind(c.expected), boost::test_tools::per_element());
      all.push_back(std::move(s));
    }
    co_await fill(store, "order-2", 5, 6);
    co_await fill(store, "nothing-1", 1, 2);
    co_await fill(store, "customer-1", 5, 5);
    co_await fill(store, "order-9", 1, 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (cases[i].live.empty())
        continue;
      std::string const text = co_await next_text(all[i]);
      BOOST_TEST(text == (i == 5 ? "nothing-1@1" : cases[i].live));
    }
  });
}

BOOST_DATA_TEST_CASE(types_together_come_in_stream_order, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    texts const all = co_await history(store);
    co_await fill(store, "shipment-1", 1, 3);
    subscribe_options options;
    options.filter.actor_types = std::vector<std::string>{"order", "customer"};
    event_subscription s = co_await store.subscribe(options);
    texts const got = co_await until_caught_up(s);
    BOOST_TEST(got == caught_up_behind(all), boost::test_tools::per_element());
  });
}

namespace {

/// In the only stream of which anything was read.
stream_place place_in(event_subscription const& s) {
  stream_place found;
  auto const where = s.position();
  for (auto const& place : where.places())
    if (place.sequence != 0)
      found = place;
  return found;
}

} // namespace

BOOST_DATA_TEST_CASE(positions_and_lag_move_over_filtered_events, all_readers(), provider) {
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    co_await fill(store, "order-1", 1, 9); // the last one is odd
    subscribe_options options;
    options.filter.event_types.push_back("Even");
    event_subscription s = co_await store.subscribe(options);
    texts const got = co_await until_caught_up(s);
    BOOST_TEST(got == (texts{"order-1@2", "order-1@4", "order-1@6", "order-1@8", "caught up"}),
               boost::test_tools::per_element());
    BOOST_TEST(s.events_behind() == 0u);
    std::int64_t const last = co_await store.latest_version("order-1");
    std::optional<event> const e = co_await store.find_event("order-1", last);
    BOOST_TEST_REQUIRE(e.has_value());
    BOOST_TEST(place_in(s).event_id == e->id);
    // What wait() holds does not count as taken; what it passed over before does.
    co_await fill(store, "order-1", 10, 10);
    bool const there = co_await s.wait(within(long_enough));
    BOOST_TEST(there);
    BOOST_TEST(place_in(s).event_id == e->id);
    BOOST_TEST(s.events_behind() >= 1u);
    (void)s.try_next();
    BOOST_TEST(s.events_behind() == 0u);
    co_await fill(store, "order-1", 11, 12);
    std::optional<event> const passed = co_await store.find_event("order-1", 11);
    bool const again = co_await s.wait(within(long_enough));
    BOOST_TEST(again);
    if (provider.streams == 1) // of several a held event may hide what was passed over before it
      BOOST_TEST(place_in(s).event_id == passed->id);
  });
}

BOOST_DATA_TEST_CASE(what_is_known_is_passed_over, all_readers(), provider) {
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    auto const asked = std::make_shared<texts>();
    subscribe_options options;
    options.is_known = [asked](std::string_view id) {
      asked->emplace_back(id);
      return id.starts_with("mine");
    };
    auto const save = [&](std::int64_t version, std::string id) -> awaitable<void> {
      event e = make_event("Placed", "order-1", version);
      e.id = std::move(id);
      co_await store.save_event(std::move(e));
    };
    co_await save(1, "mine-1");
    co_await save(2, "other-2");
    event_subscription s = co_await store.subscribe(options);
    texts const got = co_await until_caught_up(s);
    BOOST_TEST(got == (texts{"order-1@2", "caught up"}), boost::test_tools::per_element());
    co_await save(3, "mine-3");
    co_await save(4, "other \"4\"");
    co_await save(5, "mine-5");
    std::string const next = co_await next_text(s);
    BOOST_TEST(next == "order-1@4");
    co_await save(6, "mine-6");
    co_await save(7, "other-7");
    // What wait() passes over counts as taken, what it finds does not.
    bool const there = co_await s.wait(within(long_enough));
    BOOST_TEST(there);
    if (provider.streams == 1)
      BOOST_TEST(place_in(s).event_id == "mine-6");
    BOOST_TEST(text_of(s.try_next()) == "order-1@7");
    BOOST_TEST(place_in(s).event_id == "other-7");
    // Each was asked about once, where its id is plain.
    BOOST_TEST(std::count(asked->begin(), asked->end(), "mine-3") == 1);
    BOOST_TEST(std::count(asked->begin(), asked->end(), "other-7") == 1);
  });
}

BOOST_DATA_TEST_CASE(resuming_from_every_place_gives_exactly_the_rest, all_readers(), provider) {
  with_store(provider, [&](event_store& store) -> awaitable<void> {
    texts const all = co_await history(store);
    event_subscription s = co_await store.subscribe();
    std::vector<std::string> places{s.position().to_text()};
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::optional<subscription_item> const item = co_await s.next(within(long_enough));
      BOOST_TEST_REQUIRE((item && std::holds_alternative<recorded_event>(*item)));
      if (provider.streams == 1)
        BOOST_TEST((std::get<recorded_event>(*item).position() == s.position()));
      places.push_back(s.position().to_text());
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      event_subscription from = co_await subscribe_from(store, start_from::position(position::from_text(places[i])));
      BOOST_TEST(from.position().to_text() == places[i]);
      texts const got = co_await until_caught_up(from);
      BOOST_TEST(got == caught_up_behind(tail(all, i)), boost::test_tools::per_element());
    }
    // With a filter too, and from a place of an event that does not fit it.
    subscribe_options options;
    options.filter.actor_types.push_back("customer");
    options.start = start_from::position(position::from_text(places[3]));
    event_subscription customers = co_await store.subscribe(options);
    texts const got = co_await until_caught_up(customers);
    BOOST_TEST(got == (texts{"customer-1@2", "customer-1@3", "customer-1@4", "caught up"}),
               boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(positions_of_another_store_are_refused, all_readers(), provider) {
  auto const other = provider.make();
  with_data(provider, [&](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    store_ptr const foreign = co_await other->open(context.get_executor(), settings);
    (void)co_await history(*store);
    (void)co_await history(*foreign);
    event_subscription s = co_await foreign->subscribe();
    (void)co_await until_caught_up(s);
    boost::system::error_code thrown = co_await refused_start(*store, start_from::position(s.position()));
    BOOST_TEST(thrown == make_error_code(errc::position_invalid));
    // Of this one, but of an event that is not there, and ahead of it.
    event_subscription own = co_await store->subscribe();
    (void)co_await until_caught_up(own);
    for (int wrong = 0; wrong < 4; ++wrong) {
      std::vector<stream_place> places = own.position().places();
      auto const where = std::find_if(places.begin(), places.end(), [](auto const& p) { return p.sequence != 0; });
      BOOST_TEST_REQUIRE((where != places.end()));
      stream_place& place = *where;
      if (wrong == 0)
        place.event_id += "x";
      else if (wrong == 1)
        place.sequence += 100;
      else if (wrong == 2)
        place.created += std::chrono::seconds(1);
      else
        places.emplace_back("zzz", place.created, 1u, "id");
      thrown = co_await refused_start(*store, start_from::position(position(places)));
      BOOST_TEST(thrown == make_error_code(errc::position_invalid), "case " << wrong);
    }
  });
}

BOOST_DATA_TEST_CASE(bad_options_are_refused_when_awaited, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    subscribe_options options;
    options.filter.actor_id = "order-1";
    options.filter.actor_types.push_back("order");
    boost::system::error_code thrown = co_await error_of(store.subscribe(options));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    options.filter.actor_id.clear();
    options.filter.actor_types.push_back("");
    thrown = co_await error_of(store.subscribe(options));
    BOOST_TEST(thrown == make_error_code(errc::invalid_id));
    event_subscription s = co_await store.subscribe();
    thrown = co_await error_of(s.next(within(std::chrono::seconds(-1))));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
  });
}

BOOST_DATA_TEST_CASE(waiting_and_taking_by_hand, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event_subscription s = co_await subscribe_from(store, start_from::now());
    bool there = co_await s.wait(within(long_enough));
    BOOST_TEST(there);
    there = co_await s.wait(within(at_once)); // it is still there
    BOOST_TEST(there);
    BOOST_TEST(text_of(s.try_next()) == "caught up");
    there = co_await s.wait(within(at_once));
    BOOST_TEST(!there);
    BOOST_TEST(text_of(s.try_next()) == "nothing");
    co_await fill(store, "order-1", 1, 2);
    there = co_await s.wait(within(long_enough));
    BOOST_TEST(there);
    std::string const first = co_await next_text(s); // next() takes what wait() found
    BOOST_TEST(first == "order-1@1");
    std::string const second = co_await next_text(s);
    BOOST_TEST(second == "order-1@2");
  });
}

// Waits until it throws, and says what.
awaitable<void> wait_for_end(event_subscription& s, std::shared_ptr<boost::system::error_code> thrown) {
  *thrown = co_await error_of(s.wait());
}

BOOST_DATA_TEST_CASE(closing_the_store_ends_a_wait, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event_subscription s = co_await store.subscribe();
    (void)co_await next_text(s);
    auto const thrown = std::make_shared<boost::system::error_code>();
    auto const executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, wait_for_end(s, thrown), asio::detached);
    co_await store.close();
    while (!*thrown)
      co_await asio::post(executor, asio::use_awaitable);
    BOOST_TEST(*thrown == make_error_code(errc::closed));
    boost::system::error_code again = co_await error_of(s.next());
    BOOST_TEST(again == make_error_code(errc::closed));
    BOOST_CHECK_THROW((void)s.try_next(), error);
  });
}

BOOST_DATA_TEST_CASE(destroying_it_ends_a_wait, all_readers(), provider) {
  with_store(provider, [](event_store& store) -> awaitable<void> {
    event_subscription made = co_await subscribe_from(store, start_from::now());
    auto s = std::make_unique<event_subscription>(std::move(made));
    (void)co_await next_text(*s);
    auto const thrown = std::make_shared<boost::system::error_code>();
    auto const executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, wait_for_end(*s, thrown), asio::detached);
    s.reset();
    while (!*thrown)
      co_await asio::post(executor, asio::use_awaitable);
    BOOST_TEST(*thrown == asio::error::operation_aborted);
    co_await fill(store, "order-1", 1, 1); // nobody is there any more
  });
}

BOOST_DATA_TEST_CASE(it_outlives_the_handle_it_came_from, all_readers(), provider) {
  with_data(provider, [](store_data& data, asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    store_ptr const kept = co_await data.open(context.get_executor(), settings);
    store_ptr gone = data.copy(*kept);
    event_subscription s = co_await gone->subscribe();
    gone.reset();
    co_await fill(*kept, "order-1", 1, 1);
    texts const got = co_await next_texts(s, 2);
    BOOST_TEST(got == (texts{"caught up", "order-1@1"}), boost::test_tools::per_element());
    event_subscription const moved = std::move(s);
    boost::system::error_code const thrown = co_await error_of(s.next());
    BOOST_TEST(thrown == make_error_code(errc::not_open));
    BOOST_CHECK_THROW((void)s.try_next(), error);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
