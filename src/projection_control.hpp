// What others want of a projection that runs, and waking it when it waits.
#pragma once

#include "detail/wait.hpp"

#include <aether/subscription.hpp>
#include <aether/task_group.hpp>

#include <cstdint>
#include <memory>
#include <mutex>

namespace aether::detail {

/// Thread-safe. One runner at a time waits here.
class projection_control {
public:
  enum class wish { go_on, pause, rebuild, stop };
  struct wishes {
    wish what = wish::go_on;
    std::uint64_t revision = 0; ///< changes with every call below: what was seen before a wait is not slept over
  };

  void stop();
  void pause();
  void resume();
  void rebuild();

  /// The most urgent one: stop, then rebuild, then pause.
  wishes now() const;
  void rebuild_done();

  /// False when a run is under way already.
  bool enter();
  /// The run has ended. When not by stop(), one that came too late for it is left to the next run.
  void leave(bool was_stopped);

  /// Until the revision is no longer `seen`, or the deadline. Throws operation_aborted when cancelled.
  static awaitable<void> wait(std::shared_ptr<projection_control> self, std::uint64_t seen, steady_time deadline);
  /// The same, and until the subscription has something, or failed: it says so when it is asked.
  static awaitable<void> wait_for_event(std::shared_ptr<projection_control> self, std::uint64_t seen,
                                        std::shared_ptr<event_subscription> events, steady_time deadline);

private:
  void change(bool projection_control::* flag, bool value);
  void park(std::shared_ptr<wait_state<bool>> waiting, std::uint64_t seen);
  bool set_sleeper(std::shared_ptr<task_group> sleeper, std::uint64_t seen);

  mutable std::mutex mutex_;
  std::uint64_t revision_ = 0;
  bool running_ = false;
  bool stop_ = false;
  bool paused_ = false;
  bool rebuild_ = false;
  std::shared_ptr<wait_state<bool>> waiting_;
  std::shared_ptr<task_group> sleeper_;
};

} // namespace aether::detail
