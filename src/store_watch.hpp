// What an operator sees of a store: its operations counted, timed and traced.
#pragma once

#include "detail/thread_cells.hpp"

#include <aether/event_store.hpp>
#include <aether/metrics.hpp>
#include <aether/tracing.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace aether::detail {

/// What a subscription tells of itself; it writes, others read.
struct subscription_watch {
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> behind{0};
};

/// Thread-safe; it outlives its store as long as a call of it is under way.
class store_watch {
public:
  store_watch(std::string name_space, std::string store, std::shared_ptr<aether::tracer> tracer);

  std::string const& name_space() const noexcept { return name_space_; }
  std::string const& store() const noexcept { return store_; }
  aether::tracer* tracer() const noexcept { return tracer_.get(); }

  struct counters {
    counter begun, saved, already_saved, conflict, unknown, overloaded, cancelled, failed; // saves
    counter events_saved, retries, unknown_resolved, cache_hits, cache_misses;
    counter events_replayed, malformed, snapshots_saved, snapshots_read;
    std::array<counter, latency_histogram::bounds.size() + 1> save_durations, replay_durations;
    counter save_nanoseconds, replay_nanoseconds;
  };
  counters& count() noexcept { return cells_.mine(); }

  std::shared_ptr<subscription_watch> watch_subscription();
  void read_into(store_metrics& m) const;

private:
  void forget_ended() const; // with the lock

  std::string const name_space_;
  std::string const store_;
  std::shared_ptr<aether::tracer> const tracer_;
  thread_cells<counters> cells_;

  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<subscription_watch>> subscriptions_; // those that only this holds have ended
  mutable std::uint64_t delivered_by_ended_ = 0, malformed_by_ended_ = 0;
};

/// One call, from its beginning to its end, which is told once: by ended() or failed(), or, when the call's coroutine
/// is destroyed, as cancelled.
class watched_call {
public:
  /// Without a watch, and of what is neither counted nor traced, it is nothing.
  watched_call(std::shared_ptr<store_watch> watch, operation_begin const& begin);
  watched_call(watched_call&& other) noexcept = default;
  watched_call& operator=(watched_call&&) = delete;
  ~watched_call();

  explicit operator bool() const noexcept { return watch_ != nullptr; }
  /// The context that belongs into what the call writes.
  std::optional<trace_context> context() const noexcept { return span_ ? span_->context : std::nullopt; }

  void ended(save_outcome const& outcome) noexcept;
  void ended(replay_result const& result) noexcept;
  void ended(event_subscription& made);
  template <class Result> void ended(Result const&) noexcept { ended(); }
  void ended() noexcept;
  /// Of a read that handed out so many events, and met so many messages that are none.
  void ended_after(std::uint64_t events, std::uint64_t malformed = 0) noexcept;
  void failed(std::exception_ptr const& why) noexcept;

private:
  void end(operation_end const& how) noexcept;
  std::chrono::nanoseconds duration() const noexcept { return std::chrono::steady_clock::now() - began_; }

  std::shared_ptr<store_watch> watch_;
  store_operation what_;
  std::size_t events_;
  std::chrono::steady_clock::time_point began_;
  std::unique_ptr<operation_span> span_; // of a tracer; small, as each save moves it
};

template <class Result> awaitable<Result> told(awaitable<Result> pending, watched_call call) {
  try {
    if constexpr (std::is_void_v<Result>) {
      co_await std::move(pending);
      call.ended();
    } else {
      Result result = co_await std::move(pending);
      call.ended(result);
      co_return result;
    }
  } catch (...) {
    call.failed(std::current_exception());
    throw;
  }
}

/// The call with its end told; itself when there is nothing to tell.
template <class Result> awaitable<Result> watched(awaitable<Result> pending, watched_call&& call) {
  if (!call)
    return pending;
  return told(std::move(pending), std::move(call));
}

} // namespace aether::detail
