// What a consumer source does while somebody waits for it: one step at a time, each a question and what follows from
// its answer.
#include "nats/consumer_source.hpp"

#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds pull_expires = 30s;
// A consumer without a pull is deleted 30 s later by its server: then nobody would answer.
constexpr std::chrono::nanoseconds idle_at_most = pull_expires + 25s;
// So many are woken up for together, as that alone costs more than a message.
constexpr std::uint64_t messages_at_once = 2048;
// Whether the store was closed meanwhile.
constexpr std::chrono::nanoseconds look_again = 1s;

awaitable<void> nothing_to_do() { co_return; }

} // namespace

awaitable<void> consumer_source::run(std::shared_ptr<consumer_source> self, steady_time deadline) {
  if (self->ended_ || !self->held_.empty())
    return nothing_to_do();
  switch (self->phase_) {
  case phase::idle:
    return connect(std::move(self), deadline);
  case phase::verifying:
    return verify(std::move(self), deadline);
  case phase::creating:
    return create(std::move(self), deadline);
  case phase::reading:
    if (self->seems_drained() && !(self->last_per_subject_ && self->stream_->may_have_copies))
      return ask_what_is_left(std::move(self), deadline);
    break;
  }
  return read(std::move(self), deadline);
}

awaitable<void> consumer_source::connect(std::shared_ptr<consumer_source> self, steady_time deadline) {
  if (clock::now() < self->retry_at_) {
    co_await pause_until(std::min(self->retry_at_, deadline));
    co_return;
  }
  auto const& core = self->stream_->connection;
  if (core->state() != connection_state::connected) {
    auto const connected = co_await wait_connected(core, std::min(deadline, clock::now() + look_again));
    if (!connected && core->state() == connection_state::closed)
      self->end_with(errc::closed, "the subscription's connection was closed");
    co_return;
  }
  if (self->began_) {
    auto const until = clock::now() + self->stream_->config.request_timeout;
    self->state_asked_ = ask_into_slot(core, stream_info_subject(*self->stream_), {}, until);
    self->phase_ = phase::verifying;
    co_return;
  }
  self->start_creating();
}

void consumer_source::start_creating() {
  if (began_ && stream_->log)
    stream_->log->consumer_renewed(fetch_next_);
  consumer_request request;
  request.from = fetch_next_;
  request.last_per_subject = last_per_subject_;
  request.filters = filter_here_ ? std::vector{stream_->subjects.events_filter()} : options_.filters;
  set_consumer(std::make_shared<reading_consumer>(stream_));
  consumer_->create(request, clock::now() + stream_->config.request_timeout);
  order_.emplace(last_per_subject_ ? 1 : fetch_next_);
  created_at_ = nanoseconds_now();
  phase_ = phase::creating;
}

// What is asked goes on being asked when who waits for it gives up, so that short timeouts get somewhere too.

awaitable<void> consumer_source::verify(std::shared_ptr<consumer_source> self, steady_time deadline) {
  auto const reply = co_await answer_slot::wait(self->state_asked_, deadline);
  if (reply)
    self->on_state(*reply);
}

awaitable<void> consumer_source::create(std::shared_ptr<consumer_source> self, steady_time deadline) {
  auto const consumer = self->consumer_;
  std::optional<creation_result> result;
  try {
    result = co_await reading_consumer::created(consumer, deadline);
  } catch (error const&) {
    self->end_with(std::current_exception());
    co_return;
  }
  if (result)
    self->on_created(*result);
}

/// False: it is over, or begins anew.
bool consumer_source::is_answered(answer const& reply, char const* forbidden) {
  if (reply)
    return true;
  if (is_denied(reply.why))
    end_with(errc::permission_denied, forbidden + stream_->stream());
  else
    lose();
  return false;
}

void consumer_source::on_state(answer const& reply) {
  state_asked_.reset();
  if (!is_answered(reply, "the user may not ask for the state of stream "))
    return;
  try {
    auto const parsed = parse_stream_answer(reply.message.data());
    if (auto const* refused = std::get_if<api_error>(&parsed)) {
      if (!is_temporary(*refused))
        throw_refused(*refused, "reading from stream " + stream_->stream());
      lose();
      return;
    }
    auto const state = state_of(std::get<stream_answer>(parsed));
    auto const verdict = judge(state, identity_->created, fetch_next_);
    if (verdict == continuity::shorter && stream_->may_have_copies) {
      if (!shorter_since_)
        shorter_since_ = clock::now();
      if (clock::now() - *shorter_since_ < stale_leader) {
        lose();
        return;
      }
    }
    shorter_since_.reset();
    auto const passes = last_per_subject_ || options_.on_expired == expired_start::first ||
                        (stream_->max_age.count() != 0 && not_before_ != 0 && nothing_has_expired());
    if (verdict == continuity::goes_on || (verdict == continuity::expired && passes))
      start_creating();
    else
      throw_broken(verdict, *stream_, state, fetch_next_);
  } catch (error const&) {
    end_with(std::current_exception());
  }
}

