// What has come for a consumer and was not taken.
#include "nats/consumer_inbox.hpp"

#include <chrono>
#include <utility>

namespace aether::nats::detail {

using aether::detail::wait_end;
using aether::detail::wait_state;

std::int64_t nanoseconds_now() noexcept {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

void consumer_inbox::on_message(native_message message) {
  auto const where = parse_delivery(message.reply());
  std::unique_lock lock(mutex_);
  // Behind a gap nothing is to be waited for.
  if (!where || where->consumer_sequence != ++last_)
    urgent_ = true;
  if (!where)
    got_.status_at = nanoseconds_now();
  got_.messages.emplace_back(std::move(message), where);
  wake(std::move(lock));
}

void consumer_inbox::on_no_responders() {
  std::unique_lock lock(mutex_);
  got_.nobody = urgent_ = true;
  wake(std::move(lock));
}

void consumer_inbox::on_refused() {
  std::unique_lock lock(mutex_);
  got_.refused = urgent_ = true;
  wake(std::move(lock));
}

void consumer_inbox::on_interrupted(bool closed) {
  std::unique_lock lock(mutex_);
  got_.interrupted = urgent_ = true;
  got_.closed = closed;
  wake(std::move(lock));
}

void consumer_inbox::on_pull_refused() {
  std::unique_lock lock(mutex_);
  got_.may_not_pull = urgent_ = true;
  wake(std::move(lock));
}

void consumer_inbox::on_stopped() {
  std::unique_lock lock(mutex_);
  got_.stopped = urgent_ = true;
  wake(std::move(lock));
}

void consumer_inbox::wait(std::uint64_t messages, std::shared_ptr<wait_state<bool>> waiting) {
  std::unique_lock lock(mutex_);
  wanted_ = messages;
  waiting_ = std::move(waiting);
  wake(std::move(lock));
}

arrived consumer_inbox::take() {
  std::lock_guard lock(mutex_);
  waiting_.reset();
  urgent_ = false;
  return std::exchange(got_, {});
}

void consumer_inbox::wake(std::unique_lock<std::mutex> lock) {
  if (!waiting_ || (!urgent_ && got_.messages.size() < wanted_))
    return;
  auto const waiting = std::move(waiting_);
  lock.unlock();
  waiting->complete(true);
}

boost::asio::awaitable<arrived> wait_for(std::shared_ptr<consumer_inbox> inbox, std::uint64_t messages,
                                         steady_time until) {
  auto const waited = co_await aether::detail::wait_until<bool>(
      until, [&](std::shared_ptr<wait_state<bool>> waiting) { inbox->wait(messages, std::move(waiting)); });
  aether::detail::throw_if_cancelled(waited);
  auto got = inbox->take();
  got.silent = waited.end != wait_end::completed && got.messages.empty();
  co_return got;
}

} // namespace aether::nats::detail
