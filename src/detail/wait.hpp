// One suspension of a caller's coroutine until somebody has its result, its deadline passes or it is cancelled.
#pragma once

#include "detail/context_service.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace aether::detail {

enum class wait_end {
  completed, ///< there is a value
  timed_out, ///< the deadline passed
  cancelled, ///< terminal cancellation
  closed,    ///< nobody will complete it any more
};

template <class T> struct wait_result {
  wait_end end = wait_end::closed;
  std::optional<T> value;

  wait_result() = default;
  explicit wait_result(wait_end e) : end(e) {}
};

/// Throws operation_aborted when that is how the wait ended.
template <class T> void throw_if_cancelled(wait_result<T> const& ended) {
  if (ended.end == wait_end::cancelled)
    throw boost::system::system_error(asio::error::operation_aborted);
}

/// The completing side, shared by everybody who may complete: the first one wins, the others are ignored.
/// Thread-safe; never runs the coroutine inside complete().
template <class T> class wait_state : public parked_wait {
public:
  void complete(T value) {
    wait_result<T> result(wait_end::completed);
    result.value.emplace(std::move(value));
    finish(std::move(result));
  }
  void close() { finish(wait_result<T>(wait_end::closed)); }
  void cancel() { finish(wait_result<T>(wait_end::cancelled)); }
  bool is_ended() const noexcept { return ended.load(std::memory_order_acquire); }

  /// The caller has been parked and everything begun: from now on an end resumes it.
  void started() {
    if (one_of_two_.exchange(true, std::memory_order_acq_rel))
      resume(std::move(result_));
  }

protected:
  explicit wait_state(context_service& service) : service_(service), gate_(service.gate()) {}
  void expire() override { deliver(wait_result<T>(wait_end::timed_out)); }

private:
  virtual void resume(wait_result<T> result) = 0;

  // An end may come, on another thread, while the caller still begins what it waits for with what its frame holds:
  // whichever of the two is later resumes it.
  void deliver(wait_result<T> result) {
    result_ = std::move(result);
    if (one_of_two_.exchange(true, std::memory_order_acq_rel))
      resume(std::move(result_));
  }

  void finish(wait_result<T> result) {
    if (!gate_->enter())
      return;
    if (!ended.exchange(true)) {
      service_.unpark(*this);
      deliver(std::move(result));
    }
    gate_->leave();
  }

  std::atomic<bool> one_of_two_{false};
  wait_result<T> result_;
  context_service& service_;
  std::shared_ptr<context_gate> gate_;
};

template <class T, class Handler> class wait_state_of final : public wait_state<T> {
public:
  wait_state_of(context_service& service, Handler handler) : wait_state<T>(service), handler_(std::move(handler)) {}

  asio::any_io_executor executor() const { return asio::get_associated_executor(*handler_); }

private:
  void resume(wait_result<T> result) override {
    auto handler = std::move(*handler_);
    handler_.reset();
    auto executor = asio::get_associated_executor(handler);
    auto run = [handler = std::move(handler), result = std::move(result)]() mutable {
      std::move(handler)(std::move(result));
    };
    // Type erasure costs an allocation more.
    if (auto const* io = executor.template target<asio::io_context::executor_type>())
      asio::post(*io, std::move(run));
    else
      asio::post(executor, std::move(run));
  }
  void drop() noexcept override { handler_.reset(); }

  std::optional<Handler> handler_;
};

/// Suspends the calling coroutine until `deadline` at the latest. `start(std::shared_ptr<wait_state<T>>)` is called
/// once, when the caller is parked; it may complete at once, from any thread, and must not throw. It captures by
/// reference (g++ 12 destroys captured values beside `co_await` twice): the caller's frame stays until it returns.
template <class T, class Start> asio::awaitable<wait_result<T>> wait_until(steady_time deadline, Start start) {
  static_assert(std::is_trivially_destructible_v<Start>, "capture by reference");
  auto initiate = [deadline, start](auto handler) {
    using handler_type = decltype(handler);
    auto executor = asio::any_io_executor(asio::get_associated_executor(handler));
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto& service = context_service::of(executor);
    auto state = std::make_shared<wait_state_of<T, handler_type>>(service, std::move(handler));
    if (slot.is_connected())
      slot.assign([weak = std::weak_ptr<wait_state<T>>(state)](asio::cancellation_type type) {
        if ((type & asio::cancellation_type::terminal) == asio::cancellation_type::none)
          return;
        if (auto waiting = weak.lock())
          waiting->cancel();
      });
    if (!service.park(state, deadline, executor))
      return; // the context goes, and this coroutine with it
    start(std::shared_ptr<wait_state<T>>(state));
    state->started();
  };
  return asio::async_initiate<asio::use_awaitable_t<> const, void(wait_result<T>)>(initiate, asio::use_awaitable);
}

} // namespace aether::detail
