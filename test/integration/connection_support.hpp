// What the tests of connections share: options for a server, and an operation's error as a value.
#pragma once

#include <aether/error.hpp>
#include <aether/nats/connection.hpp>

#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <ostream>
#include <string>
#include <utility>

namespace aether {

inline std::ostream& operator<<(std::ostream& out, errc e) { return out << make_error_code(e); }

} // namespace aether

namespace aether::test {

inline nats_server_options without_jetstream(std::string extra_config = {}) {
  nats_server_options options;
  options.jetstream = false;
  options.extra_config = std::move(extra_config);
  return options;
}

inline nats::connection_options options_for(nats_server const& server) {
  nats::connection_options options;
  options.servers = {server.url()};
  options.reconnect_wait = std::chrono::milliseconds(5);
  options.reconnect_wait_max = std::chrono::milliseconds(50);
  return options;
}

/// How `operation` failed: its code and its text; no code when it did not.
struct failure {
  boost::system::error_code code;
  std::string text;

  failure() = default;
};

template <class T> boost::asio::awaitable<failure> failure_of(boost::asio::awaitable<T> operation) {
  failure f;
  try {
    co_await std::move(operation);
  } catch (boost::system::system_error const& e) {
    f.code = e.code();
    f.text = e.what();
  }
  co_return f;
}

inline call_options within(std::chrono::nanoseconds timeout) { return {.timeout = timeout}; }

/// Waits on the caller's context, for tests whose subject is time itself.
inline boost::asio::awaitable<void> pause(std::chrono::nanoseconds d) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, d);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Answers every message with its own data and headers until the subscription ends.
inline boost::asio::awaitable<void> echo(nats::connection connection, nats::subscription requests) {
  try {
    for (;;) {
      auto request = co_await requests.receive();
      nats::message answer(request->reply, request->data);
      answer.headers = request->headers;
      co_await connection.publish(std::move(answer));
    }
  } catch (boost::system::system_error const&) {
  }
}

} // namespace aether::test