void consumer_source::on_created(creation_result const& result) {
  switch (result.end) {
  case creation_end::created:
    phase_ = phase::reading;
    began_ = true;
    heard_ = pulled_ = clock::now();
    pending_ = result.num_pending;
    drained_ = pending_ == 0;
    left_ = pending_;
    if (drained_)
      not_before_ = std::max(not_before_, created_at_);
    return;
  case creation_end::not_connected:
  case creation_end::no_answer:
  case creation_end::refused:
    break;
  case creation_end::unavailable:
    if (options_.filters.size() > 1 && !std::exchange(filter_here_, true)) // 2.9: everything is fetched
      break;
    end_with(result.code, "making a consumer on stream " + stream_->stream() + ": " + result.why);
    return;
  }
  lose();
}

void consumer_source::ask() {
  while (window_.under_way() == 0 ||
         pending_ > window_.under_way()) { // a second one only for what is known to be there
    auto const p = window_.next();
    if (!p)
      return;
    pulled_ = clock::now();
    consumer_->pull_live(*p, pull_expires, heartbeat_);
  }
}

awaitable<void> consumer_source::read(std::shared_ptr<consumer_source> self, steady_time deadline) {
  if (clock::now() - self->pulled_ > idle_at_most) { // nobody waited for so long that it is gone
    self->lose();
    co_return;
  }
  self->ask();
  // What waits in the inbox was heard of when it came; who looks after a while gives the server its time anew.
  self->heard_ = std::max(self->heard_, self->pulled_);
  if (auto const now = clock::now(); now - self->looked_ > self->heartbeat_)
    self->heard_ = std::max(self->heard_, now - self->heartbeat_);
  auto const silent_at = self->heard_ + 3 * self->heartbeat_;
  struct looking { // also when it is cancelled
    steady_time& until;
    ~looking() { until = clock::now(); }
  } const here{self->looked_};
  auto const ahead = std::min(self->pending_, (self->window_.under_way() + 1) / 2);
  // Of a few some, so that there is something to do while the others are on their way.
  auto const wanted = std::clamp<std::uint64_t>(
      ahead / 4, std::min<std::uint64_t>(std::max<std::uint64_t>(ahead, 1), 16), messages_at_once);
  auto const consumer = self->consumer_;
  auto got = co_await wait_for(consumer->inbox(), wanted, std::min(deadline, silent_at));
  auto const silent = got.silent && clock::now() >= silent_at;
  self->absorb(std::move(got));
  if (silent && self->phase_ == phase::reading)
    self->lose();
}

awaitable<void> consumer_source::ask_what_is_left(std::shared_ptr<consumer_source> self, steady_time deadline) {
  if (self->last_per_subject_) { // of the others something is left always
    self->nothing_left_ = true;
    co_return;
  }
  if (!self->left_asked_)
    self->left_asked_ = ask_into_slot(self->stream_->connection, leader_read_subject(*self->stream_),
                                      next_message_query(self->options_.filters[self->asked_of_], self->next_),
                                      clock::now() + self->stream_->config.request_timeout);
  auto const reply = co_await answer_slot::wait(self->left_asked_, deadline);
  if (reply)
    self->on_left(*reply);
}

void consumer_source::on_left(answer const& reply) {
  left_asked_.reset();
  if (!is_answered(reply, "the user may not read from the leader of stream "))
    return;
  auto const told = parse_leader_answer(reply.message);
  if (told.error) {
    if (told.temporary)
      lose();
    else
      end_with(
          std::make_exception_ptr(error(told.error, "reading from stream " + stream_->stream() + ": " + told.text)));
    return;
  }
  if (told.message && told.message->sequence <= target_) {
    if (!stream_->may_have_copies)
      return lose();
    drained_ = false; // until the copy that lags says so again
    asked_of_ = 0;
  } else if (++asked_of_ == options_.filters.size()) {
    nothing_left_ = true;
  }
}

} // namespace aether::nats::detail
