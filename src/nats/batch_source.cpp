// An actor's messages in batches of direct gets.
#include "nats/batch_source.hpp"

#include "nats/direct_marks.hpp"
#include "nats/kept_questions.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using aether::detail::wait_end;
using aether::detail::wait_state;
using boost::asio::awaitable;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr unsigned patience = 3; // batches in a row that bring nothing
constexpr std::size_t freed_at_once = 256; // see spent_messages

} // namespace

batch_source::batch_source(std::shared_ptr<stream_access const> stream, actor_range range,
                           std::optional<std::uint64_t> target)
    : stream_(std::move(stream)), range_(std::move(range)), target_(target), next_(range_.from),
      fetch_next_(range_.from) {}

awaitable<void> batch_source::wait(steady_time deadline) { return run(shared_from_this(), deadline); }

source_step batch_source::take(fetched_message& into) {
  if (taken_ == held_.size() && !held_.empty()) {
    held_.clear();
    held_bytes_ = taken_ = 0;
    ask_ahead();
  }
  if (single_ && !std::exchange(single_taken_, true)) {
    into = {single_->subject, single_->data, single_->sequence, single_->time};
    next_ = into.sequence + 1;
    expected_ -= std::min<std::uint64_t>(expected_, 1);
    return source_step::message;
  }
  if (taken_ == held_.size()) {
    if (is_at_end() && !std::exchange(said_caught_up_, true))
      return source_step::caught_up;
    return source_step::nothing;
  }
  auto const& m = held_[taken_++];
  if (taken_ % freed_at_once == 0)
    for (auto i = taken_ - freed_at_once; i + 1 < taken_; ++i)
      held_[i] = {};
  into.subject = last_header(m, "Nats-Subject");
  into.data = m.data();
  into.sequence = message_view(m).sequence();
  parse_time(last_header(m, "Nats-Time-Stamp"), into.stored);
  next_ = into.sequence + 1;
  expected_ -= std::min<std::uint64_t>(expected_, 1);
  return source_step::message;
}

bool batch_source::is_at_end() const noexcept {
  if (target_)
    return next_ > *target_;
  return began_ && (drained_ || expected_ == 0);
}

void batch_source::ask(std::size_t bytes) {
  auto const messages = std::clamp<std::size_t>(range_.window_messages / 2, 1, messages_in(bytes));
  asked_at_ = clock::now();
  come_ = 0;
  asked_ = std::make_unique<batch_request>(*stream_, read_range(range_.subject, fetch_next_), bytes, messages,
                                           asked_at_ + 24h);
}

/// The server sends a batch without asking whether anybody keeps up: no more than read_batch_bytes at once.
std::size_t batch_source::half_window() const noexcept {
  return std::clamp<std::size_t>(range_.window_bytes / 2, 1, stream_->config.read_batch_bytes);
}

/// When there is room beside what is held.
void batch_source::ask_ahead() {
  auto const half = half_window();
  auto const room = held_.empty() || (range_.window_messages > 1 && held_bytes_ <= half);
  auto const all_is_held =
      target_ ? fetch_next_ > *target_ : began_ && (drained_ || expected_ <= held_.size() - taken_);
  if (room && !asked_ && !all_is_held && !leader_is_next_)
    ask(half);
}

void batch_source::absorb(fetched_batch got) {
  asked_.reset();
  auto const v = judge(got, fetch_next_);
  if (v.stop == read_stop::unavailable)
    throw way_is_closed();
  if (v.usable > 0 && !std::exchange(began_, true))
    expected_ = marks_of(got.messages.front()).pending.value_or(0) + 1;
  got.messages.resize(v.usable);
  held_bytes_ = 0;
  for (auto const& m : got.messages)
    held_bytes_ += m.data().size();
  fetch_next_ = v.next;
  held_ = std::move(got.messages);
  taken_ = 0;
  drained_ = v.stop == read_stop::at_end;
  began_ = began_ || drained_;
  if (v.usable > 0)
    fruitless_ = 0;
  else if (!v.reconnect && !(drained_ && !target_))
    leader_is_next_ = ++fruitless_ >= patience || v.stop == read_stop::stuck;
  if (v.usable > 0 && !v.stop)
    ask_ahead();
}

awaitable<void> batch_source::run(std::shared_ptr<batch_source> self, steady_time deadline) {
  if (self->leader_is_next_) {
    co_await read_one(self, deadline);
    co_return;
  }
  if (!self->asked_) {
    auto const& core = self->stream_->connection;
    if (core->state() != connection_state::connected) {
      auto const connected = co_await wait_connected(core, deadline);
      if (!connected && core->state() == connection_state::closed)
        throw_unanswered(no_answer::closed, "reading from stream " + self->stream_->stream());
      co_return;
    }
    if (self->fruitless_ > 0) // the copy that answers lags: what it lacks comes soon
      co_await pause_until(std::min(deadline, clock::now() + 2ms * (1 << self->fruitless_)));
    // The first one is shorter, so that there is something to take while the next is on its way.
    auto const half = self->half_window();
    self->ask(self->began_ ? half : std::max(half / 4, std::min<std::size_t>(half, 256 * 1024)));
  }
  auto const sink = self->asked_->sink();
  auto const silent_at = self->asked_at_ + self->stream_->config.request_timeout;
  auto const begin = [&](std::shared_ptr<wait_state<bool>> waiting) { sink->wait(std::move(waiting)); };
  auto const waited = co_await aether::detail::wait_until<bool>(std::min(deadline, silent_at), begin);
  aether::detail::throw_if_cancelled(waited);
  if (waited.end == wait_end::timed_out) {
    if (clock::now() < silent_at)
      co_return;
    if (auto const come = sink->count(); come > std::exchange(self->come_, come)) { // a slow link: it takes its time
      self->asked_at_ = clock::now();
      co_return;
    }
  }
  auto got = sink->take();
  if (!got.end && !got.why && !got.single)
    got.why = waited.end == wait_end::closed ? no_answer::closed : no_answer::timed_out;
  if (got.why && is_closed(*got.why))
    throw_unanswered(*got.why, "reading from stream " + self->stream_->stream());
  self->absorb(std::move(got));
}

awaitable<void> batch_source::read_one(std::shared_ptr<batch_source> self, steady_time deadline) {
  auto message =
      co_await read_leader(self->stream_, next_message_query(self->range_.subject, self->fetch_next_), deadline);
  forget_questions(*self->stream_);
  self->leader_is_next_ = false;
  self->fruitless_ = 0;
  if (!message) {
    self->began_ = self->drained_ = true;
    self->next_ = self->fetch_next_ = std::max(self->fetch_next_, self->target_.value_or(0) + 1);
    co_return;
  }
  self->fetch_next_ = message->sequence + 1;
  self->single_ = std::move(message);
  self->single_taken_ = false;
}

} // namespace aether::nats::detail
