// Messages from a consumer that is made anew whenever it is lost. One machine: what comes, and what is done then.
#include "nats/consumer_source.hpp"

#include "nats/direct_marks.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds pull_expires = 30s;
// A consumer without a pull is deleted 30 s later by its server: then nobody would answer.
constexpr std::chrono::nanoseconds idle_at_most = pull_expires + 25s;
// For so long a leader that is none any more may answer reads (seen: up to 10 s), and lack what another one has.
constexpr std::chrono::nanoseconds stale_leader = 12s;
// So many are woken up for, and so many freed together, as each of both alone costs more than the message: see
// spent_messages.
constexpr std::uint64_t messages_at_once = 1024;
constexpr std::size_t freed_at_once = 1024;
constexpr std::size_t freed_bytes_at_once = 1024 * 1024;
constexpr std::size_t asked_after = 256; // taken: it is looked whether there is room to ask for more
// Whether the store was closed meanwhile.
constexpr std::chrono::nanoseconds look_again = 1s;
// Of a message beside its data, as it counts here and at the server: subject, reply subject, headers.
constexpr std::size_t overhead = 400;

std::chrono::nanoseconds heartbeat_for(stream_access const& stream) {
  return std::clamp<std::chrono::nanoseconds>(stream.config.request_timeout / 2, 100ms, 5s);
}

awaitable<void> nothing_to_do() { co_return; }

std::int64_t since_epoch(std::chrono::system_clock::time_point t) {
  return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

} // namespace

consumer_source::consumer_source(std::shared_ptr<stream_access const> stream, stream_start start,
                                 source_options options)
    : stream_(std::move(stream)), identity_(std::move(start.stream)), options_(std::move(options)),
      target_(start.target), heartbeat_(heartbeat_for(*stream_)),
      last_per_subject_(start.last_per_subject && start.target != 0), next_(start.next), fetch_next_(start.next),
      window_(options_.window_messages, options_.window_bytes),
      not_before_(start.not_before.time_since_epoch().count()),
      made_at_(since_epoch(std::chrono::system_clock::now())) {}

awaitable<void> consumer_source::wait(steady_time deadline) { return run(shared_from_this(), deadline); }

std::uint64_t consumer_source::behind() const { return pending_ + (held_.size() - taken_); }

awaitable<void> consumer_source::begin(std::shared_ptr<consumer_source> self, steady_time deadline) {
  while (self->phase_ != phase::reading) {
    if (self->ended_)
      std::rethrow_exception(self->ended_);
    if (clock::now() >= deadline) {
      auto const connected = self->stream_->connection->state() == connection_state::connected;
      throw_unanswered(connected ? no_answer::timed_out : no_answer::connection_lost,
                       "subscribing to stream " + self->stream_->stream());
    }
    co_await run(self, deadline);
  }
}

// Taking.

source_step consumer_source::take(fetched_message& into) {
  for (;;) {
    if (taken_ < held_.size()) {
      auto const sequence = held_[taken_].where->stream_sequence;
      if (sequence > target_ && last_per_subject_ && listed_again_)
        leave_last_per_subject();
      if (sequence > target_ && !std::exchange(said_caught_up_, true))
        return source_step::caught_up;
      if (taken_ < held_.size() && take_held(into))
        return source_step::message;
      continue;
    }
    forget_held();
    if (phase_ == phase::reading)
      absorb(consumer_->inbox()->take());
    if (!held_.empty())
      continue;
    if (is_at_end()) {
      if (last_per_subject_ && listed_again_)
        leave_last_per_subject();
      if (!std::exchange(said_caught_up_, true))
        return source_step::caught_up;
    }
    if (ended_)
      std::rethrow_exception(ended_);
    return source_step::nothing;
  }
}

void consumer_source::forget_held() {
  held_.clear();
  taken_ = freed_ = spent_bytes_ = 0;
}

