// What a connection tells a logger, and what it never does.
#include <fault/proxy.hpp>
#include <integration/connection_support.hpp>
#include <integration/credentials.hpp>
#include <support/recording_logger.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <thread>

BOOST_AUTO_TEST_SUITE(connection_logging, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;
using nats::connection;
using nats::connection_state;
using nats::message;

namespace {

using logger_ptr = std::shared_ptr<recording_logger>;

/// Connects with a logger for everything, is cut off, comes back and closes; or fails to connect.
bool try_everything(nats::connection_options options, logger_ptr const& log) {
  fault::proxy proxy([&] {
    auto const& url = options.servers.front();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }());
  auto& url = options.servers.front();
  url = url.substr(0, url.rfind(':') + 1) + std::to_string(proxy.port());
  options.log = log;
  bool connected = false;
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto use = [&]() -> asio::awaitable<void> {
      auto c = co_await connection::connect(options);
      connected = true;
      co_await c.flush();
      proxy.cut(fault::cut_kind::reset);
      co_await c.wait_for_change(connection_state::connected);
      co_await c.wait_for_change(connection_state::reconnecting);
      co_await c.close();
    };
    co_await failure_of(use());
  });
  return connected;
}

/// Fails when one of the secrets is in what was logged, whole or without its first and last bytes.
void check_nothing_told(logger_ptr const& log, std::vector<std::string> const& secrets) {
  auto const text = log->text();
  BOOST_TEST(!text.empty());
  for (auto const& secret : secrets)
    BOOST_TEST(text.find(secret.substr(1, secret.size() - 2)) == std::string::npos, text);
}

/// With the right credentials, and with the wrong ones.
void try_both(nats::connection_options const& right, nats::connection_options const& wrong,
              std::vector<std::string> const& secrets) {
  auto const log = std::make_shared<recording_logger>();
  BOOST_TEST(try_everything(right, log));
  BOOST_TEST(log->count("connected") == 1u);
  BOOST_TEST(log->count("the connection was lost") == 1u);
  BOOST_TEST(log->count("reconnected") == 1u);
  BOOST_TEST(log->count("the connection was closed") == 1u);
  auto const failing = std::make_shared<recording_logger>();
  BOOST_TEST(!try_everything(wrong, failing));
  BOOST_TEST(failing->count("an attempt to connect failed") >= 1u);
  BOOST_TEST(failing->count("connected") == 0u);
  check_nothing_told(log, secrets);
  check_nothing_told(failing, secrets);
}

/// One that answers CONNECT with what it was told, as an error.
class echoing_server {
public:
  explicit echoing_server(std::string prefix)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), thread_([this, prefix] { serve(prefix); }) {}
  ~echoing_server() { thread_.join(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

private:
  void serve(std::string const& prefix) {
    boost::system::error_code ec;
    auto socket = acceptor_.accept(ec);
    std::string const info = R"(INFO {"server_id":"S","version":"2.10.0","max_payload":1048576,"auth_required":true})";
    asio::write(socket, asio::buffer(info + "\r\n"), ec);
    std::string line;
    asio::read_until(socket, asio::dynamic_buffer(line), "\r\n", ec);
    line.resize(line.find("\r\n"));
    asio::write(socket, asio::buffer("-ERR '" + prefix + line + "'\r\n"), ec);
    asio::read_until(socket, asio::dynamic_buffer(line), "never", ec); // until it hangs up
  }

  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

} // namespace

BOOST_AUTO_TEST_CASE(what_happens_to_a_connection_is_told_once_each) {
  nats_server server(without_jetstream());
  auto const log = std::make_shared<recording_logger>();
  auto options = options_for(server);
  options.log = log;
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options);
    auto const connected = log->records("connected");
    BOOST_TEST_REQUIRE(connected.size() == 1u);
    BOOST_TEST((connected[0].level == log_level::info));
    BOOST_TEST(connected[0]["server"] == '"' + server.url() + '"');
    BOOST_TEST(connected[0]["server_id"].size() > 10u);
    server.kill();
    co_await c.wait_for_change(connection_state::connected);
    auto const lost = log->records("the connection was lost");
    BOOST_TEST_REQUIRE(lost.size() == 1u);
    BOOST_TEST((lost[0].level == log_level::warning));
    BOOST_TEST(lost[0]["server"] == '"' + server.url() + '"');
    BOOST_TEST(!lost[0]["error"].empty());
    while (log->count("an attempt to connect failed") < 4)
      co_await pause(5ms);
    auto const failed = log->records("an attempt to connect failed");
    BOOST_TEST((failed[0].level == log_level::warning));
    BOOST_TEST((failed[1].level == log_level::debug)); // the same again
    server.start();
    co_await c.wait_for_change(connection_state::reconnecting);
    BOOST_TEST(log->count("reconnected") == 1u);
    co_await c.close();
  });
  BOOST_TEST(log->count("the connection was closed") == 1u);
  BOOST_TEST(log->records().back()["reconnects"] == "1");
}

