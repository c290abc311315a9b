// One suspension of a caller's coroutine until somebody has its result, its deadline passes or it is cancelled.
#pragma once

#include "detail/context_service.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <memory>
#include <new>
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
  /// Destroys the caller where it waits. Only once started() was called, and from where the caller would run.
  void abandon() {
    auto const gate = gate_;
    if (!gate->enter())
      return; // the context does the same
    struct leaver {
      context_gate& gate;
      ~leaver() { gate.leave(); }
    } const leaves{*gate};
    if (ended.exchange(true))
      return;
    service_.unpark(*this);
    drop();
  }
  bool is_ended() const noexcept { return ended.load(std::memory_order_acquire); }

  /// The caller has been parked and everything begun: from now on an end resumes it.
  void started() {
    if (one_of_two_.exchange(true, std::memory_order_acq_rel))
      resume();
  }

protected:
  explicit wait_state(context_service& service) : service_(service), gate_(service.gate()) {}
  wait_result<T> take_result() { return std::move(result_); }
  void expire() override { deliver(wait_result<T>(wait_end::timed_out)); }

private:
  virtual void resume() = 0; ///< posts what takes the result

  // An end may come, on another thread, while the caller still begins what it waits for with what its frame holds:
  // whichever of the two is later resumes it.
  void deliver(wait_result<T> result) {
    result_ = std::move(result);
    if (one_of_two_.exchange(true, std::memory_order_acq_rel))
      resume();
  }

  void finish(wait_result<T> result) {
    if (!gate_->enter())
      return;
    struct leaver {
      context_gate& gate;
      ~leaver() { gate.leave(); } // also when posting throws: the context would wait for it for ever
    } const leaves{*gate_};
    if (ended.exchange(true))
      return;
    service_.unpark(*this);
    deliver(std::move(result));
  }

  std::atomic<bool> one_of_two_{false};
  wait_result<T> result_;
  context_service& service_;
  std::shared_ptr<context_gate> gate_;
};

/// Room for the one operation that is posted to resume a wait, so that posting allocates nothing.
class resume_memory {
public:
  void* allocate(std::size_t size) {
    if (taken_ || size > sizeof(bytes_))
      return ::operator new(size);
    taken_ = true;
    return bytes_;
  }
  void deallocate(void* memory) noexcept {
    if (memory == bytes_)
      taken_ = false;
    else
      ::operator delete(memory);
  }

private:
  alignas(std::max_align_t) unsigned char bytes_[96];
  bool taken_ = false;
};

/// Who allocates keeps the memory's owner until it has given back what it got.
template <class Value> class resume_allocator {
public:
  using value_type = Value;

  explicit resume_allocator(resume_memory& memory) noexcept : memory_(&memory) {}
  template <class Other> resume_allocator(resume_allocator<Other> const& other) noexcept : memory_(&other.memory()) {}

  Value* allocate(std::size_t count) { return static_cast<Value*>(memory_->allocate(sizeof(Value) * count)); }
  void deallocate(Value* memory, std::size_t) noexcept { memory_->deallocate(memory); }
  resume_memory& memory() const noexcept { return *memory_; }
  template <class Other> bool operator==(resume_allocator<Other> const& other) const noexcept {
    return memory_ == &other.memory();
  }

private:
  resume_memory* memory_;
};

template <class T, class Handler>
class wait_state_of final : public wait_state<T>, public std::enable_shared_from_this<wait_state_of<T, Handler>> {
public:
  wait_state_of(context_service& service, Handler handler) : wait_state<T>(service), handler_(std::move(handler)) {}

private:
  /// Owns the handler, as what is posted must: nothing of Asio's stays when the context goes, whoever keeps the state.
  class resumption {
  public:
    using allocator_type = resume_allocator<void>;

    explicit resumption(std::shared_ptr<wait_state_of> state) noexcept : state_(std::move(state)) {}
    resumption(resumption&&) noexcept = default;
    ~resumption() {
      if (state_)
        state_->drop();
    }

    allocator_type get_allocator() const noexcept { return allocator_type(state_->memory_); }

    void operator()() {
      auto handler = std::move(*state_->handler_);
      auto result = state_->take_result();
      state_->drop();
      state_.reset();
      std::move(handler)(std::move(result));
    }

  private:
    std::shared_ptr<wait_state_of> state_;
  };

  void resume() override {
    auto const executor = asio::get_associated_executor(*handler_);
    resumption run(this->shared_from_this());
    // Type erasure costs an allocation more, and what a strand allocates may outlive the state.
    if (auto const* io = executor.template target<asio::io_context::executor_type>())
      asio::post(*io, std::move(run));
    else
      asio::post(executor, [run = std::move(run)]() mutable { run(); });
  }
  void drop() noexcept override { handler_.reset(); }

  std::optional<Handler> handler_;
  resume_memory memory_;
};

/// Suspends the calling coroutine, which awaits what this returns at once, until `deadline` at the latest.
/// `start(std::shared_ptr<wait_state<T>>)` is called once, when the caller is parked; it may complete at once, from any
/// thread, and must not throw. It captures by reference (g++ 12 destroys captured values beside `co_await` twice): the
/// caller's frame stays until it returns. No awaitable, which would be a frame more.
template <class T, class Start> auto wait_until(steady_time deadline, Start start) {
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
  return asio::async_initiate<asio::deferred_t const, void(wait_result<T>)>(initiate, asio::deferred);
}

} // namespace aether::detail
