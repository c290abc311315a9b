// One batch of direct gets.
#include "nats/direct_request.hpp"

#include "nats/direct_marks.hpp"
#include "nats/leader_reads.hpp"

namespace aether::nats::detail {

bool batch_sink::on_reply(native_message reply) {
  auto const is_end = reply.data().empty() && is_direct_end(reply);
  std::unique_lock lock(mutex_);
  if (is_end) {
    got_.end.emplace(std::move(reply));
    return end(std::move(lock));
  }
  got_.messages.push_back(std::move(reply));
  if (got_.messages.size() > 1 || number_header(got_.messages.front(), "Nats-Num-Pending"))
    return true;
  got_.single = true;
  return end(std::move(lock));
}

batch_request::batch_request(stream_access const& stream, read_range const& range, std::size_t bytes,
                             std::size_t messages, steady_time deadline)
    : core_(stream.connection), token_(core_->next_token()) {
  auto body = next_message_query(range.subject, range.next);
  body.back() = ',';
  body += R"("batch":)" + std::to_string(messages) + R"(,"max_bytes":)" + std::to_string(bytes) + '}';
  outgoing_message message(stream.api + ".DIRECT.GET." + stream.stream(), core_->reply_subject(token_), body);
  core_->request(std::move(message), token_, sink_, deadline);
}

batch_verdict judge(fetched_batch const& got, std::uint64_t from) {
  batch_verdict v;
  v.next = from;
  v.usable = got.single ? got.messages.size()
                        : unbroken(got.messages.size(), [&](std::size_t i) { return marks_of(got.messages[i]); });
  if (v.usable > 0)
    v.next = marks_of(got.messages[v.usable - 1]).sequence + 1;
  auto const whole = v.usable == got.messages.size();
  if (got.why == no_answer::connection_lost || got.why == no_answer::not_handed_over) {
    v.reconnect = true;
  } else if (got.single || (got.why && is_denied(*got.why))) {
    v.stop = read_stop::unavailable;
  } else if (got.end) {
    auto const end = end_of(*got.end);
    if (end.status == 404 && got.messages.empty())
      v.stop = read_stop::at_end;
    else if (end.status != 204)
      v.stop = read_stop::stuck;
    else if (whole && end.pending == 0u && end.sequence.value_or(0) + 1 == v.next)
      v.stop = read_stop::at_end;
  }
  if (!v.stop && !v.reconnect && v.usable == 0)
    v.stop = read_stop::stuck;
  return v;
}

} // namespace aether::nats::detail
