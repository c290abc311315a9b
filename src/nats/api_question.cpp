// One question to JetStream's API.
#include "nats/api_question.hpp"

#include "nats/api_answer.hpp"

#include <aether/error.hpp>

#include <utility>

namespace aether::nats::detail {

awaitable<std::string> ask_once(connection on, std::string subject, std::string body,
                                std::chrono::nanoseconds patience) {
  message question(subject, std::move(body));
  call_options limit;
  limit.timeout = patience;
  auto reply = co_await on.request(std::move(question), limit);
  if (reply.status == 503)
    throw error(errc::jetstream_not_available, nobody_answers(subject));
  co_return std::move(reply.data);
}

} // namespace aether::nats::detail
