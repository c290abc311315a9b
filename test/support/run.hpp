// Runs a coroutine on an io_context of its own, with several threads and a time limit.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>

namespace aether::test {

struct run_options {
  int threads = 1;
  std::chrono::seconds limit{60}; ///< four times that under a sanitizer
};

/// Makes an io_context, runs `body` on it with that many threads until nothing is left to do there, and
/// rethrows what the body threw. Fails with a message, never hangs, when the limit passes: the body has not
/// ended, or it has and left work behind that does not. Boost.Test's checks are not safe from several
/// threads at once: with more than one thread collect results and check them after what ran side by side.
void run(std::function<boost::asio::awaitable<void>(boost::asio::io_context&)> body, run_options options = {});

/// `limit`, four times as long under a sanitizer.
std::chrono::seconds scaled(std::chrono::seconds limit);

} // namespace aether::test
