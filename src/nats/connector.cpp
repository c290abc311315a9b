// Starts a thread for each attempt, reaps those that ended, and waits for the rest for a bounded time at the end.
#include "nats/connector.hpp"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

namespace aether::nats::detail {

namespace {
constexpr auto longest_wait_at_the_end = std::chrono::seconds(1);
} // namespace

struct connector::workers {
  struct worker {
    std::thread thread;
    bool ended = false;
  };
  std::mutex mutex;
  std::condition_variable some_ended;
  bool going = false;
  std::list<worker> all;

  // With the mutex. A thread that is called ended only has to return.
  void reap() {
    all.remove_if([](worker& w) {
      if (w.ended)
        w.thread.join();
      return w.ended;
    });
  }
};

connector::connector(boost::asio::execution_context& context) : service(context), workers_(new workers) {}
connector::~connector() = default;

bool connector::run(std::function<void()> job) {
  std::lock_guard lock(workers_->mutex);
  if (workers_->going)
    return false;
  workers_->reap();
  auto& self = workers_->all.emplace_back();
  try {
    self.thread = std::thread([shared = workers_, &self, job = std::move(job)]() mutable {
      job();
      job = nullptr; // what it holds goes before the thread is called ended
      std::lock_guard ended(shared->mutex);
      self.ended = true;
      shared->some_ended.notify_all();
    });
  } catch (std::system_error const&) {
    workers_->all.pop_back();
    return false;
  }
  return true;
}

void connector::shutdown() noexcept {
  std::unique_lock lock(workers_->mutex);
  workers_->going = true;
  workers_->some_ended.wait_for(lock, longest_wait_at_the_end, [this] {
    workers_->reap();
    return workers_->all.empty();
  });
  for (auto& w : workers_->all)
    w.thread.detach();
}

} // namespace aether::nats::detail
