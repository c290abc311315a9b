// The long way of a save: every step of the state machine as questions to the stream, until it says how it ended.
#include "detail/random.hpp"
#include "nats/batch_publish.hpp"
#include "nats/leader_reads.hpp"
#include "nats/save_operation.hpp"
#include "nats/store_core.hpp"

#include <aether/json.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace aether::nats::detail {

using aether::detail::wait_state;
using aether::detail::wait_until;
using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

awaitable<save_step> save_operation::resolve(std::shared_ptr<save_operation> self, save_step step) {
  while (step.what != save_do::finish) {
    if (self->gave_up() && !self->machine_.has_open_attempt())
      co_return self->gone_step();
    boost::system::error_code failure;
    try {
      step = co_await self->perform(step);
      continue;
    } catch (boost::system::system_error const& e) {
      failure = e.code();
      self->text_ = e.what();
    }
    if (clock::now() >= self->deadline_ || failure == errc::timed_out)
      step = self->machine_.on_out_of_time();
    else if (failure == errc::connection_lost)
      step = self->machine_.on_read_unanswered();
    else
      step = self->machine_.on_read_failed(failure);
  }
  co_return step;
}

awaitable<save_step> save_operation::perform(save_step step) {
  switch (step.what) {
  case save_do::publish:
    return publish_and_wait(step);
  case save_do::read_last:
    return read_last();
  case save_do::read_first_after:
  case save_do::read_at:
    return read_one(step);
  case save_do::read_deciding:
    return read_deciding();
  case save_do::read_batch:
    return read_batch();
  default:
    return wait_ready(step);
  }
}

awaitable<save_step> save_operation::publish_and_wait(save_step step) {
  if (!may_hand_over()) {
    if (!machine_.has_open_attempt())
      co_return gone_step();
    machine_.on_published(publish_answer::not_handed_over, 0, {});
    co_return machine_.on_out_of_time(); // what an earlier call left open still is
  }
  count_attempt();
  publish_verdict verdict;
  if (request_.is_batch()) {
    batch_ids_.push_back(make_uuid());
    batch_to_publish batch;
    batch.subject = subject_;
    batch.items = &items_;
    batch.expected_sequence = step.sequence;
    batch.id = batch_ids_.back();
    auto published = co_await publish_batch(store_->stream(), std::move(batch), attempt_deadline());
    verdict = published.verdict;
    text_ = std::move(published.text);
  } else {
    auto const token = store_->link().next_token();
    prepare(step);
    std::string room;
    outgoing_message message(write(store_->link().reply_subject(token), room));
    auto got = co_await request_once(store_->stream()->connection, std::move(message), token, attempt_deadline());
    if (got) {
      publish_ack ack;
      verdict = classify(got.message.data(), store_->stream()->stream(), ack);
      if (ack.error)
        text_ = text_of(*ack.error);
    } else if (got.why == no_answer::not_handed_over || got.why == no_answer::closed) {
      verdict.answer = publish_answer::not_handed_over;
    } else if (got.why == no_answer::permission_denied) {
      verdict.answer = publish_answer::rejected;
      verdict.error = errc::permission_denied;
    }
  }
  take_back_unless_handed_over(verdict);
  co_return machine_.on_published(verdict.answer, verdict.sequence, verdict.error);
}

awaitable<save_step> save_operation::read_last() {
  auto current = co_await read_current(store_->stream(), actor_id_, deadline_);
  subject_state state;
  state.last_sequence = current.last_sequence;
  learned_id_ = {};
  if (current.latest) {
    state.version = current.latest->version;
    state.event_sequence = current.latest_sequence;
    state.is_this_event = !request_.is_batch() && is_first(*current.latest);
    learned_id_ = aether::detail::hash_of(current.latest->id);
  }
  learned_age_ = age_of(current);
  co_return machine_.on_last(state);
}

awaitable<save_step> save_operation::read_one(save_step step) {
  auto const after = step.what == save_do::read_first_after;
  auto query = after ? next_message_query(subject_, step.sequence + 1) : message_at_query(step.sequence);
  auto message = co_await read_leader(store_->stream(), std::move(query), deadline_);
  std::optional<seen_message> found;
  if (message) {
    found = seen(*message);
    learned_age_ = age_since(message->time);
  }
  co_return after ? machine_.on_first_after(found) : machine_.on_read_at(found);
}

bool save_operation::is_first(event const& stored) const {
  return stored.version == first().version && stored.id == first().event_id;
}

seen_message save_operation::seen(stored_message const& message) const {
  seen_message out;
  out.sequence = message.sequence;
  auto const batch = message.header("Nats-Batch-Id");
  out.has_our_batch_id = !batch.empty() && std::find(batch_ids_.begin(), batch_ids_.end(), batch) != batch_ids_.end();
  event stored;
  parse_error error;
  if (!parse_event(message.data, stored, error))
    return out;
  out.has_our_id = stored.id == first().event_id;
  if (stored.actor_id != actor_id_)
    return out; // of another subject, when a sequence was asked for
  out.version = stored.version;
  out.is_this_event = out.has_our_id && stored.version == first().version;
  return out;
}

awaitable<save_step> save_operation::read_deciding() {
  auto found = co_await find_from_version(store_->stream(), actor_id_, first().version, deadline_);
  std::optional<seen_message> message;
  if (found) {
    auto& m = message.emplace();
    m.sequence = found->sequence;
    m.version = found->value.version;
    m.has_our_id = found->value.id == first().event_id;
    m.is_this_event = m.has_our_id && found->value.version == first().version;
  }
  co_return machine_.on_deciding(message);
}

awaitable<save_step> save_operation::read_batch() {
  std::size_t found = 0;
  std::uint64_t last_sequence = 0;
  for (auto const& item : items_) {
    auto stored = co_await find_from_version(store_->stream(), actor_id_, item.version, deadline_);
    if (!stored || stored->value.version != item.version || stored->value.id != item.event_id)
      break;
    ++found;
    last_sequence = stored->sequence;
  }
  co_return machine_.on_batch(found, last_sequence);
}

awaitable<save_step> save_operation::wait_ready(save_step step) {
  if (step.what == save_do::wait_connected) {
    auto const connected = co_await wait_connected(store_->stream()->connection, deadline_);
    if (connected)
      co_return machine_.on_ready();
    if (store_->link().state() == connection_state::closed)
      co_return machine_.on_read_failed(errc::closed);
    co_return machine_.on_out_of_time();
  }
  auto const longest = std::chrono::microseconds(500) * (1 << std::min(step.pauses, 8u)); // up to 128 ms
  auto const pause =
      longest / 2 + longest / 2 * static_cast<int>(1024 * aether::detail::random_of_this_thread()) / 1024;
  co_await wait_until<bool>(std::min(deadline_, clock::now() + pause), [](std::shared_ptr<wait_state<bool>>) {});
  if (clock::now() >= deadline_)
    co_return machine_.on_out_of_time();
  co_return machine_.on_ready();
}

} // namespace aether::nats::detail
