// Handing a group's messages to whoever waits; the decisions are group_queue's.
#include "group_hub.hpp"

#include "detail/give_way.hpp"

#include <aether/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <exception>

namespace aether {

using clock = std::chrono::steady_clock;

namespace {

// Who does not wait may ask again soon.
constexpr std::chrono::seconds asked_without_waiting(1);
constexpr std::chrono::seconds looked_after(1);

} // namespace

/// A member waits as long as this lives. What it was woken for and did not take goes to another, however it ends.
class group_hub::waiting {
public:
  explicit waiting(std::shared_ptr<group_hub> hub) : hub_(std::move(hub)) {
    std::lock_guard lock(hub_->mutex_);
    ++hub_->waiting_;
  }
  waiting(waiting const&) = delete;
  waiting& operator=(waiting const&) = delete;
  ~waiting() {
    std::unique_lock lock(hub_->mutex_);
    --hub_->waiting_;
    if (hub_->something_to_do(clock::now()))
      hub_->pass_on(std::move(lock));
  }

private:
  std::shared_ptr<group_hub> const hub_;
};

/// One coroutine tends the source at a time; then whoever waits looks again.
class group_hub::tending {
public:
  explicit tending(std::shared_ptr<group_hub> hub) : hub_(std::move(hub)) {}
  tending(tending const&) = delete;
  tending& operator=(tending const&) = delete;
  ~tending() {
    std::unique_lock lock(hub_->mutex_);
    hub_->tending_ = false;
    hub_->pass_on(std::move(lock));
  }

private:
  std::shared_ptr<group_hub> const hub_;
};

group_hub::group_hub(std::shared_ptr<group_source> source, group_options const& options)
    : source_(std::move(source)), options_(options), queue_(options_) {}

group_hub::~group_hub() {
  source_->pause();
  give_all_back();
}

void group_hub::give_all_back() noexcept {
  for (auto const& d : queue_.drain())
    d.ticket->give_back();
  for (auto const& g : std::exchange(given_up_, {}))
    g.delivery.ticket->give_back();
}

void group_hub::join(std::size_t ahead, std::size_t bytes) {
  std::lock_guard lock(mutex_);
  ++members_;
  ahead_ += ahead;
  bytes_ += bytes;
}

void group_hub::leave(std::size_t ahead, std::size_t bytes) noexcept {
  std::deque<parked> waiters; // one of them may be the member's
  {
    std::lock_guard lock(mutex_);
    --members_;
    ahead_ -= ahead;
    bytes_ -= bytes;
    if (members_ == 0) {
      source_->pause(); // first, or what is given back would come here again
      give_all_back();
    }
    ++changes_;
    waiters.swap(waiters_);
  }
  for (auto const& w : waiters)
    w.who->complete(true);
}

/// Something of what has come. What is not to be handed out, is put aside or passed over.
bool group_hub::take_one(time now) {
  group_delivery d;
  dead_letter_note note;
  if (!source_->take(d, now))
    return false;
  switch (detail::judge(d, options_, note)) {
  case detail::group_verdict::hand_out:
    queue_.push(std::move(d), now);
    break;
  case detail::group_verdict::pass_over:
    d.ticket->pass_over();
    break;
  case detail::group_verdict::give_up:
    given_up_.emplace_back(std::move(d), std::move(note));
    break;
  }
  return true;
}

/// What is to be handed out next; none: nothing, or `more` may come when others have run. `others` wait too.
std::optional<group_delivery> group_hub::find(std::size_t others, time now, time until, bool& more) {
  more = false;
  queue_.keep_alive(now);
  for (unsigned looked = 0;; ++looked) {
    if (looked == detail::items_at_a_stretch) {
      more = true;
      return std::nullopt;
    }
    if (take_one(now)) // all that has come goes first: so its order is kept
      continue;
    auto found = queue_.take(now);
    source_->want(queue_.wanted(others + (found ? 0 : 1), ahead_, bytes_, now), bytes_, now, until);
    if (found || !take_one(now))
      return found;
  }
}

group_hub::step group_hub::look(time now, time until, std::atomic<bool> const& has_left) {
  std::lock_guard lock(mutex_);
  step s;
  s.seen = changes_;
  if (has_left) { // leave() comes behind it, or has come
    s.what = todo::leave;
    return s;
  }
  bool more = false;
  s.event = find(waiting_ - 1, now, until, more);
  if (s.event) {
    s.what = todo::hand_out;
  } else if (!given_up_.empty()) {
    s.what = todo::give_up;
    s.letter = std::move(given_up_.front());
    given_up_.pop_front();
  } else if (more) {
    s.what = todo::give_way;
  } else if (!tending_ && source_->needs_tending(now)) {
    s.what = todo::tend;
    tending_ = true;
  } else {
    // While another one tends, what is due is its business; but it may be cancelled.
    s.until = std::min(until, tending_ ? now + looked_after : source_->due());
  }
  return s;
}

bool group_hub::something_to_do(time now) const {
  if (waiters_.empty())
    return false;
  if (queue_.has(now) || !given_up_.empty())
    return true;
  // What is due has somebody who looks for it then.
  auto const due = source_->due();
  auto const looks_then = [&](parked const& p) { return !p.who->is_ended() && p.until <= due; };
  return due <= now || std::none_of(waiters_.begin(), waiters_.end(), looks_then);
}

void group_hub::park(parked p, std::uint64_t seen) {
  {
    std::lock_guard lock(mutex_);
    if (changes_ == seen) {
      std::erase_if(waiters_, [](parked const& before) { return before.who->is_ended(); });
      waiters_.push_back(std::move(p));
      return;
    }
  }
  p.who->complete(true);
}

/// Wakes one. It may have been cancelled meanwhile: then its `waiting` passes on what it was woken for.
void group_hub::pass_on(std::unique_lock<std::mutex> lock) noexcept {
  ++changes_;
  waiter next;
  while (!next && !waiters_.empty()) {
    next = std::move(waiters_.front().who);
    waiters_.pop_front();
    if (next->is_ended())
      next.reset();
  }
  lock.unlock();
  if (next)
    next->complete(true);
}

void group_hub::changed() noexcept { pass_on(std::unique_lock(mutex_)); }

void group_hub::keep_alive() noexcept {
  std::lock_guard lock(mutex_);
  queue_.keep_alive(clock::now());
}

void group_hub::end_work(std::string const& actor_id) noexcept {
  std::unique_lock lock(mutex_);
  auto const now = clock::now();
  queue_.end_work(actor_id);
  queue_.keep_alive(now);
  if (something_to_do(now))
    pass_on(std::move(lock));
}

void group_hub::forget(bool retried, std::uint64_t sequence) noexcept {
  std::lock_guard lock(mutex_);
  queue_.forget(retried, sequence);
}

std::optional<group_delivery> group_hub::try_next() {
  std::lock_guard lock(mutex_);
  auto const now = clock::now();
  bool more = true;
  std::optional<group_delivery> found;
  while (!found && more)
    found = find(waiting_, now, now + asked_without_waiting, more);
  return found;
}

/// What cannot be stored now stays unacknowledged and comes again. Throws what will not be better then.
awaitable<void> group_hub::write_letter(std::shared_ptr<group_hub> self, given_up letter, time deadline) {
  auto const ticket = letter.delivery.ticket;
  auto const until = std::min(deadline, clock::now() + self->operation_timeout());
  try {
    co_await ticket->store_dead_letter(letter.note, until);
    co_await ticket->acknowledge(until);
  } catch (boost::system::system_error const& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      ticket->give_back();
    if (!is_retryable(e.code()))
      throw;
  }
}

awaitable<std::optional<group_delivery>>
group_hub::next(std::shared_ptr<group_hub> self, std::shared_ptr<std::atomic<bool> const> has_left, time deadline) {
  waiting const counted(self);
  for (;;) {
    auto s = self->look(clock::now(), deadline, *has_left);
    switch (s.what) {
    case todo::leave:
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    case todo::hand_out:
      co_return std::move(s.event);
    case todo::give_up: {
      auto letter = std::move(s.letter);
      co_await write_letter(self, std::move(letter), deadline);
      break;
    }
    case todo::tend: {
      tending const alone(self);
      co_await self->source_->tend(deadline);
      break;
    }
    case todo::give_way:
      co_await detail::give_way();
      break;
    case todo::wait: {
      auto const woken =
          co_await detail::wait_until<bool>(s.until, [&](waiter w) { self->park({std::move(w), s.until}, s.seen); });
      detail::throw_if_cancelled(woken);
      break;
    }
    }
    if (s.what != todo::give_way && clock::now() >= deadline)
      co_return self->try_next();
  }
}

std::shared_ptr<group_hub> make_group_hub(std::shared_ptr<group_source> source, group_options const& options) {
  auto hub = std::make_shared<group_hub>(source, options);
  source->on_change([weak = std::weak_ptr<group_hub>(hub)] {
    if (auto const there = weak.lock())
      there->changed();
  });
  return hub;
}

} // namespace aether
