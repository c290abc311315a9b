// Writes the question, and reads the answer.
#include "nats/last_question.hpp"

#include <utility>

namespace aether::nats::detail {

outgoing_parts last_question::write(std::string_view reply, std::string& room) {
  asked_on_ = leader_read_subject(stream_);
  room = last_message_query(subject_);
  return {asked_on_, reply, {}, room};
}

bool last_question::on_reply(native_message reply) {
  std::optional<leader_answer> answer(parse_leader_answer(reply));
  if (answer->error)
    answer.reset(); // may be gone a moment later
  if (auto asker = std::exchange(asker_, nullptr))
    asker->on_last_message(std::move(answer));
  return false;
}

void last_question::on_no_answer(no_answer) {
  if (auto asker = std::exchange(asker_, nullptr)) // else the link was lost by what the answer made of it
    asker->on_last_message(std::nullopt);
}

} // namespace aether::nats::detail
