// One page by HTTP: an operation object on a strand of its own, for which the caller waits until its deadline.
#include "nats/http_get.hpp"

#include "detail/wait.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using page_wait = aether::detail::wait_state<http_page>;

class http_exchange : public std::enable_shared_from_this<http_exchange> {
public:
  http_exchange(boost::asio::any_io_executor const& executor, http_address to, std::size_t max_bytes)
      : strand_(boost::asio::make_strand(executor)), resolver_(strand_), socket_(strand_), to_(std::move(to)),
        max_bytes_(max_bytes) {}

  void start(std::shared_ptr<page_wait> waiting) {
    waiting_ = std::move(waiting);
    boost::asio::post(strand_, [self = shared_from_this()] { self->resolve(); });
  }

  /// The caller has gone, or has what it wants.
  void stop() {
    boost::asio::post(strand_, [self = shared_from_this()] {
      self->stopped_ = true;
      self->resolver_.cancel();
      error_code ignored;
      self->socket_.close(ignored);
    });
  }

private:
  void resolve() {
    error_code no_address;
    auto const address = boost::asio::ip::make_address(to_.host, no_address);
    if (!no_address) // which takes no look-up, and so no thread
      return connect(tcp::resolver::results_type::create(tcp::endpoint(address, to_.port), to_.host, ""));
    resolver_.async_resolve(to_.host, std::to_string(to_.port),
                            [self = shared_from_this()](error_code failed, tcp::resolver::results_type found) {
                              if (failed || self->stopped_)
                                return self->fail("the host is not found: " + failed.message());
                              self->connect(found);
                            });
  }

  void connect(tcp::resolver::results_type const& found) {
    boost::asio::async_connect(socket_, found, [self = shared_from_this()](error_code failed, tcp::endpoint const&) {
      if (failed || self->stopped_)
        return self->fail("no connection: " + failed.message());
      self->send();
    });
  }

  void send() {
    text_ = http_request(to_);
    boost::asio::async_write(socket_, boost::asio::buffer(text_),
                             [self = shared_from_this()](error_code failed, std::size_t) {
                               if (failed || self->stopped_)
                                 return self->fail("the request was not taken: " + failed.message());
                               self->text_.clear();
                               self->read();
                             });
  }

  void read() {
    socket_.async_read_some(boost::asio::buffer(piece_),
                            [self = shared_from_this()](error_code failed, std::size_t size) {
                              self->text_.append(self->piece_.data(), size);
                              self->judge(failed);
                            });
  }

  void judge(error_code failed) {
    if (stopped_ || (failed && failed != boost::asio::error::eof))
      return fail("no answer: " + failed.message());
    if (text_.size() > max_bytes_)
      return fail("the answer has more than " + std::to_string(max_bytes_) + " bytes");
    auto const answer = read_http_answer(text_, failed == boost::asio::error::eof);
    if (answer.state == http_state::broken)
      return fail(answer.why);
    if (answer.state == http_state::incomplete)
      return read();
    http_page page;
    page.body = std::string(answer.body);
    waiting_->complete(std::move(page));
  }

  void fail(std::string why) {
    http_page page;
    page.why = std::move(why);
    waiting_->complete(std::move(page));
  }

  boost::asio::strand<boost::asio::any_io_executor> const strand_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  http_address const to_;
  std::size_t const max_bytes_;
  std::shared_ptr<page_wait> waiting_;
  std::array<char, 16 * 1024> piece_{};
  std::string text_; // what is sent, then what has come
  bool stopped_ = false;
};

} // namespace

boost::asio::awaitable<http_page> http_get(http_address to, aether::detail::steady_time deadline,
                                           std::size_t max_bytes) {
  auto const executor = co_await boost::asio::this_coro::executor;
  auto const exchange = std::make_shared<http_exchange>(executor, std::move(to), max_bytes);
  auto result = co_await aether::detail::wait_until<http_page>(
      deadline, [&](std::shared_ptr<page_wait> waiting) { exchange->start(std::move(waiting)); });
  exchange->stop();
  aether::detail::throw_if_cancelled(result);
  http_page page;
  if (result.end == aether::detail::wait_end::completed)
    page = std::move(*result.value);
  else
    page.why = "no answer in time";
  co_return page;
}

} // namespace aether::nats::detail
