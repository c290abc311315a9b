// Two pumps a link, one for each direction, on one thread.
#include "fault/proxy.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <future>

namespace aether::fault {

namespace asio = boost::asio;

using asio::redirect_error;
using asio::use_awaitable;

struct proxy::link {
  explicit link(tcp::socket accepted) : client(std::move(accepted)), server(client.get_executor()) {}

  tcp::socket client;
  tcp::socket server;
  bool mute = false;

  tcp::socket& from(way w) noexcept { return w == way::to_server ? client : server; }
  tcp::socket& to(way w) noexcept { return w == way::to_server ? server : client; }

  void end(cut_kind kind) {
    if (kind == cut_kind::mute) {
      mute = true;
      return;
    }
    boost::system::error_code ignored;
    for (auto* s : {&client, &server}) {
      if (kind == cut_kind::reset)
        s->set_option(asio::socket_base::linger(true, 0), ignored);
      else
        s->shutdown(tcp::socket::shutdown_both, ignored);
      s->close(ignored);
    }
  }
};

proxy::proxy(std::uint16_t server_port)
    : server_port_(server_port), acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()), changed_(context_, asio::steady_timer::time_point::max()) {
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

proxy::~proxy() {
  context_.stop();
  thread_.join();
}

void proxy::run(std::function<void()> change) {
  std::promise<void> done;
  asio::post(context_, [&] {
    change();
    changed_.cancel(); // wakes the pumps that are stalled
    done.set_value();
  });
  done.get_future().wait();
}

void proxy::delay(way w, std::chrono::milliseconds time) {
  run([&] { directions_[static_cast<std::size_t>(w)].delay = time; });
}

void proxy::stall(way w) {
  run([&] { directions_[static_cast<std::size_t>(w)].stalled = true; });
}

void proxy::go_on(way w) {
  run([&] { directions_[static_cast<std::size_t>(w)].stalled = false; });
}

void proxy::cut(cut_kind kind) {
  run([&] { cut_links(kind); });
}

void proxy::cut_after(way w, std::uint64_t bytes, cut_kind kind) {
  run([&] {
    auto& d = directions_[static_cast<std::size_t>(w)];
    d.left = bytes;
    d.kind = kind;
    if (bytes > 0)
      return;
    d.left = unlimited;
    ++cuts_;
    cut_links(kind);
  });
}

void proxy::refuse(bool on) {
  run([&] { refusing_ = on; });
}

void proxy::cut_links(cut_kind kind) {
  for (auto& weak : links_)
    if (auto const l = weak.lock())
      l->end(kind);
  links_.clear(); // a mute link stays as it is until one of its ends gives up
  changed_.cancel();
}

asio::awaitable<void> proxy::accept() {
  for (;;) {
    boost::system::error_code failed;
    auto socket = co_await acceptor_.async_accept(redirect_error(use_awaitable, failed));
    if (failed)
      co_return;
    if (refusing_)
      continue;
    auto const l = std::make_shared<link>(std::move(socket));
    std::erase_if(links_, [](auto const& weak) { return weak.expired(); });
    links_.push_back(l);
    asio::co_spawn(context_, serve(l), asio::detached);
  }
}

asio::awaitable<void> proxy::serve(std::shared_ptr<link> l) {
  auto const server = tcp::endpoint(asio::ip::address_v4::loopback(), server_port_);
  boost::system::error_code failed, ignored;
  co_await l->server.async_connect(server, redirect_error(use_awaitable, failed));
  if (failed)
    co_return l->end(cut_kind::end);
  l->server.set_option(tcp::no_delay(true), ignored);
  l->client.set_option(tcp::no_delay(true), ignored);
  asio::co_spawn(context_, pump(l, way::to_server), asio::detached);
  asio::co_spawn(context_, pump(l, way::to_client), asio::detached);
}

asio::awaitable<void> proxy::pump(std::shared_ptr<link> l, way w) {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    boost::system::error_code failed;
    auto const size = co_await l->from(w).async_read_some(asio::buffer(buffer), redirect_error(use_awaitable, failed));
    if (l->mute) { // what comes is swallowed, and so is an end
      if (failed)
        co_return;
      continue;
    }
    if (failed)
      co_return l->end(cut_kind::end);
    bool const passed = co_await pass(*l, w, std::string_view(buffer.data(), size));
    if (!passed)
      co_return;
  }
}

// False: the link has ended.
asio::awaitable<bool> proxy::pass(link& l, way w, std::string_view bytes) {
  auto& d = directions_[static_cast<std::size_t>(w)];
  boost::system::error_code failed;
  if (d.delay.count() > 0) {
    asio::steady_timer timer(context_, d.delay);
    co_await timer.async_wait(redirect_error(use_awaitable, failed));
  }
  while (d.stalled && !l.mute && l.to(w).is_open())
    co_await changed_.async_wait(redirect_error(use_awaitable, failed));
  bool const last = bytes.size() >= d.left;
  if (last)
    bytes = bytes.substr(0, d.left);
  if (d.left != unlimited)
    d.left -= bytes.size();
  if (!l.mute && l.to(w).is_open()) {
    passed_[static_cast<std::size_t>(w)] += bytes.size(); // before anybody can see them
    failed = {};
    co_await asio::async_write(l.to(w), asio::buffer(bytes), redirect_error(use_awaitable, failed));
    if (failed && !l.mute) {
      l.end(cut_kind::end);
      co_return false;
    }
  }
  if (last) {
    d.left = unlimited;
    ++cuts_;
    cut_links(d.kind);
  }
  co_return l.mute || l.to(w).is_open();
}

} // namespace aether::fault
