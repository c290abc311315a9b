// Connections on a real server: requests, publishing, subscriptions, and what is refused.
#include <integration/connection_support.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(connections, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::connection_state;
using nats::message;

BOOST_AUTO_TEST_CASE(connects_and_closes) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(server.url());
    BOOST_TEST(static_cast<bool>(c));
    BOOST_CHECK(c.state() == connection_state::connected);
    BOOST_TEST(c.connected_server() == server.url());
    BOOST_TEST(c.max_payload() == 1024 * 1024);
    BOOST_TEST(!c.last_error());
    auto const copy = c;
    co_await c.close();
    BOOST_CHECK(copy.state() == connection_state::closed);
    BOOST_TEST(copy.connected_server() == "");
    co_await c.close(); // twice is no error
  });
}

// run() fails when anything is left behind that keeps the io_context from returning.
BOOST_AUTO_TEST_CASE(the_last_handle_gone_ends_the_connection) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto s = co_await c.subscribe("a");
    c = connection(); // the subscription does not keep it
    auto const f = co_await failure_of(s.receive());
    BOOST_TEST(f.code == errc::closed);
  });
}

BOOST_AUTO_TEST_CASE(calls_begun_finish_when_the_last_handle_goes) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto responder = co_await connection::connect(options_for(server));
    auto requests = co_await responder.subscribe("slow");
    auto c = co_await connection::connect(options_for(server));
    message m("slow", "x");
    auto call = c.request(m);
    c = connection();
    auto answer_later = [&]() -> asio::awaitable<void> {
      auto got = co_await requests.receive();
      co_await responder.publish(message(got->reply, "answered"));
    };
    asio::co_spawn(co_await asio::this_coro::executor, answer_later(), asio::detached);
    auto const answer = co_await std::move(call);
    BOOST_TEST(answer.data == "answered");
  });
}

BOOST_AUTO_TEST_CASE(handles_without_a_connection_say_so) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto const check = [](connection c, errc expected) -> asio::awaitable<void> {
      message const m("a", "x");
      auto f = co_await failure_of(c.request(m));
      BOOST_TEST(f.code == expected);
      f = co_await failure_of(c.publish(m));
      BOOST_TEST(f.code == expected);
      f = co_await failure_of(c.flush());
      BOOST_TEST(f.code == expected);
      f = co_await failure_of(c.subscribe("a"));
      BOOST_TEST(f.code == expected);
    };
    connection none;
    BOOST_TEST(!none);
    BOOST_CHECK(none.state() == connection_state::closed);
    co_await check(none, errc::not_open);
    auto f = co_await failure_of(none.close());
    BOOST_TEST(f.code == errc::not_open);
    f = co_await failure_of(none.wait_for_change(connection_state::connected));
    BOOST_TEST(f.code == errc::not_open);
    f = co_await failure_of(nats::subscription().receive());
    BOOST_TEST(f.code == errc::not_open);
    auto c = co_await connection::connect(options_for(server));
    auto moved = std::move(c);
    co_await check(c, errc::not_open);
    co_await moved.close();
    co_await check(moved, errc::closed);
    auto const state = co_await moved.wait_for_change(connection_state::connected);
    BOOST_CHECK(state == connection_state::closed);
  });
}