/// False: it is not for the reader.
bool consumer_source::take_held(fetched_message& into) {
  auto& d = held_[taken_++];
  auto const size = d.message.data().size() + overhead;
  window_.on_taken(size);
  spent_bytes_ += size;
  if (taken_ - freed_ > freed_at_once || spent_bytes_ > freed_bytes_at_once) {
    for (; freed_ + 1 < taken_; ++freed_)
      held_[freed_].message = {};
    spent_bytes_ = size;
  }
  if (taken_ % asked_after == 0 && phase_ == phase::reading)
    ask();
  if (d.where->stream_sequence < next_) // delivered again, by a consumer that begins with the last ones
    return false;
  next_ = d.where->stream_sequence + 1;
  if (filter_here_ && !passes(d.message.subject()))
    return false;
  into.subject = d.message.subject();
  into.data = d.message.data();
  into.sequence = d.where->stream_sequence;
  into.stored = time_point(std::chrono::nanoseconds(d.where->stored));
  return true;
}

bool consumer_source::passes(std::string_view subject) const noexcept {
  return std::any_of(options_.filters.begin(), options_.filters.end(), [&](std::string_view filter) {
    return filter.back() == '*' ? subject.starts_with(filter.substr(0, filter.size() - 1)) : subject == filter;
  });
}

bool consumer_source::is_at_end() const noexcept { return next_ > target_ || nothing_left_; }

/// The consumer says that it has nothing more, and the target was not reached: it has expired, or what it says is not
/// so, as a copy may lag behind the leader, which said how far to read.
bool consumer_source::seems_drained() const noexcept {
  return drained_ && next_ <= target_ && !said_caught_up_ && !nothing_left_;
}

/// The first consumer gives each subject's last message as of its creation, then what follows. One that is made after
/// it was lost would pass over what followed and is no last one any more: of it only what is up to the target counts.
void consumer_source::leave_last_per_subject() {
  last_per_subject_ = false;
  for (; taken_ < held_.size(); ++taken_)
    window_.on_taken(held_[taken_].message.data().size() + overhead);
  forget_held();
  next_ = fetch_next_ = target_ + 1;
  not_before_ = made_at_; // the target was the last one then
  lose();
  failures_ = 0;
  retry_at_ = {};
}

// What comes.

void consumer_source::absorb(arrived got) {
  if (!got.messages.empty())
    heard_ = clock::now();
  auto goes_on = true;
  auto quiet = false; // a heartbeat came last
  std::size_t kept = 0;
  for (auto& d : got.messages) {
    auto const is_status = d.message.reply().empty();
    goes_on = is_status ? on_status(d.message) : on_delivered(d);
    quiet = is_status && (quiet || d.message.status() == 100);
    if (!goes_on)
      break;
    if (is_status)
      continue;
    if (auto& place = got.messages[kept++]; &place != &d)
      place = std::move(d);
  }
  got.messages.resize(kept);
  if (held_.empty())
    held_.swap(got.messages);
  else
    std::move(got.messages.begin(), got.messages.end(), std::back_inserter(held_));
  if (quiet && goes_on)
    not_before_ = std::max(not_before_, got.status_at);
  if (got.stopped)
    end_with(std::make_exception_ptr(boost::system::system_error(boost::asio::error::operation_aborted)));
  else if (got.closed)
    end_with(errc::closed, "the subscription's connection was closed");
  else if (got.refused)
    end_with(errc::permission_denied, "the user may not subscribe to inboxes: set connection_options::inbox_prefix");
  else if (got.may_not_pull)
    end_with(errc::permission_denied, "the user may not read from consumers of stream " + stream_->stream());
  else if (!goes_on || got.nobody || got.interrupted)
    lose();
}

bool consumer_source::on_delivered(delivered_message const& d) {
  if (!d.where || !order_->on_message(*d.where))
    return false;
  auto const sequence = d.where->stream_sequence;
  if (sequence > fetch_next_ && options_.on_expired == expired_start::refuse && !last_per_subject_ &&
      !nothing_has_expired()) {
    end_with(errc::start_expired, "reading from stream " + stream_->stream() + " fell behind its retention at " +
                                      std::to_string(fetch_next_) + ": what followed may have expired unread");
    return false;
  }
  window_.on_message(d.message.data().size() + overhead);
  pending_ = d.where->pending;
  drained_ = pending_ == 0;
  fetch_next_ = std::max(fetch_next_, sequence + 1);
  not_before_ = std::max(not_before_, d.where->stored);
  failures_ = 0;
  return true;
}

