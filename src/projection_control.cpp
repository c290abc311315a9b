// Flags under a lock, and two ways to wait for a change of them.
#include "projection_control.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace aether::detail {

namespace {

/// What the subscription throws it throws again when it is asked for an item.
awaitable<void> wait_quietly(std::shared_ptr<event_subscription> events, steady_time deadline) {
  call_options options;
  if (deadline != steady_time::max())
    options.timeout =
        std::max<std::chrono::nanoseconds>(std::chrono::nanoseconds(1), deadline - std::chrono::steady_clock::now());
  try {
    co_await events->wait(options);
  } catch (std::exception const&) {
  }
}

} // namespace

void projection_control::change(bool projection_control::* flag, bool value) {
  std::shared_ptr<wait_state<bool>> waiting;
  std::shared_ptr<task_group> sleeper;
  {
    std::lock_guard lock(mutex_);
    this->*flag = value;
    ++revision_;
    waiting = std::exchange(waiting_, nullptr);
    sleeper = std::exchange(sleeper_, nullptr);
  }
  if (waiting)
    waiting->complete(true);
  if (sleeper)
    sleeper->cancel();
}

void projection_control::stop() { change(&projection_control::stop_, true); }
void projection_control::pause() { change(&projection_control::paused_, true); }
void projection_control::resume() { change(&projection_control::paused_, false); }
void projection_control::rebuild() { change(&projection_control::rebuild_, true); }
void projection_control::rebuild_done() { change(&projection_control::rebuild_, false); }

projection_control::wishes projection_control::now() const {
  std::lock_guard lock(mutex_);
  wishes w;
  w.what = stop_ ? wish::stop : rebuild_ ? wish::rebuild : paused_ ? wish::pause : wish::go_on;
  w.revision = revision_;
  return w;
}

bool projection_control::enter() {
  std::lock_guard lock(mutex_);
  return !std::exchange(running_, true);
}

void projection_control::leave(bool was_stopped) {
  std::lock_guard lock(mutex_);
  running_ = false;
  if (was_stopped)
    stop_ = false;
}

void projection_control::park(std::shared_ptr<wait_state<bool>> waiting, std::uint64_t seen) {
  {
    std::lock_guard lock(mutex_);
    if (revision_ == seen) {
      waiting_ = std::move(waiting);
      return;
    }
  }
  waiting->complete(true);
}

bool projection_control::set_sleeper(std::shared_ptr<task_group> sleeper, std::uint64_t seen) {
  std::lock_guard lock(mutex_);
  bool const unchanged = revision_ == seen;
  sleeper_ = unchanged ? std::move(sleeper) : nullptr;
  return unchanged;
}

awaitable<void> projection_control::wait(std::shared_ptr<projection_control> self, std::uint64_t seen,
                                         steady_time deadline) {
  auto const waited = co_await wait_until<bool>(
      deadline, [&](std::shared_ptr<wait_state<bool>> waiting) { self->park(std::move(waiting), seen); });
  throw_if_cancelled(waited);
}

awaitable<void> projection_control::wait_for_event(std::shared_ptr<projection_control> self, std::uint64_t seen,
                                                   std::shared_ptr<event_subscription> events, steady_time deadline) {
  // In a group of its own, as cancelling from another thread has to be safe on any executor.
  auto executor = co_await boost::asio::this_coro::executor;
  auto group = std::make_shared<task_group>(executor);
  group->spawn(wait_quietly(std::move(events), deadline));
  if (!self->set_sleeper(group, seen))
    group->cancel();
  co_await group->join();
  self->set_sleeper(nullptr, 0);
}

} // namespace aether::detail