BOOST_AUTO_TEST_CASE(a_request_is_answered_with_headers_and_any_bytes) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto requests = co_await c.subscribe("echo.*");
    asio::co_spawn(co_await asio::this_coro::executor, echo(c, std::move(requests)), asio::detached);
    for (auto const& data : {std::string(), std::string("x"), std::string("a\0\r\nb", 5), std::string(500'000, 'y')}) {
      message m("echo.me", data);
      m.headers = {{"One", "1"}, {"Two", "2"}, {"One", "again"}};
      auto const answer = co_await c.request(m);
      BOOST_TEST(answer.data == data);
      BOOST_TEST(answer.status == 0);
      BOOST_TEST(answer.header("Two") == "2");
      BOOST_TEST(answer.headers.size() == 3u);
    }
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(nobody_listening_is_an_answer_to_that_request_alone) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto slow = co_await c.subscribe("slow");
    std::string answered;
    auto ask_slowly = [&]() -> asio::awaitable<void> {
      auto const answer = co_await c.request(message("slow", "x"));
      answered = answer.data;
    };
    task_group group(co_await asio::this_coro::executor);
    group.spawn(ask_slowly());
    auto got = co_await slow.receive(); // the slow request is under way
    for (int i = 0; i < 20; ++i) {
      auto const answer = co_await c.request(message("nobody", "x"));
      BOOST_TEST(answer.status == 503);
    }
    BOOST_TEST(answered == "");
    co_await c.publish(message(got->reply, "late and right"));
    co_await group.join();
    BOOST_TEST(answered == "late and right");
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(an_unanswered_request_ends_at_its_deadline) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto silent = co_await c.subscribe("silent");
    auto const begun = std::chrono::steady_clock::now();
    auto const f = co_await failure_of(c.request(message("silent", "x"), within(30ms)));
    auto const took = std::chrono::steady_clock::now() - begun;
    BOOST_TEST(f.code == errc::timed_out);
    BOOST_TEST(f.text.find("silent") != std::string::npos);
    BOOST_CHECK(took >= 30ms);
    // An answer that comes too late disturbs nobody.
    auto got = co_await silent.receive();
    co_await c.publish(message(got->reply, "late"));
    co_await c.flush();
    auto const bad = co_await failure_of(c.request(message("silent", "x"), within(-1ns)));
    BOOST_TEST(bad.code == errc::invalid_argument);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(subscriptions_receive_in_order_and_end_with_their_handle) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    {
      auto s = co_await c.subscribe("n.>");
      for (int i = 0; i < 1000; ++i)
        co_await c.publish(message("n." + std::to_string(i), std::to_string(i)));
      for (int i = 0; i < 1000; ++i) {
        auto m = co_await s.receive();
        BOOST_REQUIRE(m.has_value());
        BOOST_TEST(m->data == std::to_string(i));
      }
      BOOST_TEST(!s.try_receive().has_value());
      auto none = co_await s.receive(within(5ms));
      BOOST_TEST(!none.has_value());
      BOOST_TEST(s.dropped() == 0u);
    }
    co_await c.flush();
    auto const gone = co_await c.request(message("n.1", "x")); // unsubscribed: nobody listens
    BOOST_TEST(gone.status == 503);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(what_came_before_the_end_is_still_received) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto s = co_await c.subscribe("a");
    co_await c.publish(message("a", "1"));
    co_await c.flush();
    co_await c.close();
    auto m = co_await s.receive();
    BOOST_TEST(m->data == "1");
    auto const f = co_await failure_of(s.receive());
    BOOST_TEST(f.code == errc::closed);
  });
}