BOOST_AUTO_TEST_CASE(a_refused_permission_names_the_subject_and_is_no_flood) {
  nats_server server(without_jetstream(R"(
authorization { users = [ { user: bob, password: b, permissions: {
  publish: { allow: ["allowed.>", "_INBOX.>"] }, subscribe: { allow: ["_INBOX.>"] } } } ] }
)"));
  auto const log = std::make_shared<recording_logger>();
  auto options = options_for(server);
  options.user = "bob";
  options.password = "b";
  options.log = log;
  std::string const refused = "the server refuses a permission";
  auto const begun = std::chrono::steady_clock::now();
  run([&](asio::io_context&) -> asio::awaitable<void> {
    auto c = co_await connection::connect(options);
    for (int i = 0; i < 200; ++i)
      co_await failure_of(c.request(message("forbidden.\"x\"", "x")));
    while (log->count(refused) == 0)
      co_await pause(1ms);
    co_await c.close();
  });
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  auto const told = log->records(refused);
  BOOST_TEST((told[0].level == log_level::warning));
  BOOST_TEST(told[0]["operation"] == "\"publish\"");
  BOOST_TEST(told[0]["subject"].find("forbidden.") == 1u);
  BOOST_TEST(told[0]["left_out"] == "0");
  BOOST_TEST(static_cast<double>(told.size()) <= seconds + 1);
  BOOST_TEST(told[0]["subject"].find("\\\"x") != std::string::npos); // it cannot end the text
}

BOOST_AUTO_TEST_CASE(no_logger_and_one_that_takes_nothing) {
  nats_server server(without_jetstream());
  auto const log = std::make_shared<recording_logger>(log_level::off);
  BOOST_TEST(try_everything(options_for(server), log));
  BOOST_TEST(try_everything(options_for(server), nullptr));
  BOOST_TEST(log->text().empty());
}

BOOST_AUTO_TEST_CASE(no_password_is_told) {
  nats_server server(without_jetstream("authorization { user: alice, password: \"right-p4ss\" }\n"));
  auto right = options_for(server);
  right.user = "alice";
  right.password = "right-p4ss";
  auto wrong = right;
  wrong.password = "wrong-p4ss";
  try_both(right, wrong, {"right-p4ss", "wrong-p4ss"});
}

BOOST_AUTO_TEST_CASE(no_credentials_of_a_url_are_told) {
  nats_server server(without_jetstream("authorization { user: alice, password: \"right-p4ss\" }\n"));
  auto right = options_for(server);
  right.servers = {"nats://alice:right-p4ss@" + server.url().substr(7)};
  auto wrong = right;
  wrong.servers = {"nats://alice:wrong-p4ss@" + server.url().substr(7)};
  try_both(right, wrong, {"right-p4ss", "wrong-p4ss", "alice:", ":right-p4ss@"});
}

BOOST_AUTO_TEST_CASE(no_token_is_told) {
  nats_server server(without_jetstream("authorization { token: \"right-t0ken\" }\n"));
  auto right = options_for(server);
  right.token = "right-t0ken";
  auto wrong = right;
  wrong.token = "wrong-t0ken";
  try_both(right, wrong, {"right-t0ken", "wrong-t0ken"});
  right.token.clear();
  right.servers = {"nats://right-t0ken@" + server.url().substr(7)};
  wrong = right;
  wrong.servers = {"nats://wrong-t0ken@" + server.url().substr(7)};
  try_both(right, wrong, {"right-t0ken", "wrong-t0ken"});
}

BOOST_AUTO_TEST_CASE(no_seed_is_told) {
  temporary_directory directory;
  nats_server server(without_jetstream(std::string("authorization { users = [ { nkey: ") + nkey_public + " } ] }\n"));
  auto right = options_for(server);
  right.nkey_public = nkey_public;
  right.nkey_seed_file = write_file(directory, "user.nk", nkey_seed);
  auto wrong = right;
  wrong.nkey_seed_file = write_file(directory, "wrong.nk", other_seed);
  try_both(right, wrong, {nkey_seed, other_seed});
}

BOOST_AUTO_TEST_CASE(no_credentials_file_is_told) {
  temporary_directory directory;
  nats_server server(without_jetstream(operator_config()));
  auto right = options_for(server);
  right.credentials_file = write_file(directory, "user.creds", credentials_text(user_seed));
  auto wrong = right;
  wrong.credentials_file = write_file(directory, "wrong.creds", credentials_text(other_seed));
  std::string const jwt = user_jwt;
  try_both(right, wrong, {jwt, jwt.substr(0, 40), jwt.substr(jwt.size() - 40), user_seed, other_seed});
}

// Also not when the server says it.
BOOST_AUTO_TEST_CASE(a_server_that_repeats_what_it_was_told) {
  temporary_directory directory;
  std::vector<nats::connection_options> all(4);
  all[0].user = "alice";
  all[0].password = "the-p4ssword";
  all[1].token = "the-t0ken";
  all[2].credentials_file = write_file(directory, "user.creds", credentials_text(user_seed));
  for (auto options : all) {
    auto const log = std::make_shared<recording_logger>();
    options.log = log;
    std::string const before = options.user.empty() && options.token.empty() ? "" : "nats://a:the-url-p4ss@h \x1b[2J ";
    {
      echoing_server server(before);
      bool const in_url = options.user.empty() && options.token.empty() && options.credentials_file.empty();
      options.servers = {"nats://" + std::string(in_url ? "alice:the-url-p4ss@" : "") + server.address()};
      run([&](asio::io_context&) -> asio::awaitable<void> {
        auto const f = co_await failure_of(connection::connect(options));
        BOOST_TEST(f.code.failed());
      });
    }
    check_nothing_told(log, {"the-p4ssword", "the-t0ken", "the-url-p4ss", std::string(user_jwt).substr(0, 60)});
    BOOST_TEST(log->text().find('\x1b') == std::string::npos);
    BOOST_TEST(log->text().find("***") != std::string::npos); // it did repeat it
    BOOST_TEST(log->count("an attempt to connect failed") == 1u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
