// Who may connect and do what: credentials of every kind, permissions, TLS.
#include <integration/connection_support.hpp>
#include <integration/credentials.hpp>

#include <support/temporary_directory.hpp>
#include <support/tls_files.hpp>

#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <fstream>

BOOST_AUTO_TEST_SUITE(connection_security, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::connection_state;
using nats::message;

namespace {

// Connects and does a round trip; or how connecting failed.
failure try_connect(nats::connection_options const& options) {
  failure f;
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto connect = [&]() -> asio::awaitable<void> {
      auto c = co_await connection::connect(options);
      co_await c.flush();
      co_await c.close();
    };
    f = co_await failure_of(connect());
  });
  return f;
}

// A server with TLS, and a client's options that trust it.
struct tls_server {
  temporary_directory directory;
  tls_files files = make_tls_files(directory.path());
  nats_server server{without_jetstream(tls_config(files))};

  nats::connection_options trusting() const {
    auto options = options_for(server);
    options.tls.ca_file = files.ca.string();
    options.tls.enabled = true;
    return options;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(user_and_password) {
  nats_server server(without_jetstream("authorization { user: alice, password: \"se cret\" }\n"));
  auto options = options_for(server);
  auto f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  BOOST_TEST(f.text.find(server.url()) != std::string::npos);
  options.user = "alice";
  options.password = "wrong";
  f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  BOOST_TEST(f.text.find("wrong") == std::string::npos);
  options.password = "se cret";
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

BOOST_AUTO_TEST_CASE(credentials_in_the_url_are_used_and_not_shown) {
  nats_server server(without_jetstream("authorization { user: alice, password: secret }\n"));
  auto const address = server.url().substr(7);
  nats::connection_options options;
  options.servers = {"nats://alice:wrongword@" + address};
  auto const f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  BOOST_TEST(f.text.find("wrongword") == std::string::npos);
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect("nats://alice:secret@" + address);
    BOOST_TEST(c.connected_server() == server.url());
    server.kill();
    auto const state = co_await c.wait_for_change(connection_state::connected);
    BOOST_CHECK(state == connection_state::reconnecting);
    server.start();
    co_await c.wait_for_change(connection_state::reconnecting);
    BOOST_TEST(c.last_error_text().find("secret") == std::string::npos);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_token) {
  nats_server server(without_jetstream("authorization { token: \"s3cr3t\" }\n"));
  auto options = options_for(server);
  options.token = "wrong";
  auto f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  options.token = "s3cr3t";
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

BOOST_AUTO_TEST_CASE(an_nkey) {
  temporary_directory directory;
  nats_server server(without_jetstream(std::string("authorization { users = [ { nkey: ") + nkey_public + " } ] }\n"));
  auto options = options_for(server);
  options.nkey_public = nkey_public;
  options.nkey_seed_file = write_file(directory, "wrong.nk", other_seed);
  auto f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  options.nkey_seed_file = write_file(directory, "user.nk", nkey_seed);
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
  options.nkey_seed_file = (directory.path() / "missing.nk").string();
  f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  BOOST_TEST(f.text.find("missing.nk") != std::string::npos, f.text);
}

// cnats signs some nonces wrongly.
BOOST_AUTO_TEST_CASE(an_nkey_every_time) {
  temporary_directory directory;
  nats_server server(without_jetstream(std::string("authorization { users = [ { nkey: ") + nkey_public + " } ] }\n"));
  auto options = options_for(server);
  options.nkey_public = nkey_public;
  options.nkey_seed_file = write_file(directory, "user.nk", nkey_seed);
  int refused = 0;
  for (int i = 0; i < 1000; ++i)
    refused += try_connect(options).code.failed();
  BOOST_TEST(refused == 0);
}

BOOST_AUTO_TEST_CASE(a_credentials_file) {
  temporary_directory directory;
  nats_server server(without_jetstream(operator_config()));
  auto options = options_for(server);
  options.credentials_file = write_file(directory, "user.creds", credentials_text(user_seed));
  auto f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
  options.credentials_file = write_file(directory, "wrong.creds", credentials_text(other_seed));
  f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  options.credentials_file = (directory.path() / "missing.creds").string();
  f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  BOOST_TEST(f.text.find("missing.creds") != std::string::npos, f.text);
}

BOOST_AUTO_TEST_CASE(of_several_servers_the_telling_error_is_given) {
  nats_server server(without_jetstream("authorization { user: alice, password: secret }\n"));
  auto options = options_for(server);
  options.servers.push_back("nats://127.0.0.1:" + std::to_string(free_port()));
  auto const f = try_connect(options);
  BOOST_TEST(f.code == errc::authentication_failed, f.text);
  for (auto const& url : options.servers)
    BOOST_TEST(f.text.find(url) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_permissions_forbid_is_told_and_harms_nothing_else) {
  nats_server server(without_jetstream(R"(
authorization { users = [ { user: bob, password: b, permissions: {
  publish: { allow: ["allowed.>", "_INBOX.>"] }, subscribe: { allow: ["allowed.>", "_INBOX.>"] } } } ] }
)"));
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.user = "bob";
    options.password = "b";
    auto c = co_await connection::connect(options);
    auto s = co_await c.subscribe("allowed.a");
    auto const begun = std::chrono::steady_clock::now();
    auto f = co_await failure_of(c.request(message("forbidden.a", "x")));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    BOOST_TEST(f.text.find("forbidden.a") != std::string::npos);
    f = co_await failure_of(c.subscribe("forbidden.b"));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    nats::subscription_options queue;
    queue.queue = "q";
    f = co_await failure_of(c.subscribe("forbidden.c", queue));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    f = co_await failure_of(c.request(message("forbidden.\"quoted\\", "x")));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    f = co_await failure_of(c.request(message("forbidden." + std::string(400, 'l'), "x")));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    BOOST_CHECK(std::chrono::steady_clock::now() - begun < scaled(5s)); // told, not waited for

    // Each of many at once hears of its own, and none of the others.
    std::atomic<int> refused = 0, answered = 0;
    auto forbidden = [&](int i) -> asio::awaitable<void> {
      auto const e = co_await failure_of(c.request(message("forbidden." + std::to_string(i), "x")));
      refused += e.code == errc::permission_denied;
    };
    auto allowed = [&](int i) -> asio::awaitable<void> {
      auto const answer = co_await c.request(message("allowed." + std::to_string(i), "x"));
      answered += answer.status == 503;
    };
    task_group group(context.get_executor());
    for (int i = 0; i < 100; ++i) {
      group.spawn(forbidden(i));
      group.spawn(allowed(i));
    }
    co_await group.join();
    BOOST_TEST(refused == 100);
    BOOST_TEST(answered == 100);

    co_await c.publish(message("forbidden.a", "x"));
    co_await c.publish(message("allowed.a", "still here"));
    auto m = co_await s.receive();
    BOOST_TEST(m->data == "still here");
    BOOST_TEST(c.statistics().reconnects == 0u);
    co_await c.close();
  });
}

BOOST_AUTO_TEST_CASE(a_permission_that_is_taken_away) {
  nats_server server(without_jetstream(R"(
authorization { users = [ { user: bob, password: b, permissions: {
  publish: ">", subscribe: ["_INBOX.>", "allowed.>"] } } ] }
)"));
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.user = "bob";
    options.password = "b";
    auto c = co_await connection::connect(options);
    auto s = co_await c.subscribe("allowed.a");
    auto const file = server.directory() / "server.conf";
    auto config = read_file(file);
    config.replace(config.find("allowed.>"), 9, "others.>");
    std::ofstream(file) << config;
    ::kill(server.pid(), SIGHUP);
    auto const f = co_await failure_of(s.receive(call_options{scaled(5s)}));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
  });
}

BOOST_AUTO_TEST_CASE(a_user_with_an_inbox_of_its_own) {
  nats_server server(without_jetstream(R"(
authorization { users = [ { user: bob, password: b, permissions: {
  publish: { allow: ["work", "_INBOX.>"] }, subscribe: { allow: ["_INBOX_bob.>"] } } }, { user: worker, password: w } ] }
)"));
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto options = options_for(server);
    options.user = "worker";
    options.password = "w";
    auto worker = co_await connection::connect(options);
    auto requests = co_await worker.subscribe("work");
    asio::co_spawn(context, echo(worker, std::move(requests)), asio::detached);
    options.user = "bob";
    options.password = "b";
    options.inbox_prefix = "_INBOX_bob";
    auto c = co_await connection::connect(options);
    auto const answer = co_await c.request(message("work", "done"));
    BOOST_TEST(answer.data == "done");
    co_await c.flush(); // it may not publish to its own inbox: the refusal is the answer
    co_await c.close();
    options.inbox_prefix = "";
    auto wrong = co_await connection::connect(options);
    auto f = co_await failure_of(wrong.request(message("work", "x")));
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    BOOST_TEST(f.text.find("_INBOX") != std::string::npos, f.text);
    f = co_await failure_of(wrong.flush());
    BOOST_TEST(f.code == errc::permission_denied, f.text);
    BOOST_TEST(wrong.last_error() == errc::permission_denied);
    co_await wrong.close();
    co_await worker.close();
  });
}

BOOST_AUTO_TEST_CASE(tls_with_the_right_authority) {
  tls_server const tls;
  auto const& server = tls.server;
  auto options = tls.trusting();
  auto f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
  options.tls.enabled = false; // the URL says it
  options.servers = {"tls://127.0.0.1:" + std::to_string(server.port())};
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
  options.servers = {"tls://localhost:" + std::to_string(server.port())};
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

BOOST_AUTO_TEST_CASE(tls_that_does_not_fit) {
  temporary_directory directory, other_directory;
  auto const files = make_tls_files(directory.path());
  auto const others = make_tls_files(other_directory.path());
  nats_server server(without_jetstream(tls_config(files)));
  auto options = options_for(server);
  auto f = try_connect(options); // the server wants TLS
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.enabled = true; // an authority the system does not know
  f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.ca_file = others.ca.string();
  f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  BOOST_TEST(f.text.find(server.url()) != std::string::npos);
  options.tls.ca_file = (directory.path() / "missing.pem").string();
  f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.ca_file = files.ca.string();
  options.tls.expected_hostname = "example.org";
  f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.expected_hostname = "localhost";
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
  options.tls.expected_hostname = "";
  options.tls.ca_file = others.ca.string();
  options.tls.verify_server = false;
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

// No name is told: the host of the URL counts. This one leads to the server, and is not in its certificate.
BOOST_AUTO_TEST_CASE(tls_checks_the_host_of_the_url) {
  temporary_directory directory;
  auto const files = make_tls_files(directory.path());
  nats_server server(without_jetstream(tls_config(files)));
  auto options = options_for(server);
  options.tls.ca_file = files.ca.string();
  options.servers = {"tls://127.1:" + std::to_string(server.port())};
  auto f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.expected_hostname = "127.0.0.1";
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

BOOST_AUTO_TEST_CASE(tls_wanted_from_a_server_without_it) {
  nats_server server(without_jetstream());
  auto options = options_for(server);
  options.tls.enabled = true;
  auto const f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
}

BOOST_AUTO_TEST_CASE(a_client_certificate) {
  temporary_directory directory;
  auto const files = make_tls_files(directory.path());
  nats_server server(without_jetstream(tls_config(files, true)));
  auto options = options_for(server);
  options.tls.enabled = true;
  options.tls.ca_file = files.ca.string();
  auto f = try_connect(options);
  BOOST_TEST(f.code == errc::tls_failed, f.text);
  options.tls.certificate_file = files.client_cert.string();
  options.tls.key_file = files.client_key.string();
  f = try_connect(options);
  BOOST_TEST(!f.code.failed(), f.text);
}

// Records of 16 KB come in parts; cnats must never wait for the rest on the strand.
BOOST_AUTO_TEST_CASE(tls_carries_large_messages_and_a_stall_is_survived) {
  tls_server tls;
  auto& server = tls.server;
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto const options = tls.trusting();
    auto c = co_await connection::connect(options);
    auto requests = co_await c.subscribe("echo");
    asio::co_spawn(context, echo(c, std::move(requests)), asio::detached);
    for (std::size_t const size : {0u, 1u, 16'000u, 16'384u, 20'000u, 900'000u}) {
      auto const answer = co_await c.request(message("echo", std::string(size, 'x')));
      BOOST_TEST(answer.data.size() == size);
    }
    auto flood = co_await c.subscribe("flood");
    co_await c.flush();
    auto const before = c.statistics().messages_in;
    auto p = co_await connection::connect(options); // another one, as the stall is to meet nothing that is written
    for (int i = 0; i < 300; ++i)
      co_await p.publish(message("flood", std::string(100'000, 'x')));
    co_await p.flush();
    server.pause();
    auto const begun = std::chrono::steady_clock::now();
    auto const f = co_await failure_of(c.flush(within(50ms)));
    BOOST_TEST(f.code == errc::timed_out);
    BOOST_CHECK(std::chrono::steady_clock::now() - begun < scaled(2s));
    BOOST_TEST(c.statistics().messages_in - before < 300u); // with records under way
    server.resume();
    for (int i = 0; i < 300; ++i) {
      auto const m = co_await flood.receive(within(10s));
      BOOST_REQUIRE(m.has_value());
    }
    BOOST_TEST(c.statistics().reconnects == 0u);
    co_await p.close();
    co_await c.close();
  });
}

// The kernel may have no room for the rest of a record while what it holds of it is not taken.
BOOST_AUTO_TEST_CASE(tls_goes_on_when_the_receive_buffer_is_full) {
  tls_server const tls;
  run([&](asio::io_context& context) -> asio::awaitable<void> {
    auto const options = tls.trusting();
    for (int i = 0; i < 40; ++i) { // a new connection each: the kernel gives one that is used more room
      auto c = co_await connection::connect(options);
      auto requests = co_await c.subscribe("echo");
      asio::co_spawn(context, echo(c, std::move(requests)), asio::detached);
      for (std::size_t const size : {20'000u, 900'000u}) {
        std::string const sent(size, static_cast<char>('a' + i % 26));
        auto const answer = co_await c.request(message("echo", sent));
        BOOST_TEST((answer.data == sent));
      }
      BOOST_TEST(c.statistics().reconnects == 0u);
      co_await c.close();
    }
  });
}

// Under TLS cnats writes all it has before it returns: what a stalled server does not take costs the link, not the
// thread.
BOOST_AUTO_TEST_CASE(tls_to_a_server_that_takes_nothing_is_given_up) {
  tls_server tls;
  auto& server = tls.server;
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto const options = tls.trusting();
    auto c = co_await connection::connect(options);
    server.pause();
    failure f;
    for (int i = 0; i < 1000 && !f.code.failed(); ++i)
      f = co_await failure_of(c.publish(message("a", std::string(100'000, 'x'))));
    BOOST_TEST(f.code == errc::connection_lost, f.text);
    server.resume();
    if (c.state() == connection_state::reconnecting)
      co_await c.wait_for_change(connection_state::reconnecting, within(20s));
    co_await c.flush();
    co_await c.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()
