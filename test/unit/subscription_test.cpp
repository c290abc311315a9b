// Subscriptions over a scripted feed: filters, positions, waits, errors, and giving way.
#include <aether/subscription.hpp>
#include <support/run.hpp>
#include <unit/scripted_feed.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(event_subscription_handle)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

auto script() { return std::make_shared<scripted_feed>(); }

subscribe_options only(std::string type) {
  subscribe_options options;
  options.filter.event_types.push_back(std::move(type));
  return options;
}

call_options within(std::chrono::seconds timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}

std::uint64_t reached(event_subscription const& s) { return s.position().places().at(0).sequence; }

std::int64_t version_of(std::optional<subscription_item> const& item) {
  auto const* e = item ? std::get_if<recorded_event>(&*item) : nullptr;
  return e ? e->event.version : 0;
}

BOOST_AUTO_TEST_CASE(filtered_events_move_the_position) {
  auto feed = script();
  feed->add(feed_step::event, 1, "Wanted");
  feed->add(feed_step::event, 2, "Other");
  feed->add(feed_step::event, 3, "Other");
  event_subscription s(feed, only("Wanted"));
  BOOST_TEST(version_of(s.try_next()) == 1);
  BOOST_TEST(reached(s) == 1u);
  BOOST_TEST(!s.try_next().has_value());
  BOOST_TEST(reached(s) == 3u);
  BOOST_TEST(s.events_behind() == 0u);
}

BOOST_AUTO_TEST_CASE(what_wait_holds_is_not_taken_and_what_it_passed_over_is) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add(feed_step::event, 1, "Wanted");
    feed->add(feed_step::event, 2, "Other");
    feed->add(feed_step::event, 3, "Wanted");
    event_subscription s(feed, only("Wanted"));
    bool there = co_await s.wait();
    BOOST_TEST(there);
    BOOST_TEST(reached(s) == 0u);
    BOOST_TEST(s.events_behind() == 3u);
    BOOST_TEST(version_of(s.try_next()) == 1);
    BOOST_TEST(reached(s) == 1u);
    there = co_await s.wait();
    BOOST_TEST(there);
    BOOST_TEST(reached(s) == 2u);
    BOOST_TEST(s.position().places()[0].event_id == "event-2");
    std::optional<subscription_item> const item = co_await s.next();
    BOOST_TEST(version_of(item) == 3);
    BOOST_TEST(reached(s) == 3u);
  });
}

BOOST_AUTO_TEST_CASE(a_position_while_caught_up_or_malformed_is_held) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add(feed_step::malformed);
    feed->add(feed_step::event, 1, "Wanted");
    feed->add(feed_step::malformed);
    feed->add(feed_step::caught_up);
    auto options = only("Wanted");
    options.malformed = malformed_messages::skip;
    event_subscription s(feed, options);
    (void)co_await s.wait();
    BOOST_TEST(reached(s) == 1u); // behind what was skipped
    BOOST_TEST(s.skipped() == 1u);
    (void)s.try_next();
    (void)co_await s.wait();
    BOOST_TEST(reached(s) == 3u);
    BOOST_TEST(s.skipped() == 2u);
    std::optional<subscription_item> const item = s.try_next();
    BOOST_TEST_REQUIRE(item.has_value());
    BOOST_TEST(std::holds_alternative<caught_up>(*item));
  });
}

BOOST_AUTO_TEST_CASE(malformed_messages_are_handed_out) {
  auto feed = script();
  feed->add(feed_step::malformed);
  event_subscription s(feed, {});
  auto const item = s.try_next();
  BOOST_TEST_REQUIRE((item && std::holds_alternative<replay_error>(*item)));
  BOOST_TEST(std::get<replay_error>(*item).raw_data == "no event");
  BOOST_TEST(s.skipped() == 0u);
}

BOOST_AUTO_TEST_CASE(timeouts_also_while_only_others_come) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    event_subscription s(feed, only("Wanted"));
    std::optional<subscription_item> item = co_await s.next(within(std::chrono::seconds(3)));
    BOOST_TEST(!item.has_value());
    feed->on_wait = [&feed] {
      feed->time += std::chrono::seconds(1);
      for (int i = 0; i < 1000; ++i)
        feed->add(feed_step::event, 1, "Other");
    };
    bool const there = co_await s.wait(within(std::chrono::seconds(3)));
    BOOST_TEST(!there);
    BOOST_TEST(feed->waits < 10);
    feed->on_wait = [&feed] { feed->add(feed_step::event, 2, "Wanted"); };
    item = co_await s.next(within(std::chrono::seconds(3)));
    BOOST_TEST(version_of(item) == 2);
    boost::system::error_code const thrown = co_await error_of(s.next(within(std::chrono::seconds(-1))));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    feed->on_wait = [] {};
  });
}

BOOST_AUTO_TEST_CASE(a_feed_that_throws_throws_again) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add_events(1, 1);
    feed->add_failure(errc::start_expired);
    event_subscription s(feed, {});
    bool const there = co_await s.wait();
    BOOST_TEST(there);
    BOOST_TEST(version_of(s.try_next()) == 1);
    boost::system::error_code thrown = co_await error_of(s.wait());
    BOOST_TEST(thrown == make_error_code(errc::start_expired));
    thrown = co_await error_of(s.next());
    BOOST_TEST(thrown == make_error_code(errc::start_expired));
    BOOST_CHECK_THROW((void)s.try_next(), error);
  });
}

BOOST_AUTO_TEST_CASE(its_end_stops_the_feed) {
  auto one = script(), two = script();
  {
    event_subscription s(one, {});
    event_subscription other(two, {});
    s = std::move(other);
    BOOST_TEST(one->stopped);
    BOOST_TEST(!two->stopped);
    event_subscription const moved(std::move(s));
    BOOST_TEST(!two->stopped);
  }
  BOOST_TEST(two->stopped);
  event_subscription none;
  BOOST_CHECK_THROW((void)none.try_next(), error);
  BOOST_TEST(none.position().is_beginning());
  BOOST_TEST(none.events_behind() == 0u);
}

// Also over events that nobody wants, in one call.
BOOST_AUTO_TEST_CASE(a_ready_subscription_gives_way) {
  run([](asio::io_context& context) -> awaitable<void> {
    auto feed = script();
    for (int i = 1; i <= 10'000; ++i)
      feed->add(feed_step::event, i, "Other");
    feed->add_events(1, 10'000);
    auto const turns = std::make_shared<int>(0);
    auto const ended = std::make_shared<bool>(false);
    auto const other = [](std::shared_ptr<int> count, std::shared_ptr<bool> end) -> awaitable<void> {
      for (; !*end; ++*count)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    };
    asio::co_spawn(context, other(turns, ended), asio::detached);
    event_subscription s(feed, only("Placed"));
    (void)co_await s.next();
    int const before = *turns;
    BOOST_TEST(before >= 20);
    for (int i = 1; i < 10'000; ++i)
      (void)co_await s.next();
    *ended = true;
    BOOST_TEST(*turns >= before + 20);
    BOOST_TEST(feed->waits == 0);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
