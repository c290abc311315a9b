// One batch of direct gets: asked for, collected on the connection's strand, and judged before it is shown.
#pragma once

#include "detail/wait.hpp"
#include "nats/connection_core.hpp"
#include "nats/stream_access.hpp"
#include "nats/subject_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace aether::nats::detail {

/// What came of one batch.
struct fetched_batch {
  std::vector<native_message> messages;
  std::optional<native_message> end; ///< the status message that ended it
  std::optional<no_answer> why;      ///< or why it ended without one
  bool single = false;               ///< an older server answered with one message

  fetched_batch() = default;
};

/// Collects a batch on the connection's strand, for one coroutine that waits until it is complete.
class batch_sink final : public reply_sink {
public:
  bool on_reply(native_message reply) override;

  void on_no_answer(no_answer why) override {
    std::unique_lock lock(mutex_);
    got_.why = why;
    end(std::move(lock));
  }

  void wait(std::shared_ptr<aether::detail::wait_state<bool>> waiting) {
    {
      std::lock_guard lock(mutex_);
      if (!ended_) {
        waiting_ = std::move(waiting);
        return;
      }
    }
    waiting->complete(true);
  }

  std::size_t count() {
    std::lock_guard lock(mutex_);
    return got_.messages.size();
  }
  /// What came so far; what comes later is dropped.
  fetched_batch take() {
    std::lock_guard lock(mutex_);
    waiting_.reset();
    return std::exchange(got_, {});
  }

private:
  /// Always false: no more answers are wanted.
  bool end(std::unique_lock<std::mutex> lock) {
    ended_ = true;
    auto const waiting = std::move(waiting_);
    lock.unlock();
    if (waiting)
      waiting->complete(true);
    return false;
  }

  std::mutex mutex_;
  fetched_batch got_;
  bool ended_ = false;
  std::shared_ptr<aether::detail::wait_state<bool>> waiting_;
};

/// A batch asked for; forgotten when this goes.
class batch_request {
public:
  batch_request(stream_access const& stream, read_range const& range, std::size_t bytes, std::size_t messages,
                steady_time deadline);
  batch_request(batch_request const&) = delete;
  batch_request& operator=(batch_request const&) = delete;
  ~batch_request() { core_->abandon(token_); }

  std::shared_ptr<batch_sink> const& sink() const noexcept { return sink_; }

private:
  std::shared_ptr<connection_core> core_;
  std::uint64_t token_;
  std::shared_ptr<batch_sink> sink_ = std::make_shared<batch_sink>();
};

/// The server counts neither the headers it adds nor what a message costs here: their number is bounded by this too.
constexpr std::size_t messages_in(std::size_t bytes) noexcept {
  return std::clamp<std::size_t>(bytes / 128, 1, 1'000'000);
}

/// What is to be done after a batch, decided before it is shown so that the next one can be asked for.
struct batch_verdict {
  std::size_t usable = 0; ///< messages from the first on that may be shown
  std::uint64_t next = 0; ///< behind them
  std::optional<read_stop> stop;
  bool reconnect = false;
};

/// `from`: the sequence that was asked for.
batch_verdict judge(fetched_batch const& got, std::uint64_t from);

} // namespace aether::nats::detail
