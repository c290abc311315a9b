// Connections whose server goes, stalls or comes back: what is seen, what waits, what is told.
#include <integration/connection_support.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(connection_reconnecting, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using asio::ip::tcp;
using nats::connection;
using nats::connection_state;
using nats::message;

namespace {

std::string dead_url() { return "nats://127.0.0.1:" + std::to_string(free_port()); }

asio::awaitable<void> until(connection c, connection_state wanted) {
  for (auto state = c.state(); state != wanted;)
    state = co_await c.wait_for_change(state, within(20s));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_that_is_not_there_is_told_at_once_and_by_name) {
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto const one = dead_url(), two = dead_url();
    auto const begun = std::chrono::steady_clock::now();
    auto const f = co_await failure_of(connection::connect(one + "," + two));
    BOOST_TEST(f.code == errc::connect_failed);
    BOOST_TEST(f.text.find(one) != std::string::npos);
    BOOST_TEST(f.text.find(two) != std::string::npos);
    BOOST_CHECK(std::chrono::steady_clock::now() - begun < scaled(2s));
  });
}

BOOST_AUTO_TEST_CASE(the_first_server_of_the_list_may_be_dead) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(dead_url() + ", " + server.url());
    BOOST_TEST(c.connected_server() == server.url());
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_restarted_server_is_found_again_and_subscriptions_go_on) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto s = co_await c.subscribe("a");
    for (int round = 0; round < 3; ++round) {
      round % 2 == 0 ? server.kill() : server.terminate();
      co_await until(c, connection_state::reconnecting);
      BOOST_TEST(c.connected_server() == "");
      auto const f = co_await failure_of(c.publish(message("a", "lost")));
      BOOST_TEST(f.code == errc::connection_lost);
      server.start();
      co_await until(c, connection_state::connected);
      co_await c.publish(message("a", std::to_string(round)));
      auto m = co_await s.receive(within(10s));
      BOOST_REQUIRE(m.has_value());
      BOOST_TEST(m->data == std::to_string(round));
    }
    BOOST_TEST(c.statistics().reconnects == 3u);
    BOOST_TEST(c.last_error().failed());
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_request_waits_for_the_connection_within_its_deadline) {
  nats_server server(without_jetstream());
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto requests = co_await c.subscribe("echo");
    asio::co_spawn(context, echo(c, std::move(requests)), asio::detached);
    server.kill();
    co_await until(c, connection_state::reconnecting);
    auto f = co_await failure_of(c.request(message("echo", "x"), within(20ms)));
    BOOST_TEST(f.code == errc::timed_out);
    BOOST_TEST(f.text.find("not connected") != std::string::npos);
    std::string answered, received;
    auto ask = [&]() -> asio::awaitable<void> {
      auto const answer = co_await c.request(message("echo", "waited"));
      answered = answer.data;
    };
    auto subscribe = [&]() -> asio::awaitable<void> {
      auto s = co_await c.subscribe("b");
      co_await c.publish(message("b", "in effect"));
      auto m = co_await s.receive();
      received = m->data;
    };
    task_group group(context.get_executor());
    group.spawn(ask());
    group.spawn(subscribe());
    server.start();
    co_await group.join();
    BOOST_TEST(answered == "waited");
    BOOST_TEST(received == "in effect");
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_request_under_way_is_told_that_the_connection_broke) {
  nats_server server(without_jetstream());
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    auto silent = co_await c.subscribe("silent");
    failure f;
    auto ask = [&]() -> asio::awaitable<void> { f = co_await failure_of(c.request(message("silent", "x"))); };
    task_group group(context.get_executor());
    group.spawn(ask());
    co_await silent.receive();
    server.kill();
    co_await group.join();
    BOOST_TEST(f.code == errc::connection_lost);
    co_await c.close(); // while it reconnects
    BOOST_CHECK(c.state() == connection_state::closed);
  });
}

