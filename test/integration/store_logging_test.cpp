// What a JetStream store tells a logger: each record with its fields, no floods, and never what is stored.
#include <fault/proxy.hpp>
#include <integration/store_support.hpp>
#include <support/recording_logger.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/post.hpp>

BOOST_AUTO_TEST_SUITE(store_logging, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::jetstream_config;
using nats::jetstream_event_store;

namespace {

using logger_ptr = std::shared_ptr<recording_logger>;

std::string const payload = "only-the-reader-may-see-this";

jetstream_config logging_to(logger_ptr const& log) {
  jetstream_config config;
  config.log = log;
  return config;
}

event secret_event(std::string actor_id, std::int64_t version, std::string id = {}) {
  auto e = event_of(std::move(actor_id), version, std::move(id));
  e.data["secret"] = payload;
  e.metadata.user_id(payload);
  return e;
}

awaitable<void> save_within(jetstream_event_store store, event e, std::chrono::nanoseconds timeout,
                            boost::system::error_code& end) {
  save_options options;
  options.timeout = timeout;
  end = co_await error_of(store.save_event(std::move(e), options));
}

/// It ends unknown, as the server stands still.
awaitable<void> leave_unknown(nats_server& server, jetstream_event_store store, event e) {
  server.pause();
  boost::system::error_code end;
  co_await save_within(store, std::move(e), 100ms, end);
  BOOST_TEST(end == errc::outcome_unknown);
  server.resume();
}

} // namespace

BOOST_AUTO_TEST_CASE(opening_tells_stream_server_and_replicas) {
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(new_stream(), logging_to(log));
    auto const opened = log->records("the store was opened");
    BOOST_TEST_REQUIRE(opened.size() == 1u);
    BOOST_TEST((opened[0].level == log_level::info));
    BOOST_TEST(opened[0]["stream"] == '"' + store.stream() + '"');
    BOOST_TEST(opened[0]["replicas"] == "1");
    BOOST_TEST(!opened[0]["server_version"].empty());
    BOOST_TEST((std::stoi(opened[0]["api_level"]) > 0) == shared_server().at_least(2, 11));
  });
}

BOOST_AUTO_TEST_CASE(a_store_without_a_logger_uses_that_of_its_connection) {
  auto const of_connection = std::make_shared<recording_logger>();
  auto const of_store = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto options = options_for(shared_server());
    options.log = of_connection;
    auto connection = co_await nats::connection::connect(options);
    auto first = co_await jetstream_event_store::open(connection, new_stream(), jetstream_config());
    BOOST_TEST(of_connection->count("the store was opened") == 1u);
    auto second = co_await jetstream_event_store::open(connection, new_stream(), logging_to(of_store));
    BOOST_TEST(of_connection->count("the store was opened") == 1u);
    BOOST_TEST(of_store->count("the store was opened") == 1u);
    BOOST_TEST(of_store->count("connected") == 0u);
  });
}

BOOST_AUTO_TEST_CASE(each_weakened_setting_of_an_adopted_stream_is_a_warning) {
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto const name = new_stream();
    co_await open_store(name);
    auto config = logging_to(log);
    config.on_existing = nats::existing_stream::adopt;
    config.stream_retention = 48h;
    auto adopted = co_await open_store(name, config);
    auto const told = log->records("a setting of the stream is weaker than asked for");
    BOOST_TEST_REQUIRE(told.size() == adopted.weakened().size());
    BOOST_TEST_REQUIRE(told.size() == 1u);
    BOOST_TEST((told[0].level == log_level::warning));
    BOOST_TEST(told[0]["setting"] == "\"max_age\"");
    BOOST_TEST(told[0]["wanted"] == "\"2 days\"");
    BOOST_TEST(told[0]["actual"] == "\"365 days\"");
  });
}

BOOST_AUTO_TEST_CASE(an_unknown_save_is_a_warning_and_its_resolution_is_told) {
  nats_server server;
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders", logging_to(log));
    co_await store.save_event(event_of("order-1", 1));
    event const e = secret_event("order-1", 2, "an id\nwith a line");
    co_await leave_unknown(server, store, e);
    auto const unknown = log->records("a save ended unknown");
    BOOST_TEST_REQUIRE(unknown.size() == 1u);
    BOOST_TEST((unknown[0].level == log_level::warning));
    BOOST_TEST(unknown[0]["actor_id"] == "\"order-1\"");
    BOOST_TEST(unknown[0]["event_id"] == "\"an id\\x0Awith a line\"");
    BOOST_TEST(unknown[0]["version"] == "2");
    co_await store.save_event(e);
    while (log->count("an unknown save was resolved") == 0) // by the store itself, or by this call
      co_await pause(1ms);
    auto const resolved = log->records("an unknown save was resolved");
    BOOST_TEST_REQUIRE(resolved.size() == 1u);
    BOOST_TEST((resolved[0].level == log_level::info));
    BOOST_TEST(resolved[0]["event_id"] == "\"an id\\x0Awith a line\"");
    BOOST_TEST(resolved[0]["stored"] == "true");
    co_await store.close();
  });
  BOOST_TEST(log->text().find(payload) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_caller_who_left_and_was_refused_behind_his_back) {
  nats_server server;
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto store = co_await open_store(server.url(), "orders", logging_to(log));
    auto other = co_await open_store(server.url(), "orders");
    co_await store.save_event(event_of("order-1", 1));
    co_await other.save_event(event_of("order-1", 2));
    server.pause();
    boost::system::error_code end;
    task_group group(context.get_executor());
    group.spawn(save_within(store, event_of("order-1", 2), 10s, end));
    for (int i = 0; i < 10; ++i)
      co_await boost::asio::post(context.get_executor(), boost::asio::use_awaitable);
    group.cancel();
    co_await group.join_all();
    BOOST_TEST(log->count("a save ended unknown") == 1u);
    server.resume();
    co_await store.close();
  });
  auto const resolved = log->records("an unknown save was resolved");
  BOOST_TEST_REQUIRE(resolved.size() == 1u);
  BOOST_TEST(resolved[0]["stored"] == "false");
}

