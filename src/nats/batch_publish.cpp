// Publishes a batch: headers, the first message's empty answer, the commit's acknowledgement.
#include "nats/batch_publish.hpp"

#include "nats/request.hpp"

namespace aether::nats::detail {

namespace {

outgoing_message make_member(batch_to_publish const& batch, std::size_t index, std::string const& reply) {
  auto const& items = *batch.items;
  outgoing_message message(batch.subject, reply, items[index].data,
                           {{"Nats-Batch-Id", batch.id}, {"Nats-Batch-Sequence", std::to_string(index + 1)}});
  if (index == 0)
    message.add_header({"Nats-Expected-Last-Subject-Sequence", std::to_string(batch.expected_sequence)});
  if (index + 1 == items.size())
    message.add_header({"Nats-Batch-Commit", "1"});
  return message;
}

publish_verdict verdict_of(no_answer why, bool committing) {
  publish_verdict verdict;
  if (why == no_answer::permission_denied) {
    verdict.answer = publish_answer::rejected;
    verdict.error = errc::permission_denied;
  } else if (!committing || why == no_answer::not_handed_over || why == no_answer::closed) {
    verdict.answer = publish_answer::not_handed_over;
  }
  return verdict;
}

} // namespace

boost::asio::awaitable<batch_answer> publish_batch(std::shared_ptr<stream_access const> stream, batch_to_publish batch,
                                                   steady_time deadline) {
  batch_answer out;
  publish_ack ack;
  auto const core = stream->connection;
  auto token = core->next_token();
  auto opening = make_member(batch, 0, core->reply_subject(token));
  auto opened = co_await request_once(core, std::move(opening), token, deadline);
  if (!opened) {
    out.verdict = verdict_of(opened.why, false);
    co_return out;
  }
  if (!opened.message.data().empty()) { // an error: nothing is stored
    out.verdict = classify(opened.message.data(), stream->stream(), ack);
    if (ack.error)
      out.text = text_of(*ack.error);
    co_return out;
  }
  for (std::size_t i = 1; i + 1 < batch.items->size(); ++i)
    core->publish(make_member(batch, i, {}), nullptr);
  token = core->next_token();
  auto commit = make_member(batch, batch.items->size() - 1, core->reply_subject(token));
  auto committed = co_await request_once(core, std::move(commit), token, deadline);
  if (!committed) {
    out.verdict = verdict_of(committed.why, true);
    co_return out;
  }
  out.verdict = classify(committed.message.data(), stream->stream(), ack);
  if (ack.error)
    out.text = text_of(*ack.error);
  co_return out;
}

} // namespace aether::nats::detail
