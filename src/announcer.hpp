// From a store to its broadcaster: what was stored is announced in order, and nobody who saves waits for it.
#pragma once

#include "detail/wait.hpp"

#include <aether/event_broadcaster.hpp>
#include <aether/logging.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aether::detail {

/// A broadcaster that publishes at once (event_broadcaster::publishes_at_once) is called where the save ends; another
/// one by a thread of this object's own, with a bounded queue before it. Thread-safe.
class announcer {
public:
  using announcement = std::shared_ptr<event const>;

  /// When the last one is dropped, what waits is lost, and a publish under way is waited for. No broadcaster: nothing.
  static std::shared_ptr<announcer> make(std::shared_ptr<event_broadcaster> to, std::string name_space,
                                         std::shared_ptr<logger> log);

  void announce(announcement what) noexcept;
  /// Completes it when nothing waits to be published: at once, or later.
  void when_empty(std::shared_ptr<wait_state<bool>> waiting);

  std::uint64_t published() const noexcept { return published_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  static constexpr std::size_t most_waiting = 65'536;

private:
  announcer(std::shared_ptr<event_broadcaster> to, std::string name_space, std::shared_ptr<logger> log);

  void stop() noexcept;
  void publish(announcement what) noexcept;
  void drop(char const* why) noexcept;
  bool enqueue(announcement&& what);
  void work() noexcept;

  std::shared_ptr<event_broadcaster> const to_;
  std::string const name_space_;
  std::shared_ptr<logger> const log_;
  bool const at_once_;
  std::atomic<std::uint64_t> published_{0};
  std::atomic<std::uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<announcement> waiting_;
  bool busy_ = false;
  bool ending_ = false;
  std::vector<std::shared_ptr<wait_state<bool>>> empty_waiters_;
  std::weak_ptr<announcer> self_; // without the end that make() gives its handles
  std::thread thread_; // begun with the first announcement
};

/// What is to be announced of one save, made before it is known how it ends; nothing without an announcer.
class prepared_announcements {
public:
  explicit prepared_announcements(announcer* to) noexcept : to_(to) {}

  void add(event const& stored);
  /// They are stored. Once.
  void announce() noexcept;

private:
  announcer* to_;
  std::vector<announcer::announcement> events_;
};

} // namespace aether::detail
