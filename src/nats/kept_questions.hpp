// What one reader has asked: a question goes on when who waits for its answer gives up, and an answer is not asked for
// twice, so that a read of several questions gets on however short the turns are.
#pragma once

#include "nats/answer_slot.hpp"
#include "nats/request.hpp"
#include "nats/stream_access.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace aether::nats::detail {

/// Of one coroutine at a time. A read that comes to its end forgets what it asked.
class kept_questions {
public:
  /// One attempt, which goes on for `patience` from when it was first made: what came of it, or timed_out by
  /// `deadline`.
  static boost::asio::awaitable<std::shared_ptr<answer const>>
  ask_once(std::shared_ptr<kept_questions> self, std::shared_ptr<connection_core> core, std::string subject,
           std::string query, steady_time deadline, std::chrono::nanoseconds patience);
  /// The answer was none that counts: it is to be asked for again.
  void forget(std::string const& subject, std::string const& query) { asked_.erase({subject, query}); }
  void forget_all() noexcept { asked_.clear(); }

private:
  struct question {
    std::shared_ptr<answer_slot> slot; // none: answered
    std::shared_ptr<answer const> reply;
  };
  std::map<std::pair<std::string, std::string>, question> asked_;
};

/// The stream for one reader, which keeps its questions.
std::shared_ptr<stream_access const> with_questions(stream_access const& stream);

/// What was asked for the last read is not needed any more.
inline void forget_questions(stream_access const& stream) noexcept {
  if (stream.questions)
    stream.questions->forget_all();
}

/// request_once() for the stream's reader: kept, where it keeps its questions.
boost::asio::awaitable<std::shared_ptr<answer const>> ask_once(std::shared_ptr<stream_access const> stream,
                                                               std::string subject, std::string query,
                                                               steady_time deadline, std::chrono::nanoseconds patience);

/// ask() likewise.
boost::asio::awaitable<std::shared_ptr<answer const>> ask_until(std::shared_ptr<stream_access const> stream,
                                                                std::string subject, std::string query,
                                                                steady_time deadline,
                                                                std::chrono::nanoseconds patience);

} // namespace aether::nats::detail
