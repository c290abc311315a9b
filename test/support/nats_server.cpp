// Implementation of nats_server: its configuration file, and waiting until it answers.
#include <support/nats_server.hpp>

#include <support/run.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace aether::test {
namespace {

std::string server_binary(std::string const& wanted) {
  if (!wanted.empty())
    return wanted;
  auto const* const variable = std::getenv("AETHER_NATS_SERVER");
  return variable && *variable ? variable : "nats-server";
}

// The first line that a server sends: INFO {…}. Nothing when it does not accept or does not answer.
std::optional<boost::json::object> server_info(std::uint16_t port) {
  asio::io_context context;
  tcp::socket socket(context);
  boost::system::error_code ec;
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), ec);
  if (ec)
    return std::nullopt;
  timeval const limit{1, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string line;
  for (char c = 0; line.size() < 65536 && c != '\n';) {
    // Not through Asio, which polls for as long as nothing comes.
    if (::recv(socket.native_handle(), &c, 1, 0) != 1)
      return std::nullopt;
    line += c;
  }
  if (!line.starts_with("INFO {"))
    return std::nullopt;
  auto info = boost::json::parse(line.substr(5), ec);
  if (ec || !info.is_object())
    return std::nullopt;
  return std::move(info.as_object());
}

// Each test run says once which server it used.
void announce(std::string const& version, std::string const& binary) {
  static std::once_flag once;
  std::call_once(once, [&] { std::cout << "nats-server " << version << " (" << binary << ")" << std::endl; });
}

} // namespace

nats_server::nats_server(nats_server_options options) : options_(std::move(options)) {
  auto const binary = find_program(server_binary(options_.binary));
  if (binary.empty())
    throw std::runtime_error("no " + server_binary(options_.binary) +
                             ": install nats-server, or name one in AETHER_NATS_SERVER");
  options_.binary = binary.string();
  // Between looking for a free port and the server's bind another process may take it.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    write_config();
    if (launch()) {
      announce(version_, options_.binary);
      return;
    }
  }
  throw std::runtime_error("nats-server finds no free port: " + log());
}

nats_server::~nats_server() { process_.kill(); }

std::string nats_server::url() const { return "nats://127.0.0.1:" + std::to_string(port_); }

bool nats_server::at_least(int major, int minor, int patch) const {
  int has[3] = {};
  if (std::sscanf(version_.c_str(), "%d.%d.%d", &has[0], &has[1], &has[2]) < 2)
    return false;
  return std::make_tuple(has[0], has[1], has[2]) >= std::make_tuple(major, minor, patch);
}

std::string nats_server::log() const { return read_file(directory() / ("server-" + std::to_string(starts_) + ".log")); }

void nats_server::start() {
  if (process_.running())
    throw std::logic_error("the nats-server runs already");
  // The port was ours a moment ago: what holds it now lets go of it, or the last attempt throws.
  for (int attempt = 0; attempt < 5; ++attempt)
    if (launch())
      return;
  throw std::runtime_error("nats-server cannot bind its port again: " + log());
}

void nats_server::restart() {
  process_.terminate();
  start();
}

void nats_server::write_config() {
  std::ofstream file(directory() / "server.conf");
  file << "listen: \"127.0.0.1:" << port_ << "\"\n";
  auto const store = options_.store_dir.empty() ? (directory() / "store").string() : options_.store_dir;
  if (options_.jetstream)
    file << "jetstream {\n  store_dir: \"" << store << "\"\n" << options_.jetstream_config << "\n}\n";
  file << options_.extra_config << '\n';
  if (!file.flush())
    throw std::runtime_error("cannot write " + (directory() / "server.conf").string());
}

// False: the port is taken. Throws when the server does not come up for another reason.
bool nats_server::launch() {
  ++starts_;
  auto const output = directory() / ("server-" + std::to_string(starts_) + ".log");
  process_ = child_process({options_.binary, "-c", (directory() / "server.conf").string()}, output);
  auto const deadline = std::chrono::steady_clock::now() + scaled(std::chrono::seconds(30));
  while (!is_ready()) {
    if (!process_.running()) {
      if (log().find("address already in use") != std::string::npos)
        return false;
      throw std::runtime_error("nats-server ended at its start: " + log());
    }
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("nats-server is not ready in time: " + log());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Another program may answer on the port while ours fails to bind it, so both the log and the port are asked. The
// server logs this line once JetStream is up.
bool nats_server::is_ready() {
  if (log().find("Server is ready") == std::string::npos)
    return false;
  auto const info = server_info(port_);
  if (!info)
    return false;
  auto const* const version = info->if_contains("version");
  if (version && version->is_string())
    version_ = version->as_string().c_str();
  return true;
}

std::uint16_t free_port() {
  static std::mutex mutex;
  static std::minstd_rand random{std::random_device{}()};
  std::lock_guard lock(mutex);
  asio::io_context context;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    auto const port = std::uniform_int_distribution<std::uint16_t>(10000, 32000)(random);
    tcp::acceptor acceptor(context);
    boost::system::error_code ec;
    acceptor.open(tcp::v4(), ec);
    acceptor.bind(tcp::endpoint(asio::ip::address_v4::loopback(), port), ec);
    if (!ec)
      return port;
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

boost::test_tools::assertion_result has_nats_server(boost::unit_test::test_unit_id) {
  auto const* const ci = std::getenv("CI");
  if ((ci && std::string(ci) == "true") || !find_program(server_binary("")).empty())
    return true;
  boost::test_tools::assertion_result missing(false);
  missing.message() << "no nats-server in PATH and none named in AETHER_NATS_SERVER";
  return missing;
}

} // namespace aether::test
