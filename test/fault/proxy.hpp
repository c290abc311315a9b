// A way to a server on which everything that can happen to bytes happens when told.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace aether::fault {

enum class way { to_server, to_client };

enum class cut_kind {
  end,   ///< both sides are closed in order (FIN)
  reset, ///< both sides are reset (RST)
  mute,  ///< half-open: nothing passes any more, and nobody is told
};

/// Runs on a thread of its own. Every member may be called from any thread, and has taken effect when it returns.
class proxy {
public:
  explicit proxy(std::uint16_t server_port);
  proxy(proxy const&) = delete;
  proxy& operator=(proxy const&) = delete;
  ~proxy(); ///< cuts everything

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }

  /// Everything that comes from now on is held back for so long.
  void delay(way w, std::chrono::milliseconds time);
  /// Nothing passes in this direction until go_on(): what comes is kept.
  void stall(way w);
  void go_on(way w);
  /// Cuts the links there are; new ones can be made.
  void cut(cut_kind kind);
  /// So many bytes still pass in this direction, over all links; with the last of them the links are cut. Then as ever.
  void cut_after(way w, std::uint64_t bytes, cut_kind kind);
  /// While refusing, who connects is hung up on.
  void refuse(bool on);

  /// Bytes that have passed in this direction.
  std::uint64_t passed(way w) const noexcept { return passed_[static_cast<std::size_t>(w)]; }
  /// Times that cut_after() has cut.
  int cuts() const noexcept { return cuts_; }

private:
  using tcp = boost::asio::ip::tcp;
  struct link;
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  struct direction {
    std::chrono::milliseconds delay{0};
    bool stalled = false;
    std::uint64_t left = unlimited;
    cut_kind kind = cut_kind::end;
  };

  void run(std::function<void()> change);
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::shared_ptr<link> l);
  boost::asio::awaitable<void> pump(std::shared_ptr<link> l, way w);
  boost::asio::awaitable<bool> pass(link& l, way w, std::string_view bytes);
  void cut_links(cut_kind kind);

  std::uint16_t const server_port_;
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::uint16_t const port_;
  bool refusing_ = false;
  std::array<direction, 2> directions_;
  std::vector<std::weak_ptr<link>> links_;
  boost::asio::steady_timer changed_;
  std::array<std::atomic<std::uint64_t>, 2> passed_{};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

} // namespace aether::fault
