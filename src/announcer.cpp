// A queue and a thread, for broadcasters that may be slow.
#include "announcer.hpp"

#include <aether/event_stored.hpp>

#include <exception>
#include <utility>

namespace aether::detail {

announcer::announcer(std::shared_ptr<event_broadcaster> to, std::string name_space, std::shared_ptr<logger> log)
    : to_(std::move(to)), name_space_(std::move(name_space)), log_(std::move(log)), at_once_(to_->publishes_at_once()) {
}

std::shared_ptr<announcer> announcer::make(std::shared_ptr<event_broadcaster> to, std::string name_space,
                                           std::shared_ptr<logger> log) {
  if (!to)
    return nullptr;
  std::shared_ptr<announcer> const made(new announcer(std::move(to), std::move(name_space), std::move(log)));
  made->self_ = made;
  return std::shared_ptr<announcer>(made.get(), [made](announcer*) { made->stop(); });
}

void announcer::stop() noexcept {
  {
    std::lock_guard const lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  wanted_.notify_one();
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach(); // the broadcaster dropped the store; the thread keeps this until it returns
  else if (thread_.joinable())
    thread_.join();
}

void announcer::announce(announcement what) noexcept {
  if (at_once_)
    return publish(std::move(what));
  try {
    if (!enqueue(std::move(what)))
      drop("too many announcements wait for the broadcaster");
  } catch (std::exception const&) { // no memory, or no thread
    drop("the announcement could not be queued");
  }
}

bool announcer::enqueue(announcement&& what) {
  std::lock_guard const lock(mutex_);
  if (waiting_.size() >= most_waiting)
    return false;
  if (!thread_.joinable())
    thread_ = std::thread([self = self_.lock()] { self->work(); });
  waiting_.push_back(std::move(what));
  if (!busy_)
    wanted_.notify_one();
  return true;
}

void announcer::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    busy_ = false;
    if (waiting_.empty()) {
      auto const told = std::exchange(empty_waiters_, {});
      lock.unlock();
      for (auto const& waiter : told)
        waiter->complete(true);
      lock.lock();
    }
    wanted_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_)
      return;
    busy_ = true;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    publish(std::move(next));
    lock.lock();
  }
}

void announcer::publish(announcement what) noexcept {
  try {
    to_->publish(name_space_, std::move(what));
    published_.fetch_add(1, std::memory_order_relaxed);
  } catch (std::exception const& failed) {
    drop(failed.what());
  } catch (...) {
    drop("the broadcaster threw something");
  }
}

void announcer::drop(char const* why) noexcept {
  auto const dropped = dropped_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (log_ && (dropped & (dropped - 1)) == 0) // the first, the second, the fourth, …
    log_->log(log_level::warning, "an EventStored was not announced",
              {{"name_space", name_space_}, {"cause", why}, {"dropped", dropped}});
}

void announcer::when_empty(std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (busy_ || !waiting_.empty()) {
      empty_waiters_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

void prepared_announcements::add(event const& stored) {
  if (to_ != nullptr)
    events_.push_back(std::make_shared<event const>(make_event_stored(stored)));
}

void prepared_announcements::announce() noexcept {
  for (auto& e : events_)
    to_->announce(std::move(e));
}

} // namespace aether::detail