BOOST_AUTO_TEST_CASE(with_several_servers_the_next_one_is_taken) {
  nats_server one(without_jetstream()), two(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(one);
    options.servers.push_back(two.url());
    auto c = co_await connection::connect(options);
    BOOST_TEST(c.connected_server() == one.url());
    one.kill();
    co_await until(c, connection_state::reconnecting);
    co_await until(c, connection_state::connected);
    BOOST_TEST(c.connected_server() == two.url());
    two.kill();
    one.start();
    co_await until(c, connection_state::reconnecting);
    co_await until(c, connection_state::connected);
    BOOST_TEST(c.connected_server() == one.url());
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(servers_that_the_cluster_tells_of_are_tried_too) {
  auto const route_port = free_port();
  auto const cluster = [&](std::string const& name, std::uint16_t port, std::string const& routes) {
    return without_jetstream("server_name: " + name + "\ncluster {\n  name: c\n  listen: \"127.0.0.1:" +
                             std::to_string(port) + "\"\n  routes: [" + routes + "]\n}\n");
  };
  nats_server one(cluster("one", route_port, ""));
  nats_server two(cluster("two", free_port(), "\"nats://127.0.0.1:" + std::to_string(route_port) + "\""));
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(one));
    // That the two have met is seen by what one of them passes on to the other.
    auto other = co_await connection::connect(options_for(two));
    auto s = co_await other.subscribe("met");
    for (std::optional<message> met; !met;) {
      co_await c.publish(message("met", ""));
      met = co_await s.receive(within(20ms));
    }
    one.kill();
    co_await until(c, connection_state::reconnecting);
    co_await until(c, connection_state::connected);
    BOOST_TEST(c.connected_server() == two.url());
    co_await c.close();
    co_await other.close();
  });
}

