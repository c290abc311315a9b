// One question to a stream's leader, asked again while the answer is "not now".
#pragma once

#include "nats/api_answer.hpp"
#include "nats/kept_questions.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"
#include "nats/stream_access.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace aether::nats::detail {

/// The answer, or an error that is not temporary. `attempt_timeout` 0: the store's request_timeout. Throws timed_out,
/// connection_lost, closed, permission_denied.
template <class T>
boost::asio::awaitable<answer_of<T>> ask_leader(std::shared_ptr<stream_access const> stream, std::string subject,
                                                std::string query, answer_of<T> (*parse)(std::string_view),
                                                steady_time deadline, std::chrono::nanoseconds attempt_timeout = {}) {
  auto const patience = attempt_timeout.count() != 0 ? attempt_timeout : stream->config.request_timeout;
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1);
  for (;;) {
    auto const reply = co_await ask_until(stream, subject, query, deadline, patience);
    if (!*reply)
      throw_unanswered(reply->why, "reading from stream " + stream->stream());
    auto answer = parse(reply->message.data());
    auto const* refused = std::get_if<api_error>(&answer);
    if (!refused || !is_temporary(*refused))
      co_return answer;
    if (stream->questions)
      stream->questions->forget(subject, query);
    auto const until = std::chrono::steady_clock::now() + pause;
    if (until >= deadline) // an election that outlasts the call is no lack of JetStream
      throw error(errc::timed_out, "reading from stream " + stream->stream() + ": " + text_of(*refused));
    co_await pause_until(until);
    pause = std::min<std::chrono::nanoseconds>(pause * 2, std::chrono::milliseconds(100));
  }
}

} // namespace aether::nats::detail