// The server passes over what expired without a word, and what a filter drops leaves gaps too. As long as the message
// before has not expired, nothing behind it has; and what came after the server had nothing more is not older than
// that.
bool consumer_source::nothing_has_expired() const {
  if (stream_->max_age.count() == 0 || not_before_ == 0)
    return true;
  return std::chrono::nanoseconds(since_epoch(std::chrono::system_clock::now()) - not_before_) <= stream_->max_age;
}

bool consumer_source::on_status(native_message const& status) {
  auto const code = status.status();
  if (code == 100) {
    // A lost last message shows nowhere else.
    auto const last = number_header(status, "Nats-Last-Consumer");
    if (last && *last != order_->delivered())
      return false;
    drained_ = true;
    pending_ = 0;
    return true;
  }
  return window_.on_status(code, number_header(status, "Nats-Pending-Messages")) == pull_status::go_on;
}

void consumer_source::lose() {
  phase_ = phase::idle;
  set_consumer(nullptr);
  state_asked_.reset();
  left_asked_.reset();
  asked_of_ = 0;
  window_.restart();
  drained_ = false;
  if (last_per_subject_ && fetch_next_ > target_)
    last_per_subject_ = false;
  listed_again_ = began_;
  constexpr unsigned longest = 9; // 1 s
  retry_at_ = failures_ == 0 ? steady_time() : clock::now() + 2ms * (1u << std::min(failures_, longest));
  ++failures_;
}

void consumer_source::set_consumer(std::shared_ptr<reading_consumer> consumer) {
  consumer_ = std::move(consumer);
  std::lock_guard lock(mutex_);
  inbox_ = consumer_ ? consumer_->inbox() : nullptr;
}

std::shared_ptr<consumer_inbox> consumer_source::inbox_now() noexcept {
  std::lock_guard lock(mutex_);
  return inbox_;
}

void consumer_source::store_closed() noexcept {
  if (auto const inbox = inbox_now())
    inbox->on_interrupted(true);
}

void consumer_source::stop() noexcept {
  if (auto const inbox = inbox_now())
    inbox->on_stopped();
}

void consumer_source::end_with(std::exception_ptr why) {
  lose();
  ended_ = std::move(why);
}

void consumer_source::end_with(errc code, std::string const& why) {
  end_with(std::make_exception_ptr(error(code, why)));
}

// Waiting.

awaitable<void> consumer_source::run(std::shared_ptr<consumer_source> self, steady_time deadline) {
  if (self->ended_ || self->taken_ < self->held_.size())
    return nothing_to_do();
  switch (self->phase_) {
  case phase::idle:
    return connect(std::move(self), deadline);
  case phase::verifying:
    return verify(std::move(self), deadline);
  case phase::creating:
    return create(std::move(self), deadline);
  case phase::reading:
    if (self->seems_drained() && !(self->last_per_subject_ && self->stream_->replicas > 1))
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
  consumer_request request;
  request.from = fetch_next_;
  request.last_per_subject = last_per_subject_;
  request.filters = filter_here_ ? std::vector{stream_->subjects.events_filter()} : options_.filters;
  set_consumer(std::make_shared<reading_consumer>(stream_));
  consumer_->create(request, clock::now() + stream_->config.request_timeout);
  order_.emplace(last_per_subject_ ? 1 : fetch_next_);
  created_at_ = since_epoch(std::chrono::system_clock::now());
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

void consumer_source::on_state(answer const& reply) {
  state_asked_.reset();
  if (!reply) {
    if (reply.why == no_answer::permission_denied)
      end_with(errc::permission_denied, "the user may not ask for the state of stream " + stream_->stream());
    else
      lose();
    return;
  }
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
    if (verdict == continuity::shorter && stream_->replicas > 1) {
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
  auto const wanted = std::clamp<std::uint64_t>(ahead, 1, messages_at_once);
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
  if (!reply) {
    if (reply.why == no_answer::permission_denied)
      end_with(errc::permission_denied, "the user may not read from the leader of stream " + stream_->stream());
    else
      lose();
    return;
  }
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
    if (stream_->replicas == 1) // which has one copy
      return lose();
    drained_ = false; // until the copy that lags says so again
    asked_of_ = 0;
  } else if (++asked_of_ == options_.filters.size()) {
    nothing_left_ = true;
  }
}

} // namespace aether::nats::detail
