// A strand that may be used from any thread, also after its execution context is gone: then it refuses.
#pragma once

#include "detail/context_service.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <optional>
#include <utility>

namespace aether::detail {

/// Runs functions one at a time. The concrete executor of an io_context is recovered, as type erasure costs
/// more than the work. A function that was refused, or that was queued when the context went, is destroyed unrun.
class serial {
public:
  explicit serial(asio::any_io_executor const& executor)
      : inner_(unwrap_strands(executor)), gate_(context_service::of(inner_).gate()) {
    if (auto* io = inner_.target<asio::io_context::executor_type>())
      fast_.emplace(*io);
    else
      any_.emplace(inner_);
  }

  asio::any_io_executor const& inner() const noexcept { return inner_; }

  bool running_in_this_thread() const noexcept {
    return fast_ ? fast_->running_in_this_thread() : any_ && any_->running_in_this_thread();
  }

  /// Queues; runs later, never inside this call.
  template <class Function> bool post(Function function) {
    return through_gate([&](auto& strand) { asio::post(strand, std::move(function)); });
  }

  /// Runs inside this call when the calling thread runs the context and the strand is idle or its own; else queues.
  template <class Function> bool dispatch(Function function) {
    return through_gate([&](auto& strand) { asio::dispatch(strand, std::move(function)); });
  }

  /// As an executor for Asio objects that are only touched on the strand. Only while the context exists.
  asio::any_io_executor executor() const {
    return fast_ ? asio::any_io_executor(*fast_) : asio::any_io_executor(*any_);
  }

  /// In the context's shutdown: lets the strand go while its service still exists.
  void drop() noexcept {
    fast_.reset();
    any_.reset();
    inner_ = {};
  }

private:
  template <class Submit> bool through_gate(Submit submit) {
    if (!gate_->enter()) return false;
    struct leaver {
      context_gate& gate;
      ~leaver() { gate.leave(); }
    } leave{*gate_};
    if (fast_)
      submit(*fast_);
    else
      submit(*any_);
    return true;
  }

  asio::any_io_executor inner_;
  std::shared_ptr<context_gate> gate_;
  std::optional<asio::strand<asio::io_context::executor_type>> fast_;
  std::optional<asio::strand<asio::any_io_executor>> any_;
};

} // namespace aether::detail
