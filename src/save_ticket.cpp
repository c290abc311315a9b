// The end of a queued save: told once, and to everybody who asks.
#include "save_ticket.hpp"

#include <utility>

namespace aether {

namespace detail {

told_error::told_error(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (boost::system::system_error const& e) {
    code_ = e.code();
    text_ = e.what();
    auto const standard = ": " + e.code().what();
    if (text_.ends_with(standard)) // it is put there again
      text_.resize(text_.size() - standard.size());
  } catch (...) {
    other_ = thrown;
  }
}

void told_error::raise() const {
  if (other_)
    std::rethrow_exception(other_);
  throw error(code_, text_);
}

} // namespace detail

void save_ticket::state::end(std::optional<save_outcome> outcome, std::exception_ptr const& thrown) {
  std::vector<waiting_ptr> waiting;
  {
    std::lock_guard lock(mutex_);
    if (ended_)
      return;
    ended_ = true;
    outcome_ = std::move(outcome);
    if (!outcome_)
      error_.emplace(thrown);
    waiting.swap(waiting_);
  }
  for (auto const& w : waiting)
    w->complete(true);
}

bool save_ticket::state::has_ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

awaitable<save_outcome> save_ticket::state::wait(std::shared_ptr<state> self) {
  if (!self)
    throw error(errc::not_open, "outcome() of a ticket that was default-made or moved from");
  auto const park = [&](waiting_ptr waiting) { self->park(std::move(waiting)); };
  auto const ended = co_await detail::wait_until<bool>(detail::steady_time::max(), park);
  detail::throw_if_cancelled(ended);
  co_return self->get();
}

void save_ticket::state::park(waiting_ptr waiting) {
  {
    std::lock_guard lock(mutex_);
    if (!ended_) {
      std::erase_if(waiting_, [](auto const& other) { return other->is_ended(); });
      waiting_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

save_outcome save_ticket::state::get() const {
  std::lock_guard lock(mutex_);
  if (outcome_)
    return *outcome_;
  if (error_)
    error_->raise();
  throw error(errc::closed, "save queue");
}

save_ticket::save_ticket(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
awaitable<save_outcome> save_ticket::outcome() const { return state::wait(state_); }
bool save_ticket::has_ended() const noexcept { return state_ && state_->has_ended(); }

} // namespace aether
