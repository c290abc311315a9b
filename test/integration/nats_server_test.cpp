// The tests' own server: it starts, answers, is killed, paused and restarted where it was.
#include <support/nats_server.hpp>
#include <support/tls_files.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>

BOOST_AUTO_TEST_SUITE(own_nats_server, *boost::unit_test::precondition(aether::test::has_nats_server))

namespace asio = boost::asio;
using namespace aether::test;

namespace {

bool accepts(std::uint16_t port) {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  boost::system::error_code ec;
  socket.connect({asio::ip::address_v4::loopback(), port}, ec);
  return !ec;
}

} // namespace

BOOST_AUTO_TEST_CASE(ends_and_starts_again_on_its_port) {
  nats_server server;
  auto const url = server.url();
  BOOST_TEST(accepts(server.port()));
  BOOST_TEST(server.at_least(2, 9));
  BOOST_TEST(!server.at_least(99, 0));
  BOOST_TEST(server.log().find("Starting JetStream") != std::string::npos);
  server.kill();
  BOOST_TEST(!accepts(server.port()));
  server.start();
  BOOST_TEST(accepts(server.port()));
  server.restart();
  BOOST_TEST(accepts(server.port()));
  BOOST_TEST(server.url() == url);
}

BOOST_AUTO_TEST_CASE(pauses_and_goes_on) {
  nats_server server;
  server.pause();
  server.resume();
  BOOST_TEST(::kill(server.pid(), 0) == 0);
  server.pause();
  server.terminate(); // ends one that stands still
  BOOST_TEST(server.pid() == 0);
}

BOOST_AUTO_TEST_CASE(leaves_no_process_and_no_directory) {
  std::filesystem::path directory;
  pid_t pid = 0;
  {
    nats_server server;
    directory = server.directory();
    pid = server.pid();
    BOOST_TEST(std::filesystem::exists(directory / "store"));
  }
  BOOST_TEST(!std::filesystem::exists(directory));
  BOOST_TEST(::kill(pid, 0) == -1);
}

BOOST_AUTO_TEST_CASE(runs_without_jetstream) {
  nats_server_options options;
  options.jetstream = false;
  nats_server server(options);
  BOOST_TEST(server.log().find("Starting JetStream") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(says_why_it_does_not_start) {
  nats_server_options options;
  options.extra_config = "no_such_option: 1";
  BOOST_CHECK_EXCEPTION(nats_server{options}, std::runtime_error, [](std::exception const& e) {
    return std::string(e.what()).find("no_such_option") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(takes_certificates) {
  temporary_directory certificates;
  nats_server_options options;
  options.extra_config = tls_config(make_tls_files(certificates.path()));
  nats_server server(options);
  BOOST_TEST(server.log().find("TLS required") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
