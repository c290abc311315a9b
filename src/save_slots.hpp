// So many at once: who comes when all slots are taken waits in line. Thread-safe.
#pragma once

#include "detail/wait.hpp"

#include <aether/error.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace aether::detail {

class save_slots : public std::enable_shared_from_this<save_slots> {
public:
  /// Gives its slot to the next in line when it goes; also one that was handed to somebody who had gone.
  class slot {
  public:
    slot() = default;
    explicit slot(std::shared_ptr<save_slots> from) noexcept : from_(std::move(from)) {}
    slot(slot&& other) noexcept = default;
    slot& operator=(slot&& other) noexcept {
      auto const old = std::exchange(from_, std::exchange(other.from_, nullptr));
      if (old)
        old->give_back();
      return *this;
    }
    ~slot() {
      if (from_)
        from_->give_back();
    }

  private:
    std::shared_ptr<save_slots> from_;
  };

  explicit save_slots(std::size_t count) : free_(count) {}

  /// Throws operation_aborted when cancelled.
  static asio::awaitable<slot> take(std::shared_ptr<save_slots> self) {
    auto const park = [&](std::shared_ptr<wait_state<slot>> waiting) { self->park(std::move(waiting)); };
    auto taken = co_await wait_until<slot>(steady_time::max(), park);
    throw_if_cancelled(taken);
    if (!taken.value)
      throw error(errc::closed);
    co_return std::move(*taken.value);
  }

  /// Whoever waits, now or later, gets `closed`. Else the end of a context would hand slots from one to the next of
  /// those that go with it.
  void close() noexcept {
    std::deque<std::shared_ptr<wait_state<slot>>> line;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      line.swap(line_);
    }
    for (auto const& waiting : line)
      waiting->close();
  }

private:
  void park(std::shared_ptr<wait_state<slot>> waiting) {
    {
      std::lock_guard lock(mutex_);
      if (closed_)
        return waiting->close();
      if (free_ == 0) {
        line_.push_back(std::move(waiting));
        return;
      }
      --free_;
    }
    waiting->complete(slot(shared_from_this()));
  }

  void give_back() {
    std::shared_ptr<wait_state<slot>> next;
    {
      std::lock_guard lock(mutex_);
      while (!line_.empty() && !next) {
        if (!line_.front()->is_ended())
          next = std::move(line_.front());
        line_.pop_front();
      }
      if (!next)
        ++free_;
    }
    if (next)
      next->complete(slot(shared_from_this()));
  }

  std::mutex mutex_;
  std::size_t free_;
  bool closed_ = false;
  std::deque<std::shared_ptr<wait_state<slot>>> line_;
};

} // namespace aether::detail