BOOST_AUTO_TEST_CASE(a_full_buffer_drops_the_newest_and_counts_them) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    nats::subscription_options few, small;
    few.max_messages = 3;
    small.max_bytes = 1000;
    auto by_count = co_await c.subscribe("a", few);
    auto by_bytes = co_await c.subscribe("a", small);
    for (int i = 0; i < 10; ++i)
      co_await c.publish(message("a", std::to_string(i) + std::string(400, 'x')));
    co_await c.flush();
    BOOST_TEST(by_count.dropped() == 7u);
    BOOST_TEST(by_bytes.dropped() == 8u);
    for (char const first : {'0', '1', '2'}) {
      auto m = co_await by_count.receive();
      BOOST_TEST(m->data[0] == first);
    }
    co_await c.publish(message("a", "there is room again"));
    auto m = co_await by_count.receive();
    BOOST_TEST(m->data == "there is room again");
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_queue_group_shares_messages) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    nats::subscription_options workers;
    workers.queue = "workers";
    auto one = co_await c.subscribe("work", workers);
    auto two = co_await c.subscribe("work", workers);
    auto everything = co_await c.subscribe("work");
    constexpr int count = 200;
    for (int i = 0; i < count; ++i)
      co_await c.publish(message("work", std::to_string(i)));
    co_await c.flush();
    std::set<std::string> seen;
    int by_one = 0, by_two = 0, all = 0;
    for (; auto m = one.try_receive(); ++by_one)
      seen.insert(m->data);
    for (; auto m = two.try_receive(); ++by_two)
      seen.insert(m->data);
    while (everything.try_receive())
      ++all;
    BOOST_TEST(by_one + by_two == count);
    BOOST_TEST(seen.size() == static_cast<std::size_t>(count));
    BOOST_TEST(by_one > 0);
    BOOST_TEST(by_two > 0);
    BOOST_TEST(all == count);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(what_would_break_the_protocol_is_refused_and_harms_nothing) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto injected = co_await c.subscribe("injected");
    std::string const evil = "a 0\r\n\r\nPUB injected 4\r\nevil\r\nPUB b";
    auto f = co_await failure_of(c.publish(message(evil, "x")));
    BOOST_TEST(f.code == errc::invalid_argument);
    f = co_await failure_of(c.request(message(evil, "x")));
    BOOST_TEST(f.code == errc::invalid_argument);
    f = co_await failure_of(c.subscribe("a\r\nPUB injected 4\r\nevil\r\nSUB b"));
    BOOST_TEST(f.code == errc::invalid_argument);
    nats::subscription_options queue;
    queue.queue = "q 9\r\nPUB injected 4\r\nevil\r\nSUB c";
    f = co_await failure_of(c.subscribe("a", queue));
    BOOST_TEST(f.code == errc::invalid_argument);
    message with_reply("a", "x");
    with_reply.reply = "r\r\n";
    f = co_await failure_of(c.publish(with_reply));
    BOOST_TEST(f.code == errc::invalid_argument);
    message with_header("a", "x");
    with_header.headers = {{"A", "b\r\n\r\n"}};
    f = co_await failure_of(c.publish(with_header));
    BOOST_TEST(f.code == errc::invalid_argument);
    f = co_await failure_of(c.publish(message("", "x")));
    BOOST_TEST(f.code == errc::invalid_argument);
    // A server ends the connection for these, and would again each time they are subscribed to anew.
    for (auto const& filter : {std::string("a..b"), std::string("a."), std::string(">.a"), std::string(4090, 'a')}) {
      f = co_await failure_of(c.subscribe(filter));
      BOOST_TEST(f.code == errc::invalid_argument);
    }
    f = co_await failure_of(c.request(message(std::string(4032, 'a'), "x")));
    BOOST_TEST(f.code == errc::invalid_argument);
    auto const longest = co_await c.request(message(std::string(3980, 'a'), "x"));
    BOOST_TEST(longest.status == 503);
    co_await c.flush();
    BOOST_TEST(!injected.try_receive().has_value());
    BOOST_TEST(c.statistics().reconnects == 0u);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(messages_over_the_servers_limit_are_refused_before_they_are_sent) {
  nats_server server(without_jetstream("max_payload: 1000\n"));
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    BOOST_TEST(c.max_payload() == 1000);
    auto s = co_await c.subscribe("a");
    co_await c.publish(message("a", std::string(1000, 'x')));
    auto f = co_await failure_of(c.publish(message("a", std::string(1001, 'x'))));
    BOOST_TEST(f.code == errc::event_too_large);
    f = co_await failure_of(c.request(message("a", std::string(1001, 'x'))));
    BOOST_TEST(f.code == errc::event_too_large);
    message headers("a", std::string(900, 'x'));
    headers.headers = {{"Name", std::string(100, 'v')}};
    f = co_await failure_of(c.publish(headers));
    BOOST_TEST(f.code == errc::event_too_large);
    headers.headers = {{"Name", std::string(80, 'v')}}; // 12 + 4 + 2 + 80 + 2 = 100
    co_await c.publish(headers);
    co_await c.flush();
    int received = 0;
    while (s.try_receive())
      ++received;
    BOOST_TEST(received == 2);
    BOOST_TEST(c.statistics().reconnects == 0u);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(inboxes_stand_under_the_prefix) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.inbox_prefix = "my.own";
    auto c = co_await connection::connect(options);
    auto s = co_await c.subscribe("a");
    auto const f = co_await failure_of(c.request(message("a", "x"), within(1ms)));
    BOOST_TEST(f.code == errc::timed_out);
    auto m = co_await s.receive();
    BOOST_TEST(m->reply.starts_with("my.own."));
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(it_runs_where_it_is_told_and_serves_callers_anywhere) {
  nats_server server(without_jetstream());
  asio::thread_pool own(1);
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.executor = asio::make_strand(own);
    auto c = co_await connection::connect(options);
    auto requests = co_await c.subscribe("echo");
    asio::co_spawn(own, echo(c, std::move(requests)), asio::detached);
    auto const here = std::this_thread::get_id();
    for (int i = 0; i < 100; ++i) {
      auto const answer = co_await c.request(message("echo", std::to_string(i)));
      BOOST_TEST(answer.data == std::to_string(i));
      BOOST_CHECK(std::this_thread::get_id() == here);
    }
    auto on_a_strand = [&]() -> asio::awaitable<void> {
      auto const answer = co_await c.request(message("echo", "strand"));
      BOOST_TEST(answer.data == "strand");
    };
    co_await asio::co_spawn(asio::make_strand(context), on_a_strand(), asio::use_awaitable);
    co_await c.close();
  });
  own.join();
}

// Each test of concurrency runs on one thread and on four.
void many_requests_at_once(int threads) {
  nats_server server(without_jetstream());
  std::atomic<int> right = 0;
  constexpr int callers = 100, calls = 50;
  run(
      [&](asio::io_context& context) -> asio::awaitable<void> {
        auto c = co_await connection::connect(options_for(server));
        auto responder = co_await connection::connect(options_for(server));
        auto requests = co_await responder.subscribe("echo");
        asio::co_spawn(asio::make_strand(context), echo(responder, std::move(requests)), asio::detached);
        auto call = [&](int caller) -> asio::awaitable<void> {
          for (int i = 0; i < calls; ++i) {
            auto const data = std::to_string(caller) + "-" + std::to_string(i);
            auto const answer = co_await c.request(message("echo", data));
            right += answer.data == data;
          }
        };
        task_group group(context.get_executor());
        for (int i = 0; i < callers; ++i)
          group.spawn(call(i));
        co_await group.join();
        co_await c.close();
        co_await responder.close();
      },
      {.threads = threads});
  BOOST_TEST(right == callers * calls);
}

BOOST_AUTO_TEST_CASE(many_requests_at_once_on_one_thread) { many_requests_at_once(1); }
BOOST_AUTO_TEST_CASE(many_requests_at_once_on_four_threads) { many_requests_at_once(4); }

BOOST_AUTO_TEST_SUITE_END()
