// Readers over a scripted feed: what is wrong, what ends them, timeouts, and giving way.
#include <aether/event_reader.hpp>
#include <support/run.hpp>
#include <unit/scripted_feed.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(event_reader_handle)

using namespace aether;
using namespace aether::test;
namespace asio = boost::asio;

namespace {

auto script() { return std::make_shared<scripted_feed>(); }

/// What comes: versions, `!` and the sequence of what is wrong.
awaitable<std::string> all_of(event_reader& reader) {
  std::string text;
  for (;;) {
    std::optional<read_item> const item = co_await reader.next_with_errors();
    if (!item)
      co_return text;
    if (auto const* wrong = std::get_if<replay_error>(&*item))
      text += "!" + std::to_string(wrong->sequence) + " ";
    else
      text += std::to_string(std::get<recorded_event>(*item).event.version) + " ";
  }
}

std::shared_ptr<scripted_feed> crooked() {
  auto feed = script();
  feed->add_events(1, 2);
  feed->add(feed_step::malformed);
  feed->add_events(2, 3);
  feed->add(feed_step::caught_up);
  return feed;
}

BOOST_AUTO_TEST_CASE(what_is_wrong_comes_in_its_place) {
  run([](asio::io_context&) -> awaitable<void> {
    event_reader reader(crooked(), {}, std::chrono::seconds(1));
    std::string const text = co_await all_of(reader);
    BOOST_TEST(text == "1 2 !3 !4 3 ");
    BOOST_TEST(reader.skipped() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_counted_when_it_is_skipped) {
  run([](asio::io_context&) -> awaitable<void> {
    event_reader reader(crooked(), {}, std::chrono::seconds(1));
    for (std::int64_t version = 1; version <= 3; ++version) {
      std::optional<recorded_event> const next = co_await reader.next();
      BOOST_TEST_REQUIRE(next.has_value());
      BOOST_TEST(next->event.version == version);
    }
    std::optional<recorded_event> const end = co_await reader.next();
    BOOST_TEST(!end.has_value());
    BOOST_TEST(reader.skipped() == 2u);
  });
}

BOOST_AUTO_TEST_CASE(an_event_in_the_wrong_order_tells_why) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add_events(7, 7);
    feed->add_events(8, 8);
    read_options options;
    options.direction = read_direction::backwards;
    event_reader reader(feed, options, std::chrono::seconds(1));
    (void)co_await reader.next();
    std::optional<read_item> const item = co_await reader.next_with_errors();
    BOOST_TEST_REQUIRE((item && std::holds_alternative<replay_error>(*item)));
    auto const& wrong = std::get<replay_error>(*item);
    BOOST_TEST(wrong.error == make_error_code(errc::version_order));
    BOOST_TEST(wrong.raw_data == "bytes of event-8");
    BOOST_TEST(wrong.sequence == 2u);
    BOOST_TEST(wrong.reason.find("8") != std::string::npos);
    BOOST_TEST(wrong.reason.find("7") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(it_ends_with_what_was_asked_for_and_lets_the_feed_go) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add_events(1, 9);
    read_options options;
    options.max_events = 2;
    event_reader reader(feed, options, std::chrono::seconds(1));
    std::string const text = co_await all_of(reader);
    BOOST_TEST(text == "1 2 ");
    BOOST_TEST(feed->takes == 2);
    BOOST_TEST(feed.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_feed_that_throws_throws_again) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    feed->add_events(1, 1);
    feed->add_failure(errc::stream_not_found);
    event_reader reader(feed, {}, std::chrono::seconds(1));
    (void)co_await reader.next();
    for (int i = 0; i < 2; ++i) {
      boost::system::error_code const thrown = co_await error_of(reader.next());
      BOOST_TEST(thrown == make_error_code(errc::stream_not_found));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_timeout_is_of_one_call_and_loses_nothing) {
  run([](asio::io_context&) -> awaitable<void> {
    auto feed = script();
    event_reader reader(feed, {}, std::chrono::seconds(1));
    auto const begun = feed->time;
    boost::system::error_code thrown = co_await error_of(reader.next());
    BOOST_TEST(thrown == make_error_code(errc::timed_out));
    BOOST_TEST((feed->time - begun == std::chrono::seconds(1)));
    call_options options;
    options.timeout = std::chrono::seconds(5);
    thrown = co_await error_of(reader.next(options));
    BOOST_TEST(thrown == make_error_code(errc::timed_out));
    BOOST_TEST((feed->time - begun == std::chrono::seconds(6)));
    // Only what is skipped comes: the call's time goes on.
    feed->on_wait = [&feed] {
      feed->time += std::chrono::milliseconds(400);
      feed->add(feed_step::malformed);
    };
    thrown = co_await error_of(reader.next());
    BOOST_TEST(thrown == make_error_code(errc::timed_out));
    BOOST_TEST(reader.skipped() == 3u);
    feed->on_wait = [&feed] { feed->add_events(1, 1); };
    std::optional<recorded_event> const next = co_await reader.next();
    BOOST_TEST(next.has_value());
    feed->on_wait = [] {};
  });
}

BOOST_AUTO_TEST_CASE(options_are_checked_when_it_is_used) {
  run([](asio::io_context&) -> awaitable<void> {
    read_options options;
    options.direction = static_cast<read_direction>(7);
    event_reader wrong(script(), options, std::chrono::seconds(1));
    boost::system::error_code thrown = co_await error_of(wrong.next());
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    event_reader none;
    thrown = co_await error_of(none.next());
    BOOST_TEST(thrown == make_error_code(errc::not_open));
    BOOST_TEST(none.skipped() == 0u);
  });
}

// One that never has to wait lets others run all the same.
BOOST_AUTO_TEST_CASE(a_ready_reader_gives_way) {
  run([](asio::io_context& context) -> awaitable<void> {
    auto feed = script();
    feed->add_events(1, 10'000);
    auto const turns = std::make_shared<int>(0);
    auto const ended = std::make_shared<bool>(false);
    auto const other = [](std::shared_ptr<int> count, std::shared_ptr<bool> end) -> awaitable<void> {
      for (; !*end; ++*count)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    };
    asio::co_spawn(context, other(turns, ended), asio::detached);
    event_reader reader(feed, {}, std::chrono::seconds(1));
    for (int i = 0; i < 10'000; ++i)
      (void)co_await reader.next();
    *ended = true;
    BOOST_TEST(*turns >= 20);
    BOOST_TEST(feed->waits == 0);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