BOOST_AUTO_TEST_CASE(a_silent_server_is_given_up_and_taken_again_when_it_answers) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.ping_interval = 30ms;
    options.max_pings_out = 2;
    auto c = co_await connection::connect(options);
    co_await pause(200ms); // probes are answered: it stays
    BOOST_CHECK(c.state() == connection_state::connected);
    BOOST_TEST(c.statistics().unmatched_replies == 0u);
    server.pause();
    co_await until(c, connection_state::reconnecting);
    BOOST_TEST(c.last_error() == errc::connection_lost);
    server.resume();
    co_await until(c, connection_state::connected);
    auto const answer = co_await c.request(message("nobody", ""));
    BOOST_TEST(answer.status == 503);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(what_a_stalled_server_does_not_take_is_bounded) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.max_pending_bytes = 1 << 20;
    auto c = co_await connection::connect(options);
    server.pause();
    failure f;
    std::size_t sent = 0;
    for (; !f.code.failed() && sent < (std::size_t{200} << 20); sent += 100'000)
      f = co_await failure_of(c.publish(message("a", std::string(100'000, 'x'))));
    BOOST_TEST(f.code == errc::overloaded);
    f = co_await failure_of(c.request(message("a", "x"), within(20ms)));
    BOOST_TEST((f.code == errc::timed_out || f.code == errc::overloaded));
    server.resume();
    co_await c.flush();
    co_await c.publish(message("a", std::string(100'000, 'x')));
    co_await c.flush();
    BOOST_TEST(c.statistics().reconnects == 0u);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_stalled_server_holds_up_no_deadline) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    server.pause();
    auto const begun = std::chrono::steady_clock::now();
    auto f = co_await failure_of(c.request(message("a", "x"), within(20ms)));
    BOOST_TEST(f.code == errc::timed_out);
    f = co_await failure_of(c.flush(within(20ms)));
    BOOST_TEST(f.code == errc::timed_out);
    co_await c.close(within(20ms));
    BOOST_CHECK(c.state() == connection_state::closed);
    BOOST_CHECK(std::chrono::steady_clock::now() - begun < scaled(1s));
    server.resume();
  });
}

BOOST_AUTO_TEST_CASE(waiting_for_a_change_has_a_deadline_when_it_is_given_one) {
  nats_server server(without_jetstream());
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options_for(server));
    for (int i = 0; i < 200; ++i) { // more than are kept before the ended ones are dropped
      auto const f = co_await failure_of(c.wait_for_change(connection_state::connected, within(1us)));
      BOOST_REQUIRE(f.code == errc::timed_out);
    }
    co_await c.close();
  });
}

// A peer that accepts and says nothing, or stops in the middle.
struct stalling_peer {
  asio::io_context context;
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::string says;
  std::vector<std::shared_ptr<tcp::socket>> accepted;
  std::thread thread;

  explicit stalling_peer(std::string what) : says(std::move(what)) {
    accept();
    thread = std::thread([this] { context.run(); });
  }
  ~stalling_peer() {
    context.stop();
    thread.join();
  }
  void accept() {
    auto socket = std::make_shared<tcp::socket>(context);
    acceptor.async_accept(*socket, [this, socket](boost::system::error_code ec) {
      if (ec)
        return;
      boost::system::error_code ignored;
      asio::write(*socket, asio::buffer(says), ignored);
      accepted.push_back(socket);
      accept();
    });
  }
  std::string url() const { return "nats://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()); }
};

std::string const info = R"(INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576)";

BOOST_AUTO_TEST_CASE(a_peer_that_says_nothing_ends_connecting_in_time) {
  for (auto const& says :
       {std::string(), std::string("INFO {"), info + "}\r\n", info + ",\"tls_required\":true}\r\n"}) {
    stalling_peer peer(says);
    run([&](asio::io_context&) -> asio::awaitable<void> {
      nats::connection_options options;
      options.servers = {peer.url()};
      options.connect_timeout = 50ms;
      options.tls.enabled = says.find("tls") != std::string::npos;
      auto const begun = std::chrono::steady_clock::now();
      auto const f = co_await failure_of(connection::connect(options));
      BOOST_TEST(f.code == errc::timed_out, f.text);
      BOOST_CHECK(std::chrono::steady_clock::now() - begun < scaled(1s));
    });
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_stalls_does_not_keep_others_of_the_list_from_their_turn) {
  nats_server server(without_jetstream());
  stalling_peer peer("");
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(peer.url() + "," + server.url());
    BOOST_TEST(c.connected_server() == server.url());
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(what_is_no_nats_server_is_told) {
  stalling_peer peer("HTTP/1.1 400 Bad Request\r\n\r\n");
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto const f = co_await failure_of(connection::connect(peer.url()));
    BOOST_TEST(f.code == errc::connect_failed, f.text);
    BOOST_TEST(f.text.find(peer.url()) != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_drops_each_connection_is_paused_for) {
  // Accepts, completes the connect, and closes: as a server does that is at its limit.
  asio::io_context peer_context;
  tcp::acceptor acceptor(peer_context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  auto const url = "nats://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  std::atomic<int> accepted = 0;
  auto serve = [&]() -> asio::awaitable<void> {
    for (;;) {
      auto socket = co_await acceptor.async_accept(asio::use_awaitable);
      ++accepted;
      auto const hello = info + "}\r\n";
      std::string const pong = "PONG\r\n";
      std::string got;
      boost::system::error_code ec;
      co_await asio::async_write(socket, asio::buffer(hello), asio::redirect_error(asio::use_awaitable, ec));
      while (!ec && got.find("PING") == std::string::npos) {
        char buffer[4096];
        auto const n =
            co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
        got.append(buffer, n);
      }
      co_await asio::async_write(socket, asio::buffer(pong), asio::redirect_error(asio::use_awaitable, ec));
    }
  };
  asio::co_spawn(peer_context, serve(), asio::detached);
  std::thread peer([&] { peer_context.run(); });
  run([&](asio::io_context&) -> asio::awaitable<void> {
    nats::connection_options options;
    options.servers = {url};
    options.reconnect_wait = 50ms;
    auto c = co_await connection::connect(options);
    co_await pause(400ms);
    BOOST_TEST(accepted >= 2);
    BOOST_TEST(accepted < 15); // without a pause there would be hundreds
    co_await c.close();
  });
  peer_context.stop();
  peer.join();
}

BOOST_AUTO_TEST_SUITE_END()
