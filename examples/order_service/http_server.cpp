// The server shell: one coroutine for each connection.
#include "http_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/write.hpp>

#include <array>

namespace http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Counts what is under way now, if there is room.
class slot {
public:
  slot(std::atomic<std::size_t>& count, std::size_t most) : count_(count), has_(count.fetch_add(1) < most) {}
  slot(slot const&) = delete;
  slot& operator=(slot const&) = delete;
  ~slot() { count_.fetch_sub(1); }
  explicit operator bool() const noexcept { return has_; }

private:
  std::atomic<std::size_t>& count_;
  bool const has_;
};

} // namespace

/// A connection. Everything on its strand.
class session : public std::enable_shared_from_this<session> {
public:
  session(std::shared_ptr<server> owner, tcp::socket socket) : owner_(std::move(owner)), stream_(std::move(socket)) {}

  /// Ends when nothing is under way, else when that is done.
  void end() {
    ending_ = true;
    if (live_)
      live_->stop();
    else if (!busy_)
      stream_.cancel();
  }
  asio::any_io_executor executor() { return stream_.get_executor(); }

  static aether::awaitable<void> run(std::shared_ptr<server> owner, tcp::socket accepted);

private:
  using parser = beast_http::request_parser<beast_http::string_body>;

  static aether::awaitable<void> serve(std::shared_ptr<session> self);
  static aether::awaitable<bool> read(std::shared_ptr<session> self, std::shared_ptr<parser> into);
  static aether::awaitable<answer> respond(std::shared_ptr<session> self, request r);
  static aether::awaitable<bool> write(std::shared_ptr<session> self, answer a, bool keep);
  static aether::awaitable<void> write_live(std::shared_ptr<session> self, answer a);
  static aether::awaitable<void> linger(std::shared_ptr<session> self);

  std::shared_ptr<server> const owner_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::shared_ptr<live_stream> live_;
  bool busy_ = false;
  bool ending_ = false;
};

/// Sessions share a task group, in which an error would end the others. The socket moves to the strand that the group
/// gave this coroutine, so that timeouts and stop() come on it too.
aether::awaitable<void> session::run(std::shared_ptr<server> owner, tcp::socket accepted) {
  auto const protocol = accepted.local_endpoint().protocol();
  tcp::socket own(co_await asio::this_coro::executor, protocol, accepted.release());
  auto const self = std::make_shared<session>(owner, std::move(own));
  {
    std::scoped_lock const lock(owner->mutex_);
    owner->sessions_.insert(self);
  }
  auto& counts = owner->counts_;
  slot const connected(counts.connections, self->owner_->limits_.connections);
  try {
    if (connected) {
      co_await serve(self);
    } else {
      ++counts.refused;
      co_await write(self, self->owner_->refuses_(503), false);
      co_await linger(self);
    }
  } catch (std::exception const&) { // out of memory, or cut off: the connection is gone with the session
  }
  std::scoped_lock const lock(self->owner_->mutex_);
  self->owner_->sessions_.erase(self);
}

aether::awaitable<void> session::serve(std::shared_ptr<session> self) {
  bool keep = true;
  while (keep && !self->ending_ && !self->owner_->stopping_) {
    auto const parsed = std::make_shared<parser>();
    bool const complete = co_await read(self, parsed);
    if (!complete)
      break;
    keep = parsed->keep_alive();
    answer a = co_await respond(self, parsed->release());
    if (a.live) {
      co_await write_live(self, std::move(a));
      keep = false;
    } else {
      keep = keep && !self->ending_ && !self->owner_->stopping_;
      keep = co_await write(self, std::move(a), keep);
    }
    self->busy_ = false;
  }
  co_await linger(self);
}

