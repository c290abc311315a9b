// One actor's messages from the last one back.
#include "nats/backward_source.hpp"

#include "nats/direct_marks.hpp"
#include "nats/json_string.hpp"
#include "nats/kept_questions.hpp"
#include "nats/leader_reads.hpp"
#include "nats/previous_link.hpp"
#include "nats/same_stream_source.hpp"

#include <aether/json.hpp>

#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;

/// As a direct get answers, which is the stored message itself. None: not this way.
std::optional<stored_message> from_direct(native_message const& answer) {
  std::optional<stored_message> out;
  auto const marks = marks_of(answer);
  if (marks.sequence == 0 || !marks.pending) // a server before 2.11 knows no multi_last
    return out;
  auto& m = out.emplace();
  m.sequence = marks.sequence;
  m.subject = last_header(answer, "Nats-Subject");
  parse_time(last_header(answer, "Nats-Time-Stamp"), m.time);
  m.data = answer.data();
  for (auto const* name : {"Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Subject-Sequence-Subject",
                           "Nats-Batch-Id", "Nats-Batch-Sequence"})
    if (auto const value = answer.header(name); !value.empty())
      m.headers.emplace_back(name, value);
  return out;
}

/// The last message on the subject below `sequence`, as any copy of the stream has it; none: not this way.
awaitable<std::optional<stored_message>> last_below(std::shared_ptr<stream_access const> stream, std::string subject,
                                                    std::uint64_t sequence, steady_time deadline) {
  auto const body =
      R"({"multi_last":[)" + json_string(subject) + R"(],"up_to_seq":)" + std::to_string(sequence - 1) + '}';
  auto const reply = co_await ask_once(stream, stream->api + ".DIRECT.GET." + stream->stream(), body, deadline,
                                       stream->config.request_timeout);
  std::optional<stored_message> found;
  if (*reply)
    found = from_direct(reply->message);
  if (found && (found->subject != subject || found->sequence >= sequence))
    found.reset();
  co_return found;
}

} // namespace

backward_source::backward_source(std::shared_ptr<stream_access const> stream, std::string subject,
                                 std::optional<std::uint64_t> below)
    : stream_(std::move(stream)), subject_(std::move(subject)), below_(below) {}

awaitable<void> backward_source::wait(steady_time deadline) { return run(shared_from_this(), deadline); }

source_step backward_source::take(fetched_message& into) {
  if (waiting_) {
    last_ = std::exchange(waiting_, std::nullopt);
    into = {last_->subject, last_->data, last_->sequence, last_->time};
    return source_step::message;
  }
  if (at_end_ && !std::exchange(said_end_, true))
    return source_step::caught_up;
  return source_step::nothing;
}

awaitable<void> backward_source::run(std::shared_ptr<backward_source> self, steady_time deadline) {
  message found;
  if (self->last_)
    found = co_await before_last(self, deadline);
  else if (self->below_)
    found = co_await read_before(self->stream_, self->subject_, *self->below_, deadline);
  else
    found = co_await read_leader(self->stream_, last_message_query(self->subject_), deadline);
  // Unless the server's clock was set back, what stands before was stored before.
  if (found && self->last_ && found->time > self->last_->time)
    co_await verify_same_stream(self->stream_, self->last_->time, self->last_->sequence + 1, deadline);
  self->at_end_ = !found;
  self->waiting_ = std::move(found);
  forget_questions(*self->stream_);
}

awaitable<backward_source::message> backward_source::before_last(std::shared_ptr<backward_source> self,
                                                                 steady_time deadline) {
  auto const& stream = self->stream_;
  auto const link = link_of(*self->last_);
  message found;
  if (link.kind == link_kind::none)
    co_return found;
  if (link.kind == link_kind::at) {
    found = co_await read_leader(stream, message_at_query(link.sequence), deadline);
    auto const fits = found && found->subject == self->subject_ &&
                      (link.batch.empty() || found->header("Nats-Batch-Id") == link.batch);
    if (fits)
      co_return found;
  }
  // Nothing tells, or what is there is not what was told: it expired, or another writer's headers mean something else.
  found.reset();
  auto const sequence = self->last_->sequence;
  if (stream->direct_get && stream->batch_direct_get && !stream->may_have_copies && sequence > 1)
    found = co_await last_below(stream, self->subject_, sequence, deadline);
  if (!found)
    found = co_await read_before(stream, self->subject_, sequence, deadline);
  co_return found;
}

} // namespace aether::nats::detail
