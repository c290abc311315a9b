// Starts a thread for each attempt, reaps those that ended, joins all at the end.
#include "nats/connector.hpp"

namespace aether::nats::detail {

bool connector::run(std::function<void()> job) {
  std::lock_guard lock(mutex_);
  if (going_) return false;
  workers_.remove_if([](worker& w) {
    if (w.ended) w.thread.join();
    return w.ended;
  });
  auto& self = workers_.emplace_back();
  self.thread = std::thread([this, &self, job = std::move(job)]() mutable {
    job();
    job = nullptr; // what it holds goes before the thread is called ended
    std::lock_guard ended(mutex_);
    self.ended = true;
  });
  return true;
}

void connector::shutdown() noexcept {
  std::list<worker> workers;
  {
    std::lock_guard lock(mutex_);
    going_ = true;
    workers.splice(workers.begin(), workers_);
  }
  for (auto& w : workers) w.thread.join();
}

} // namespace aether::nats::detail
