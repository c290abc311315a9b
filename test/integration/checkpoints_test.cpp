// Checkpoints on a real server: answers that are lost, servers that are away, streams that are set up otherwise, and
// who may do what.
#include <fault/proxy.hpp>
#include <integration/store_support.hpp>

#include <aether/nats/checkpoint_store.hpp>

BOOST_AUTO_TEST_SUITE(checkpoints, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

position at(std::uint64_t sequence) {
  std::vector<stream_place> places;
  places.emplace_back("orders", time_point(std::chrono::seconds(1'700'000'000)), sequence, "e-7");
  return position(std::move(places));
}

awaitable<void> commit(checkpoint_session& session, std::uint64_t sequence, std::chrono::nanoseconds timeout = {}) {
  checkpoint next(at(sequence));
  call_options options;
  options.timeout = timeout;
  co_await session.commit(std::move(next), options);
}

BOOST_AUTO_TEST_CASE(they_stand_beside_the_events_one_message_a_projection) {
  with_new_store([](nats::jetstream_event_store store) -> awaitable<void> {
    auto const checkpoints = co_await nats::checkpoint_store::open(store);
    BOOST_TEST(checkpoints.stream() == store.stream() + "_checkpoints");
    auto copy = checkpoints;
    auto session = co_await copy.take_over("order totals");
    for (std::uint64_t i = 1; i <= 5; ++i)
      co_await commit(*session, i);
    auto client = co_await raw_client::connect();
    auto const config = co_await client.stream_config(checkpoints.stream());
    BOOST_TEST(config.at("max_msgs_per_subject").as_int64() == 1);
    BOOST_TEST(config.at("max_age").as_int64() == 0);
    auto const count = co_await client.count(checkpoints.stream(), checkpoints.stream() + ".>");
    BOOST_TEST(count == 1);
    auto const message = co_await client.last_message(checkpoints.stream(), checkpoints.stream() + ".order%20totals");
    BOOST_TEST(contains(std::string(message.at("data").as_string()), R"("sequence":5)"));
    // Opened again, also where nothing may be created.
    nats::jetstream_config config_again;
    config_again.create = false;
    auto const again = co_await open_store(store.stream_name(), config_again);
    auto const opened = co_await nats::checkpoint_store::open(again);
    auto const found = co_await opened.find("order totals");
    BOOST_TEST((found && found->position == at(5)));
    // The events' names and theirs never meet.
    auto const taken = co_await error_of(open_store(store.stream_name() + "_checkpoints"));
    BOOST_TEST(taken == make_error_code(errc::stream_settings_differ));
  });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_missing_or_would_lose_them_is_refused) {
  with_new_store([](nats::jetstream_event_store store) -> awaitable<void> {
    nats::jetstream_config config;
    config.create = false;
    auto const same = co_await open_store(store.stream_name(), config);
    auto const missing = co_await error_of(nats::checkpoint_store::open(same));
    BOOST_TEST(missing == make_error_code(errc::stream_not_found));

    auto client = co_await raw_client::connect();
    auto const name = store.stream() + "_checkpoints";
    boost::json::object expiring{{"name", name},
                                 {"subjects", boost::json::array{boost::json::value(name + ".*")}},
                                 {"max_age", 3'600'000'000'000}};
    co_await client.api("STREAM.CREATE." + name, expiring);
    std::string text;
    try {
      (void)co_await nats::checkpoint_store::open(store);
    } catch (error const& e) {
      BOOST_TEST(e.code() == make_error_code(errc::stream_settings_differ));
      text = e.what();
    }
    BOOST_TEST(contains(text, "max_age is 3600000000000, wanted 0"), text);
    BOOST_TEST(contains(text, "max_msgs_per_subject"), text);

    nats::jetstream_event_store const none;
    auto const not_open = co_await error_of(nats::checkpoint_store::open(none));
    BOOST_TEST(not_open == make_error_code(errc::not_open));
  });
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_no_takeover) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    fault::proxy proxy(shared_server().port());
    nats::jetstream_config config;
    config.request_timeout = 100ms;
    auto on = co_await nats::connection::connect(proxy.url());
    auto checkpoints = co_await nats::checkpoint_store::open(std::move(on), new_stream(), config);
    auto session = co_await checkpoints.take_over("totals");
    co_await commit(*session, 1);
    auto const lose_the_next_answer = [&] { proxy.cut_after(fault::way::to_client, 1, fault::cut_kind::reset); };
    for (std::uint64_t i = 2; i <= 6; ++i) {
      lose_the_next_answer(); // stored, and not told
      co_await commit(*session, i);
    }
    BOOST_TEST(proxy.cuts() == 5);
    // Given up unanswered: the next one resolves it.
    proxy.stall(fault::way::to_client);
    auto const late = co_await error_of(commit(*session, 7, 300ms));
    BOOST_TEST(late == make_error_code(errc::timed_out));
    proxy.go_on(fault::way::to_client);
    co_await commit(*session, 8);
    auto const found = co_await checkpoints.find("totals");
    BOOST_TEST((found && found->position == at(8)));
    // Taken over in spite of a lost answer, and the one before is refused.
    lose_the_next_answer();
    auto next = co_await checkpoints.take_over("totals");
    BOOST_TEST((next->last().position == at(8)));
    auto const refused = co_await error_of(commit(*session, 9));
    BOOST_TEST(refused == make_error_code(errc::projection_taken_over));
    co_await commit(*next, 9);
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_is_away_and_comes_back) {
  nats_server server;
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    nats::jetstream_config config;
    config.request_timeout = 200ms;
    auto on = co_await nats::connection::connect(server.url());
    auto checkpoints = co_await nats::checkpoint_store::open(std::move(on), name, config);
    auto session = co_await checkpoints.take_over("totals");
    co_await commit(*session, 1);
    server.kill();
    auto const away = co_await error_of(commit(*session, 2, 300ms));
    BOOST_TEST(is_retryable(away), away.message());
    server.start();
    co_await commit(*session, 3, 30s);
    auto const found = co_await checkpoints.find("totals");
    BOOST_TEST((found && found->position == at(3)));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
