// Subscriptions: buffering on the connection's strand, receiving anywhere.
#include <aether/nats/subscription.hpp>

#include "detail/call_deadline.hpp"
#include "nats/subscription_core.hpp"

#include <algorithm>

namespace aether::nats {

namespace detail {

subscription_core::subscription_core(subscription_options const& options)
    : max_messages_(options.max_messages == 0 ? 65'536 : options.max_messages),
      max_bytes_(options.max_bytes == 0 ? std::size_t{64} << 20 : options.max_bytes) {}

void subscription_core::on_message(native_message m) {
  held h;
  // What the message takes beside its text is not known; a small one is mostly that.
  h.bytes = m.data().size() + m.subject().size() + 64;
  h.native = std::move(m);
  add(std::move(h));
}

void subscription_core::on_no_responders() {
  held h;
  h.status.status = 503;
  h.bytes = 64;
  add(std::move(h));
}

void subscription_core::add(held h) {
  std::vector<std::shared_ptr<aether::detail::wait_state<bool>>> woken;
  {
    std::lock_guard lock(mutex_);
    if (held_.size() >= max_messages_ || bytes_ + h.bytes > max_bytes_) {
      ++dropped_;
      return;
    }
    bytes_ += h.bytes;
    held_.push_back(std::move(h));
    woken.swap(waiting_);
  }
  for (auto& w : woken)
    w->complete(true);
}

void subscription_core::on_interrupted(bool closed) {
  if (closed)
    end(ended_by::close);
}

void subscription_core::end(ended_by why) {
  std::vector<std::shared_ptr<aether::detail::wait_state<bool>>> woken;
  {
    std::lock_guard lock(mutex_);
    if (ended_ == ended_by::nothing)
      ended_ = why;
    woken.swap(waiting_);
  }
  for (auto& w : woken)
    w->complete(true);
}

std::optional<message> subscription_core::take() {
  held h;
  {
    std::lock_guard lock(mutex_);
    if (held_.empty())
      return std::nullopt;
    h = std::move(held_.front());
    held_.pop_front();
    bytes_ -= h.bytes;
  }
  return h.native ? std::move(h.native).to_message() : std::move(h.status);
}

subscription_core::ended_by subscription_core::ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

std::uint64_t subscription_core::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void subscription_core::wake_when_ready(std::shared_ptr<aether::detail::wait_state<bool>> waiting) {
  {
    std::lock_guard lock(mutex_);
    if (held_.empty() && ended_ == ended_by::nothing) {
      std::erase_if(waiting_, [](auto const& w) { return w->is_ended(); });
      waiting_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

namespace {

using aether::detail::wait_end;
using aether::detail::wait_state;
using aether::detail::wait_until;

awaitable<std::optional<message>> receive_from(std::shared_ptr<subscription_core> core, call_options options) {
  if (!core)
    throw error(errc::not_open, "receive() on a subscription that was default-made or moved from");
  auto const deadline = options.timeout == std::chrono::nanoseconds::zero()
                            ? aether::detail::steady_time::max()
                            : aether::detail::deadline_after(options.timeout, options.timeout);
  for (;;) {
    if (auto taken = core->take())
      co_return taken;
    switch (core->ended()) {
    case subscription_core::ended_by::nothing:
      break;
    case subscription_core::ended_by::close:
      throw error(errc::closed, "the subscription's connection was closed");
    case subscription_core::ended_by::refusal:
      throw error(errc::permission_denied, "the server refuses the subscription");
    }
    auto const result = co_await wait_until<bool>(
        deadline, [&](std::shared_ptr<wait_state<bool>> waiting) { core->wake_when_ready(std::move(waiting)); });
    aether::detail::throw_if_cancelled(result);
    if (result.end == wait_end::timed_out)
      co_return core->take(); // it may have come just now
  }
}

} // namespace
} // namespace detail

subscription::subscription(std::shared_ptr<detail::subscription_core> core) : core_(std::move(core)) {}

subscription& subscription::operator=(subscription&& other) noexcept {
  subscription old(std::move(*this));
  core_ = std::move(other.core_);
  return *this;
}

subscription::~subscription() {
  if (!core_)
    return;
  core_->end(detail::subscription_core::ended_by::close);
  if (auto connection = core_->connection.lock())
    connection->unsubscribe(core_->id);
}

awaitable<std::optional<message>> subscription::receive(call_options options) {
  return detail::receive_from(core_, options);
}

std::optional<message> subscription::try_receive() { return core_ ? core_->take() : std::nullopt; }

std::uint64_t subscription::dropped() const { return core_ ? core_->dropped() : 0; }

} // namespace aether::nats