/// False: there is no request any more, or it was refused.
aether::awaitable<bool> session::read(std::shared_ptr<session> self, std::shared_ptr<parser> into) {
  auto const& limits = self->owner_->limits_;
  into->body_limit(limits.body_bytes);
  into->header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  error_code ec;
  self->stream_.expires_after(limits.idle);
  co_await beast_http::async_read_header(self->stream_, self->buffer_, *into,
                                         asio::redirect_error(asio::use_awaitable, ec));
  if (!ec) {
    self->busy_ = true;
    self->stream_.expires_after(limits.transfer);
    if (beast_http::token_list{into->get()[beast_http::field::expect]}.exists("100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(self->stream_, asio::buffer(go_on), asio::redirect_error(asio::use_awaitable, ec));
    }
  }
  if (!ec)
    co_await beast_http::async_read(self->stream_, self->buffer_, *into, asio::redirect_error(asio::use_awaitable, ec));
  if (!ec)
    co_return true;
  static error_code const some(beast_http::error::end_of_stream);
  if (ec.category() == some.category() && ec != beast_http::error::end_of_stream &&
      ec != beast_http::error::partial_message) {
    ++self->owner_->counts_.malformed;
    unsigned const status = ec == beast_http::error::body_limit     ? 413
                            : ec == beast_http::error::header_limit ? 431
                                                                    : 400;
    co_await write(self, self->owner_->refuses_(status), false);
  }
  co_return false;
}

aether::awaitable<answer> session::respond(std::shared_ptr<session> self, request r) {
  auto& owner = *self->owner_;
  slot const under_way(owner.counts_.requests, owner.limits_.requests);
  if (!under_way) {
    ++owner.counts_.refused;
    co_return owner.refuses_(503);
  }
  answer a;
  try {
    a = co_await owner.answers_(std::move(r));
  } catch (std::exception const&) {
    a = owner.refuses_(500);
  }
  co_return a;
}

/// Whether the connection can be used again.
aether::awaitable<bool> session::write(std::shared_ptr<session> self, answer a, bool keep) {
  beast_http::response<beast_http::string_body> made;
  made.version(11);
  made.result(a.status);
  made.set(beast_http::field::content_type, a.type);
  for (auto const& [name, value] : a.headers)
    made.set(name, value);
  made.body() = std::move(a.body);
  made.keep_alive(keep);
  made.prepare_payload();
  error_code ec;
  self->stream_.expires_after(self->owner_->limits_.transfer);
  co_await beast_http::async_write(self->stream_, made, asio::redirect_error(asio::use_awaitable, ec));
  co_return keep && !ec;
}

aether::awaitable<void> session::write_live(std::shared_ptr<session> self, answer a) {
  auto& owner = *self->owner_;
  slot const streaming(owner.counts_.streams, owner.limits_.streams);
  if (!streaming) {
    ++owner.counts_.refused;
    co_await write(self, owner.refuses_(503), false);
    co_return;
  }
  beast_http::response<beast_http::empty_body> made;
  made.version(11);
  made.set(beast_http::field::content_type, a.type);
  made.set(beast_http::field::cache_control, "no-store");
  made.chunked(true);
  made.keep_alive(false);
  beast_http::response_serializer<beast_http::empty_body> head(made);
  error_code ec;
  self->stream_.expires_after(owner.limits_.transfer);
  co_await beast_http::async_write_header(self->stream_, head, asio::redirect_error(asio::use_awaitable, ec));
  self->live_ = a.live;
  while (!ec && !self->ending_ && !owner.stopping_) {
    self->stream_.expires_never();
    std::optional<std::string> const piece = co_await a.live->next();
    if (!piece)
      break;
    self->stream_.expires_after(owner.limits_.transfer); // who does not read is not waited for
    co_await asio::async_write(self->stream_, beast_http::make_chunk(asio::buffer(*piece)),
                               asio::redirect_error(asio::use_awaitable, ec));
  }
  self->live_.reset();
  if (!ec)
    co_await asio::async_write(self->stream_, beast_http::make_chunk_last(),
                               asio::redirect_error(asio::use_awaitable, ec));
}

/// Closing while the client still sends would reset the connection, and it might lose the answer.
aether::awaitable<void> session::linger(std::shared_ptr<session> self) {
  error_code ec;
  self->stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
  self->stream_.expires_after(std::chrono::seconds(1));
  std::array<char, 4096> rest;
  while (!ec)
    co_await self->stream_.async_read_some(asio::buffer(rest), asio::redirect_error(asio::use_awaitable, ec));
}

server::server(asio::any_io_executor executor, tcp::endpoint at, limits bounds, handler answers, refusal refuses)
    : acceptor_(asio::make_strand(executor), at), limits_(bounds), answers_(std::move(answers)),
      refuses_(std::move(refuses)), group_(executor) {}

aether::awaitable<void> server::run(std::shared_ptr<server> self) {
  auto const executor = co_await asio::this_coro::executor;
  while (!self->stopping_) {
    tcp::socket socket(executor);
    error_code ec;
    co_await self->acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
    if (self->stopping_)
      break;
    if (ec) { // no file descriptors, or the client was gone again
      asio::steady_timer pause(executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    ++self->counts_.connections_accepted;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    self->group_.spawn(session::run(self, std::move(socket)));
  }
}

void server::stop() {
  if (stopping_.exchange(true))
    return;
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
  });
  std::scoped_lock const lock(mutex_);
  for (auto const& one : sessions_)
    asio::post(one->executor(), [one] { one->end(); });
}

aether::awaitable<void> server::join(std::shared_ptr<server> self, std::chrono::nanoseconds limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  timer.async_wait([self](error_code ec) {
    if (!ec)
      self->group_.cancel();
  });
  co_await self->group_.join();
}

} // namespace http
