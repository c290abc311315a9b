// A strand that may be used from any thread, also after its execution context is gone: then it refuses.
#pragma once

#include "detail/context_service.hpp"
#include "detail/recycled_memory.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <optional>
#include <utility>

namespace aether::detail {

/// A function object that is run once, or, when it is destroyed unrun, says so: what waits for it hears of it either
/// way.
template <class Run, class Unrun> class run_or {
public:
  run_or(Run run, Unrun unrun) : run_(std::move(run)), unrun_(std::move(unrun)) {}
  run_or(run_or&& other) noexcept
      : run_(std::move(other.run_)), unrun_(std::move(other.unrun_)), due_(std::exchange(other.due_, false)) {}
  run_or& operator=(run_or&&) = delete;
  ~run_or() {
    if (due_)
      unrun_();
  }

  template <class... Arguments> void operator()(Arguments&&... arguments) {
    due_ = false;
    run_(std::forward<Arguments>(arguments)...);
  }

private:
  Run run_;
  Unrun unrun_;
  bool due_ = true;
};

/// The same with what both need, held once: as a rule what keeps alive whom they call.
template <class State, class Run, class Unrun> class run_or_with {
public:
  run_or_with(State state, Run run, Unrun unrun)
      : state_(std::move(state)), run_(std::move(run)), unrun_(std::move(unrun)) {}
  run_or_with(run_or_with&& other) noexcept
      : state_(std::move(other.state_)), run_(std::move(other.run_)), unrun_(std::move(other.unrun_)),
        due_(std::exchange(other.due_, false)) {}
  run_or_with& operator=(run_or_with&&) = delete;
  ~run_or_with() {
    if (due_)
      unrun_(state_);
  }

  void operator()() {
    due_ = false;
    run_(std::move(state_));
  }

private:
  State state_;
  Run run_;
  Unrun unrun_;
  bool due_ = true;
};

/// A function object that asks Asio to take its memory from our own pool.
template <class Function> class recycled {
public:
  using allocator_type = recycling_allocator<void>;

  explicit recycled(Function function) : function_(std::move(function)) {}
  allocator_type get_allocator() const noexcept { return {}; }
  void operator()() { function_(); }

private:
  Function function_;
};

/// Runs functions one at a time. The concrete executor of an io_context is recovered, as type erasure costs
/// more than the work. A function that was refused, or that was queued when the context went, is destroyed unrun, and
/// `unrun` is called in its place, on whatever thread destroys it; it must not throw.
class serial {
public:
  explicit serial(asio::any_io_executor const& executor) : strands_(std::make_shared<strands>(executor)) {
    auto& service = context_service::of(strands_->inner);
    gate_ = service.gate();
    service.own_member(strands_);
  }
  serial(serial const&) = delete;
  serial& operator=(serial const&) = delete;
  /// A strand's own destructor uses its service: while the context exists it goes here, else in the context's shutdown.
  ~serial() {
    if (!gate_->enter())
      return;
    context_service::of(strands_->inner).disown_member(*strands_);
    strands_->context_shutdown();
    gate_->leave();
  }

  /// The executor below; empty when the context is gone.
  asio::any_io_executor inner() const {
    asio::any_io_executor executor;
    while_open([&](asio::any_io_executor const& inner) { executor = inner; });
    return executor;
  }

  /// Calls it with the executor below, and keeps the context from going until it returns; false when it is gone. It
  /// must not suspend, nor wait for anything that runs there.
  template <class Function> bool while_open(Function function) const {
    if (!gate_->enter())
      return false;
    leaver const leave{*gate_};
    function(std::as_const(strands_->inner));
    return true;
  }

  /// False from the moment on that the context goes: everything is refused then.
  bool is_open() const noexcept { return gate_->is_open(); }

  /// Only while the context exists.
  bool running_in_this_thread() const noexcept {
    return strands_->fast ? strands_->fast->running_in_this_thread()
                          : strands_->any && strands_->any->running_in_this_thread();
  }

  /// Queues; runs later, never inside this call.
  template <class Function> bool post(Function function) {
    return through_gate([&](auto& strand) { asio::post(strand, recycled(std::move(function))); });
  }

  template <class Function, class Unrun> void post(Function function, Unrun unrun) {
    post(run_or(std::move(function), std::move(unrun)));
  }

  /// Runs inside this call when the calling thread runs the context and the strand is idle or its own; else queues.
  template <class Function> bool dispatch(Function function) {
    return through_gate([&](auto& strand) { asio::dispatch(strand, recycled(std::move(function))); });
  }

  template <class Function, class Unrun> void dispatch(Function function, Unrun unrun) {
    dispatch(run_or(std::move(function), std::move(unrun)));
  }

  /// `run(State)` or, when it was refused or destroyed, `unrun(State&)`.
  template <class State, class Run, class Unrun> void dispatch(State state, Run run, Unrun unrun) {
    dispatch(run_or_with(std::move(state), std::move(run), std::move(unrun)));
  }

  /// As dispatch() on a thread of the context, where it may run inside this call; on another, where it cannot, it is
  /// not queued either.
  template <class Function> void dispatch_here(Function function) {
    through_gate([&](auto& strand) {
      if (runs_here(strand.get_inner_executor()))
        asio::dispatch(strand, recycled(std::move(function)));
    });
  }

  /// As an executor for Asio objects that are only touched on the strand. Only while the context exists.
  asio::any_io_executor executor() const {
    return strands_->fast ? asio::any_io_executor(*strands_->fast) : asio::any_io_executor(*strands_->any);
  }

  /// In the context's shutdown: lets the strand go at once.
  void drop() noexcept { strands_->context_shutdown(); }

private:
  struct leaver {
    context_gate& gate;
    ~leaver() { gate.leave(); }
  };

  struct strands final : context_member {
    asio::any_io_executor inner;
    std::optional<asio::strand<asio::io_context::executor_type>> fast;
    std::optional<asio::strand<asio::any_io_executor>> any;

    explicit strands(asio::any_io_executor const& executor) : inner(unwrap_strands(executor)) {
      if (auto* io = inner.target<asio::io_context::executor_type>())
        fast.emplace(*io);
      else
        any.emplace(inner);
    }
    void context_shutdown() noexcept override {
      fast.reset();
      any.reset();
      inner = {};
    }
  };

  static bool runs_here(asio::io_context::executor_type const& executor) noexcept {
    return executor.running_in_this_thread();
  }
  static bool runs_here(asio::any_io_executor const&) noexcept { return true; } // it does not tell

  template <class Submit> bool through_gate(Submit submit) {
    if (!gate_->enter())
      return false;
    leaver const leave{*gate_};
    if (strands_->fast)
      submit(*strands_->fast);
    else
      submit(*strands_->any);
    return true;
  }

  std::shared_ptr<strands> strands_;
  std::shared_ptr<context_gate> gate_;
};

} // namespace aether::detail
