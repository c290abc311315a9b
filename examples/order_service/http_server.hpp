// An HTTP/1.1 server shell on Boost.Beast: connections, limits, streams, an orderly end. It knows nothing of orders.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace http {

namespace beast_http = boost::beast::http;
using verb = beast_http::verb;
using request = beast_http::request<beast_http::string_body>;

/// What is sent piece by piece until it ends or the client goes. One coroutine at a time; stop() comes on its executor,
/// and ends a wait in next().
class live_stream {
public:
  virtual ~live_stream() = default;
  /// None: that was all. Something has to come now and then, so that a client that has gone is noticed.
  virtual aether::awaitable<std::optional<std::string>> next() = 0;
  virtual void stop() = 0;
};

struct answer {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<live_stream> live; ///< then there is no body

  answer() = default;
};

/// What is beyond is refused with 503 and Retry-After, or 413; nothing waits in a queue that grows.
struct limits {
  std::size_t requests = 256; ///< under way
  std::size_t connections = 1024;
  std::size_t streams = 64;
  std::size_t body_bytes = 16 * 1024;
  std::size_t header_bytes = 8 * 1024;
  std::chrono::seconds idle{60}; ///< between two requests
  std::chrono::seconds transfer{10}; ///< of one request's body, and of writing an answer

  limits() = default;
};

struct counters {
  std::atomic<std::uint64_t> connections_accepted{0}, refused{0}, malformed{0};
  std::atomic<std::size_t> connections{0}, requests{0}, streams{0}; ///< now
};

/// Answers a request. What it throws becomes a 500.
using handler = std::function<aether::awaitable<answer>(request)>;
/// The shell's own answers, as whoever uses it words them: 400, 413, 431, 500, 503.
using refusal = std::function<answer(unsigned status)>;

class session;

/// Held by a shared_ptr. run() and join() from one coroutine each, stop() from any thread.
class server : public std::enable_shared_from_this<server> {
public:
  /// Listens from now on. Throws boost::system::system_error.
  server(boost::asio::any_io_executor executor, boost::asio::ip::tcp::endpoint at, limits bounds, handler answers,
         refusal refuses);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  counters const& counts() const noexcept { return counts_; }

  /// Accepts until stop().
  static aether::awaitable<void> run(std::shared_ptr<server> self);
  /// Accepts nothing any more, ends idle connections and streams. Requests under way get their answers.
  void stop();
  /// Waits until the last connection has ended; what has not by then is cut off.
  static aether::awaitable<void> join(std::shared_ptr<server> self, std::chrono::nanoseconds limit);

private:
  friend class session;

  boost::asio::ip::tcp::acceptor acceptor_;
  limits const limits_;
  handler const answers_;
  refusal const refuses_;
  counters counts_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::set<std::shared_ptr<session>> sessions_;
  aether::task_group group_;
};

} // namespace http
