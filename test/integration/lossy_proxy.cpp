// Implementation of lossy_proxy: it reads the server's protocol line by line.
#include "lossy_proxy.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>

namespace asio = boost::asio;

namespace aether::test {
namespace {

// Of a line `MSG subject sid [reply] size` or `HMSG … header-size size`; 0: another line, behind which no data stands.
std::size_t data_size(std::string_view line) {
  if (!line.starts_with("MSG ") && !line.starts_with("HMSG "))
    return 0;
  return std::stoul(std::string(line.substr(line.rfind(' ') + 1))) + 2;
}

void close_both(asio::ip::tcp::socket& a, asio::ip::tcp::socket& b) {
  boost::system::error_code ignored;
  a.close(ignored);
  b.close(ignored);
}

} // namespace

lossy_proxy::lossy_proxy(std::uint16_t server_port, int every, std::size_t at_least)
    : server_port_(server_port), every_(every), at_least_(at_least) {
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

lossy_proxy::~lossy_proxy() {
  context_.stop();
  thread_.join();
}

asio::awaitable<void> lossy_proxy::accept() {
  for (;;) {
    auto client = std::make_shared<tcp::socket>(context_);
    auto server = std::make_shared<tcp::socket>(context_);
    co_await acceptor_.async_accept(*client, asio::use_awaitable);
    tcp::endpoint const at(asio::ip::address_v4::loopback(), server_port_);
    co_await server->async_connect(at, asio::use_awaitable);
    client->set_option(tcp::no_delay(true));
    server->set_option(tcp::no_delay(true));
    asio::co_spawn(context_, to_server(client, server), asio::detached);
    asio::co_spawn(context_, to_client(server, client), asio::detached);
  }
}

asio::awaitable<void> lossy_proxy::to_server(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
  std::string buffer(65536, '\0');
  try {
    for (;;) {
      auto const n = co_await from->async_read_some(asio::buffer(buffer), asio::use_awaitable);
      co_await asio::async_write(*to, asio::buffer(buffer.data(), n), asio::use_awaitable);
    }
  } catch (boost::system::system_error const&) {
    close_both(*from, *to);
  }
}

asio::awaitable<void> lossy_proxy::to_client(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
  std::string buffer;
  try {
    for (;;) {
      auto const line =
          co_await asio::async_read_until(*from, asio::dynamic_buffer(buffer), "\r\n", asio::use_awaitable);
      auto const text = std::string_view(buffer).substr(0, line - 2);
      auto const size = data_size(text);
      auto const lost = is_lost(text, size);
      if (buffer.size() < line + size) {
        auto const missing = line + size - buffer.size();
        co_await asio::async_read(*from, asio::dynamic_buffer(buffer), asio::transfer_exactly(missing),
                                  asio::use_awaitable);
      }
      if (!lost)
        co_await asio::async_write(*to, asio::buffer(buffer.data(), line + size), asio::use_awaitable);
      buffer.erase(0, line + size);
    }
  } catch (boost::system::system_error const&) {
    close_both(*from, *to);
  }
}

bool lossy_proxy::is_lost(std::string_view line, std::size_t size) {
  // Events only: as a consumer delivers them, in a batch, or on a bus, but no answer of the API.
  auto const event = line.find("$JS.ACK.") != std::string_view::npos || line.starts_with("HMSG ") ||
                     line.find(" aether-bus.") != std::string_view::npos;
  if (!event || size < at_least_ || ++seen_ % every_ != 0)
    return false;
  ++lost_;
  return true;
}

} // namespace aether::test
