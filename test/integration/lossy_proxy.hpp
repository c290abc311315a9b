// A way to the server on which some of its messages are lost.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace aether::test {

/// Runs on a thread of its own until it is destroyed.
class lossy_proxy {
public:
  /// Loses every `every`-th message that is larger than `at_least` bytes.
  lossy_proxy(std::uint16_t server_port, int every, std::size_t at_least);
  ~lossy_proxy();
  lossy_proxy(lossy_proxy const&) = delete;
  lossy_proxy& operator=(lossy_proxy const&) = delete;

  std::string url() const { return "nats://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  int lost() const noexcept { return lost_; }

private:
  using tcp = boost::asio::ip::tcp;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> to_server(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to);
  boost::asio::awaitable<void> to_client(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to);
  bool is_lost(std::string_view line, std::size_t size);

  std::uint16_t const server_port_;
  int const every_;
  std::size_t const at_least_;
  std::atomic<int> lost_ = 0;
  int seen_ = 0;
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

} // namespace aether::test
