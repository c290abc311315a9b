// Messages from a consumer that is made anew whenever it is lost: what comes, what is taken, and when it is lost. What
// is asked stands in consumer_steps.cpp.
#include "nats/consumer_source.hpp"

#include "nats/direct_marks.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/read_failure.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t asked_after = 256; // taken: it is looked whether there is room to ask for more

std::chrono::nanoseconds heartbeat_for(stream_access const& stream) {
  return std::clamp<std::chrono::nanoseconds>(stream.config.request_timeout / 2, 100ms, 5s);
}

} // namespace

consumer_source::consumer_source(std::shared_ptr<stream_access const> stream, stream_start start,
                                 source_options options)
    : stream_(std::move(stream)), identity_(std::move(start.stream)), options_(std::move(options)),
      target_(start.target), heartbeat_(heartbeat_for(*stream_)),
      last_per_subject_(start.last_per_subject && start.target != 0), next_(start.next), fetch_next_(start.next),
      window_(options_.window_messages, options_.window_bytes),
      not_before_(start.not_before.time_since_epoch().count()), made_at_(nanoseconds_now()) {}

awaitable<void> consumer_source::wait(steady_time deadline) { return run(shared_from_this(), deadline); }

std::uint64_t consumer_source::behind() const { return pending_ + held_.size(); }

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
    if (!held_.empty()) {
      auto const sequence = held_.front().where->stream_sequence;
      if (sequence > target_ && last_per_subject_ && listed_again_)
        leave_last_per_subject();
      auto const behind_the_end = options_.to_what_is_there ? left_ == 0u : sequence > target_;
      if (behind_the_end && !std::exchange(said_caught_up_, true))
        return source_step::caught_up;
      if (!held_.empty() && take_held(into))
        return source_step::message;
      continue;
    }
    held_.clear();
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

/// False: it is not for the reader.
bool consumer_source::take_held(fetched_message& into) {
  auto const& d = held_.take();
  if (left_ && *left_ > 0)
    --*left_;
  window_.on_taken(held_messages::size_of(d));
  if (++taken_ % asked_after == 0 && phase_ == phase::reading)
    ask();
  if (d.where->stream_sequence < next_) // delivered again, by a consumer that begins with the last ones
    return false;
  next_ = d.where->stream_sequence + 1;
  if (filter_here_ && !is_of_subjects(d.message.subject(), options_.filters))
    return false;
  into.subject = d.message.subject();
  into.data = d.message.data();
  into.sequence = d.where->stream_sequence;
  into.stored = time_point(std::chrono::nanoseconds(d.where->stored));
  return true;
}

bool consumer_source::is_at_end() const noexcept {
  if (options_.to_what_is_there) // or what is missing has expired
    return left_ && (*left_ == 0 || drained_);
  return next_ > target_ || nothing_left_;
}

/// The consumer says that it has nothing more, and the target was not reached: it has expired, or what it says is not
/// so, as a copy may lag behind the leader, which said how far to read.
bool consumer_source::seems_drained() const noexcept {
  return !options_.to_what_is_there && drained_ && next_ <= target_ && !said_caught_up_ && !nothing_left_;
}

/// The first consumer gives each subject's last message as of its creation, then what follows. One that is made after
/// it was lost would pass over what followed and is no last one any more: of it only what is up to the target counts.
void consumer_source::leave_last_per_subject() {
  last_per_subject_ = false;
  while (!held_.empty())
    window_.on_taken(held_messages::size_of(held_.take()));
  held_.clear();
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
  held_.add(std::move(got.messages));
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
  window_.on_message(held_messages::size_of(d));
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
  return std::chrono::nanoseconds(nanoseconds_now() - not_before_) <= stream_->max_age;
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

} // namespace aether::nats::detail