BOOST_AUTO_TEST_CASE(attempts_dropped_for_space_are_told_without_a_flood) {
  nats_server server;
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto config = logging_to(log);
    config.max_remembered_saves = 1;
    auto store = co_await open_store(server.url(), "orders", config);
    std::vector<event> events;
    for (int i = 0; i < 5; ++i) {
      events.push_back(event_of("order-" + std::to_string(i), 2));
      co_await store.save_event(event_of("order-" + std::to_string(i), 1));
    }
    server.pause();
    for (auto const& e : events) { // until the store itself has given up
      boost::system::error_code end;
      co_await save_within(store, e, 50ms, end);
    }
    auto const message = "a remembered attempt was dropped for space";
    while (log->count(message) == 0)
      co_await pause(1ms);
    server.resume();
    auto const told = log->records(message);
    BOOST_TEST((told[0].level == log_level::warning));
    BOOST_TEST(told[0]["left_out"] == "0");
    BOOST_TEST(log->count("a save ended unknown") == 5u);
    co_await store.close();
  });
}

BOOST_AUTO_TEST_CASE(an_id_used_twice_is_an_error) {
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(new_stream(), logging_to(log));
    co_await store.save_event(secret_event("order-1", 1, "the id"));
    auto const code = co_await error_of(store.save_event(secret_event("order-2", 7, "the id")));
    BOOST_TEST(code == errc::duplicate_event_id);
    auto const told = log->records("an event id was used for two events");
    BOOST_TEST_REQUIRE(told.size() == 1u);
    BOOST_TEST((told[0].level == log_level::error));
    BOOST_TEST(told[0]["actor_id"] == "\"order-2\"");
    BOOST_TEST(told[0]["event_id"] == "\"the id\"");
    BOOST_TEST(told[0]["version"] == "7");
  });
  BOOST_TEST(log->text().find(payload) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(malformed_messages_are_told_once_a_second) {
  auto const log = std::make_shared<recording_logger>();
  auto const message = "a stored message is malformed";
  auto const begun = std::chrono::steady_clock::now();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(new_stream(), logging_to(log));
    auto raw = co_await raw_client::connect();
    std::uint64_t first = 0;
    for (int i = 0; i < 100; ++i) {
      auto const at = co_await raw.publish(store.stream() + ".events.order.order-1", "{\"id\":\"" + payload + "\"}");
      first = first == 0 ? at : first;
    }
    auto const read = co_await store.get_events_with_errors("order-1");
    BOOST_TEST(read.errors.size() == 100u);
    auto told = log->records(message);
    BOOST_TEST_REQUIRE(told.size() >= 1u);
    BOOST_TEST((told[0].level == log_level::warning));
    BOOST_TEST(told[0]["stream"] == '"' + store.stream() + '"');
    BOOST_TEST(told[0]["sequence"] == std::to_string(first));
    BOOST_TEST(told[0]["error"].size() > 2u);
    BOOST_TEST(told[0]["left_out"] == "0");
    co_await store.get_events("order-1"); // who skips them is not told less
    auto subscription = co_await store.subscribe(subscribe_options());
    for (int i = 0; i < 100; ++i)
      co_await subscription.next(call_options{20s});
    while (log->count(message) < 2) {
      co_await pause(50ms);
      co_await store.get_events("order-1");
    }
    told = log->records(message);
    BOOST_TEST(std::stoi(told[1]["left_out"]) >= 100);
  });
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  BOOST_TEST(static_cast<double>(log->count(message)) <= seconds + 1);
  BOOST_TEST(log->text().find(payload) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reading_consumer_made_anew_is_a_detail) {
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    fault::proxy proxy(shared_server().port());
    auto store = co_await open_store(proxy.url(), new_stream(), logging_to(log));
    auto subscription = co_await store.subscribe(subscribe_options());
    co_await store.save_event(event_of("order-1", 1));
    auto item = co_await subscription.next(call_options{20s});
    proxy.cut(fault::cut_kind::reset);
    while (log->count("a reading consumer is made anew") == 0)
      co_await subscription.next(call_options{20ms});
    auto const told = log->records("a reading consumer is made anew");
    BOOST_TEST((told[0].level == log_level::debug));
    BOOST_TEST(told[0]["stream"] == '"' + store.stream() + '"');
    BOOST_TEST(!told[0]["from"].empty());
  });
}

BOOST_AUTO_TEST_CASE(a_dead_letter_is_a_warning_without_its_reason) {
  auto const log = std::make_shared<recording_logger>();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await open_store(new_stream(), logging_to(log));
    co_await store.save_event(secret_event("order-1", 1));
    group_options options;
    options.name = "invoices";
    auto group = co_await store.join_group(options);
    auto e = co_await group.next(call_options{20s});
    co_await e->reject(payload); // what a worker says may be what is stored
    auto const told = log->records("a group gave up on an event");
    BOOST_TEST_REQUIRE(told.size() == 1u);
    BOOST_TEST((told[0].level == log_level::warning));
    BOOST_TEST(told[0]["group"] == "\"invoices\"");
    BOOST_TEST(told[0]["sequence"] == "1");
    BOOST_TEST(told[0]["cause"] == "\"rejected\"");
    BOOST_TEST(told[0]["attempts"] == "1");
  });
  BOOST_TEST(log->text().find(payload) == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
