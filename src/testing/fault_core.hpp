// What all copies of a fault_injecting_store share: its state, and how its calls wait.
#pragma once

#include "detail/context_service.hpp"
#include "store_watch.hpp"
#include "testing/fault_draw.hpp"
#include "testing/open_attempts.hpp"
#include "testing/outage_times.hpp"
#include "testing/timers.hpp"

#include <aether/event_store.hpp>
#include <aether/testing/fault_plan.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace aether::testing::detail {

class fault_core;
using core_ptr = std::shared_ptr<fault_core>;

/// One call: what becomes of it, and until when.
struct faulty_call {
  operation kind = operation::read;
  std::uint64_t number = 0;
  drawn_faults drawn;
  time_point deadline;
  std::string what; // for the texts of errors

  faulty_call() = default;
  faulty_call(faulty_call const&) = delete;
  faulty_call& operator=(faulty_call const&) = delete;
};
/// Shared by the coroutines of one call, which run one at a time.
using call_ptr = std::shared_ptr<faulty_call>;

class fault_core : public std::enable_shared_from_this<fault_core> {
public:
  fault_core(asio::any_io_executor executor, virtual_clock const& clock, std::shared_ptr<event_store> inner,
             fault_plan plan);

  fault_plan const plan; // settled
  std::shared_ptr<timers> const clock;
  std::shared_ptr<event_store> const inner;
  std::shared_ptr<aether::detail::store_watch> const watch =
      std::make_shared<aether::detail::store_watch>(std::string(), "fault_injecting_store", nullptr);

  /// Begins a call, with what a script or the plan has for it. Throws closed.
  call_ptr begin(operation kind, std::chrono::nanoseconds timeout, std::string what);
  void end() noexcept;
  bool is_closed() const;
  void script(operation kind, std::vector<fault> const& faults);

  void begin_outage();
  void end_outage();
  bool is_away() const;
  /// Begins the outage that was drawn for the call, when it is due at this stage.
  void enter(faulty_call& call, stage s);
  /// What happens to the call at the store behind, once: an outage that was drawn is a matter of its stage.
  static fault take_fault(faulty_call& call) noexcept;

  void count(std::uint64_t fault_counts::* what);
  fault_counts counts() const;
  /// What is left of a call's time, for a call on the store behind.
  std::chrono::nanoseconds left(faulty_call const& call) const;

  template <class Function> auto with_attempts(Function function) {
    std::lock_guard lock(mutex_);
    return function(attempts_);
  }

  /// Runs `action` at that time of the clock, whatever becomes of the call and of every handle.
  using action = std::function<asio::awaitable<void>(core_ptr)>;
  void do_later(time_point due, action what);
  /// Runs it from now on; it is destroyed with the context.
  void do_now(asio::awaitable<void> what);

  /// Woken by the end of an outage or of a call, by close(), and by whoever has something for those that wait.
  std::shared_ptr<waker> const& changed() const noexcept { return changed_; }
  time_point end_of_outage() const; ///< now: there is none

  void close(); ///< takes no new call

  // These suspend, and hold what they use. False: the deadline came first.

  /// Until there is no outage.
  static asio::awaitable<bool> reach(core_ptr self, call_ptr call);
  /// For a delay, which counts when it takes time.
  static asio::awaitable<bool> travel(core_ptr self, std::chrono::nanoseconds takes, time_point deadline);
  /// Until no call is under way.
  static asio::awaitable<bool> drained(core_ptr self, time_point deadline);

private:
  asio::any_io_executor const executor_; // no strand: it may outlive its context
  std::shared_ptr<aether::detail::context_gate> const gate_;
  std::shared_ptr<waker> const changed_ = std::make_shared<waker>(); // the end of an outage or of a call

  mutable std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t running_ = 0;
  std::array<std::uint64_t, 3> calls_{};
  std::array<std::deque<fault>, 3> scripts_;
  outage_times outages_;
  open_attempts attempts_;
  fault_counts counts_;
};

/// Throws not_open when the handle has no core.
void check_there(core_ptr const& core);
/// Throws closed too.
void check_open(core_ptr const& core);

/// Ends a call that was begun.
class call_end {
public:
  explicit call_end(core_ptr core) : core_(std::move(core)) {}
  call_end(call_end const&) = delete;
  call_end& operator=(call_end const&) = delete;
  ~call_end() { core_->end(); }

private:
  core_ptr core_;
};

} // namespace aether::testing::detail
