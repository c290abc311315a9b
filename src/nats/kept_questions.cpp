// What one reader has asked, and what came of it.
#include "nats/kept_questions.hpp"

#include <algorithm>

namespace aether::nats::detail {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

namespace {

std::shared_ptr<answer const> shared(answer a) { return std::make_shared<answer const>(std::move(a)); }

} // namespace

awaitable<std::shared_ptr<answer const>> kept_questions::ask_once(std::shared_ptr<kept_questions> self,
                                                                  std::shared_ptr<connection_core> core,
                                                                  std::string subject, std::string query,
                                                                  steady_time deadline,
                                                                  std::chrono::nanoseconds patience) {
  auto& asked = self->asked_[{subject, query}];
  if (asked.reply)
    co_return asked.reply;
  if (!asked.slot)
    asked.slot = ask_into_slot(core, subject, query, clock::now() + patience);
  auto const slot = asked.slot;
  auto came = co_await answer_slot::wait(slot, deadline);
  answer none;
  none.why = core->state() == connection_state::connected ? no_answer::timed_out : no_answer::connection_lost;
  if (!came)
    co_return shared(std::move(none));
  auto reply = shared(std::move(*came));
  if (*reply)
    self->asked_[{subject, query}] = question{nullptr, reply};
  else
    self->forget(subject, query);
  co_return reply;
}

std::shared_ptr<stream_access const> with_questions(stream_access const& stream) {
  auto copy = std::make_shared<stream_access>(stream);
  copy->questions = std::make_shared<kept_questions>();
  return copy;
}

awaitable<std::shared_ptr<answer const>> ask_once(std::shared_ptr<stream_access const> stream, std::string subject,
                                                  std::string query, steady_time deadline,
                                                  std::chrono::nanoseconds patience) {
  auto const until = std::min(deadline, clock::now() + patience);
  if (stream->questions)
    co_return co_await kept_questions::ask_once(stream->questions, stream->connection, std::move(subject),
                                                std::move(query), until, patience);
  auto reply = co_await request_once(stream->connection, std::move(subject), std::move(query), until);
  co_return shared(std::move(reply));
}

awaitable<std::shared_ptr<answer const>> ask_until(std::shared_ptr<stream_access const> stream, std::string subject,
                                                   std::string query, steady_time deadline,
                                                   std::chrono::nanoseconds patience) {
  auto const& core = stream->connection;
  if (!stream->questions) {
    auto reply = co_await ask(core, std::move(subject), std::move(query), deadline, patience);
    co_return shared(std::move(reply));
  }
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1);
  for (;;) { // as ask() does
    auto reply = co_await kept_questions::ask_once(stream->questions, core, subject, query, deadline, patience);
    if (*reply || is_closed(reply->why) || is_denied(reply->why))
      co_return reply;
    auto const connected = co_await wait_connected(core, deadline);
    if (!connected && core->state() == connection_state::closed) {
      answer closed;
      co_return shared(std::move(closed));
    }
    if (!connected || clock::now() >= deadline)
      co_return reply;
    if (reply->why == no_answer::timed_out)
      continue;
    co_await pause_until(std::min(deadline, clock::now() + pause));
    pause = std::min<std::chrono::nanoseconds>(pause * 2, std::chrono::milliseconds(100));
  }
}

} // namespace aether::nats::detail
