// A host's actors, who works for each of them, and what happens beside the commands: snapshots and passivation.
#pragma once

#include "actor_index.hpp"
#include "commit_costs.hpp"
#include "detail/call_deadline.hpp"

#include <aether/actor.hpp>
#include <aether/task_group.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::detail {

/// Thread-safe.
class actor_core final : public std::enable_shared_from_this<actor_core> {
public:
  /// The options have been checked.
  actor_core(boost::asio::any_io_executor executor, std::shared_ptr<event_store> store, actor_host_options options);

  struct settings {
    std::chrono::nanoseconds idle_after, command_timeout;
    std::size_t max_waiting = 0, max_conflicts = 0;
    actor_batch::limits batch;
    snapshot_policy snapshots;
    backoff pause;
    bool skip_unknown = false, skip_malformed = false, reject_from_memory = false;
  };
  settings const& rules() const noexcept { return rules_; }
  event_store& store() const noexcept { return *store_; }
  time_source const& time() const noexcept { return *time_; }
  /// The time that deadlines are held against, and the host's own, which differ where that is a test's.
  struct moment {
    steady_time steady;
    std::chrono::nanoseconds elapsed;
  };
  moment now() const {
    auto const steady = std::chrono::steady_clock::now();
    return {steady, is_machine_time_ ? steady.time_since_epoch() : time_->elapsed()};
  }
  std::shared_ptr<logger> const& log() const noexcept { return log_; }
  double random() const { return random_(); }

  // Calls. Each enters, is led or waits, and leaves.

  /// Queues the call; it leads when nobody works for the actor. Throws `closed`, overloaded, invalid_id.
  std::shared_ptr<actor_entry> enter(std::shared_ptr<actor_call> const& call, bool& leads);
  bool leads(actor_entry const& entry, actor_call const& call) const;
  /// Completes it when the call is over or leads, now or later.
  void park(actor_entry& entry, actor_call& call, std::shared_ptr<wait_state<call_turn>> waiting);
  /// The caller goes, whatever the reason. Who leads hands over, and commands in hand that are not on their way wait
  /// again.
  void leave(actor_entry& entry, actor_call& call) noexcept;
  enum class gave_up {
    too_late, ///< it leads, or is over
    waiting,  ///< it waits no more, and nothing of it can be stored
    in_hand,  ///< it may be stored
  };
  /// Its time has passed.
  gave_up give_up(actor_entry& entry, actor_call& call);
  void count_failed(actor_call& call) noexcept;
  bool has_gone(actor_call& call) noexcept;

  // The leader's.

  /// All queries that wait; who asks never waits for commands that are behind. Without any, commands go from the queue
  /// into the hand: many where they are to be saved together. Those whose callers are gone leave it.
  std::vector<std::shared_ptr<actor_call>> take_work(actor_entry& entry);
  void give_back(actor_entry& entry, std::vector<std::shared_ptr<actor_call>> calls);
  /// Their outcomes have been written.
  void finish(std::vector<std::shared_ptr<actor_call>> calls);
  /// The same of the leader's own call alone.
  static void finish_own(actor_call& call) noexcept { call.over.store(true, std::memory_order_release); }
  /// Everybody who waits, and the hand, fails with it.
  void fail_all(actor_entry& entry, std::exception_ptr why);
  void keep_snapshot(std::shared_ptr<actor_entry> const& entry);

  // The host's.

  /// No call enters any more.
  void refuse() noexcept;
  /// Completes it when no call is under way.
  void when_quiet(std::shared_ptr<wait_state<bool>> waiting);
  /// Completes it when no snapshot is being written.
  void when_written(std::shared_ptr<wait_state<bool>> waiting);
  awaitable<void> end_snapshots();
  void drop_actors() noexcept;
  /// See actor_host.
  std::size_t evict(actor_type const& type, std::function<bool(std::string const& id)> const& which);
  actor_metrics metrics() const;

  struct counters {
    std::atomic<std::uint64_t> stored{0}, nothing{0}, rejected{0}, repeated{0}, failed{0}, queries{0}, batches{0},
        conflicts{0}, loads{0}, evictions{0}, snapshots{0}, snapshots_failed{0};
  };
  counters counts;
  commit_costs costs;

private:
  void promote(actor_entry& entry, std::vector<std::shared_ptr<wait_state<call_turn>>>& woken) noexcept;
  void begin_sweeping();
  std::optional<std::chrono::nanoseconds> sweep_once();
  static awaitable<void> sweep(std::weak_ptr<actor_core> host, std::shared_ptr<time_source const> time,
                               std::chrono::nanoseconds first);
  class snapshot_under_way;
  static awaitable<void> write_snapshot(std::shared_ptr<snapshot_under_way const> of,
                                        std::shared_ptr<event_store> store, actor_snapshot snapshot);

  settings const rules_;
  std::shared_ptr<event_store> const store_;
  std::shared_ptr<time_source const> const time_;
  bool const is_machine_time_ = time_ == machine_time();
  std::shared_ptr<logger> const log_;
  std::function<double()> const random_;

  mutable std::mutex mutex_;
  actor_index index_;
  std::size_t under_way_ = 0;
  bool refuses_ = false;
  bool sweeping_ = false;
  std::size_t snapshots_under_way_ = 0;
  std::vector<std::shared_ptr<wait_state<bool>>> quiet_waiters_, written_waiters_;

  task_group sweeper_; // each thread-safe
  task_group snapshots_;
};

} // namespace aether::detail
