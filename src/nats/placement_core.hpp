// A node behind its handles: the lease's machine, what runs its steps, and what is heard on the bucket.
#pragma once

#include "detail/log_throttle.hpp"
#include "detail/wait.hpp"
#include "lease_machine.hpp"
#include "nats/node_bucket.hpp"
#include "placement_board.hpp"

#include <aether/nats/placement.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace aether::nats::detail {

/// Thread-safe; the sink's functions are called on the connection's strand.
class placement_core final : public message_sink, public std::enable_shared_from_this<placement_core> {
public:
  using machine = aether::detail::lease_machine;

  /// The options have been checked and filled in. `keeps_open` keeps the connection.
  placement_core(std::shared_ptr<void const> keeps_open, std::shared_ptr<node_bucket const> bucket,
                 placement_options options);

  std::string const& node() const noexcept { return self_.name; }
  node_bucket const& bucket() const noexcept { return *bucket_; }
  std::shared_ptr<aether::detail::placement_board> const& board() const noexcept { return board_; }
  bool is_live() const;
  lease_stamp stamp_of(std::string_view node) const;
  bool is_late(lease_stamp const& stamp) const;
  placement_metrics metrics() const;

  void listen();
  /// Steps until this node has joined, or `deadline`. Throws what hinders it.
  static awaitable<void> join(std::shared_ptr<placement_core> self, steady_time deadline);
  /// Steps for as long as there are any.
  static awaitable<void> keep(std::shared_ptr<placement_core> self);
  static awaitable<void> leave(std::shared_ptr<placement_core> self, steady_time deadline);
  /// Nobody keeps it any more: what can be said without waiting is said.
  void abandon() noexcept;

  void on_message(native_message message) override;
  void on_refused() override;
  void on_interrupted(bool closed) override;

private:
  using action = aether::detail::lease_action;
  using wake = std::shared_ptr<aether::detail::wait_state<bool>>;

  /// False: there are no more.
  static awaitable<bool> step(std::shared_ptr<placement_core> self);
  static awaitable<void> perform(std::shared_ptr<placement_core> self, action a);
  static awaitable<void> write(std::shared_ptr<placement_core> self, action a);

  template <class Tell> void tell(Tell tell);
  action next(std::uint64_t& told);
  void show();
  void failed(std::exception_ptr const& why);
  void when_told(std::uint64_t seen, wake waiting);
  steady_time attempt_deadline() const;
  outgoing_message message_for(action const& a, std::string const& reply) const;
  void end(); ///< owns nothing, for good

  std::shared_ptr<void const> keeps_open_;
  std::shared_ptr<node_bucket const> const bucket_;
  std::shared_ptr<connection_core> const link_;
  placed_node const self_;
  std::chrono::nanoseconds const lease_;
  bool const observes_;
  std::shared_ptr<logger> const log_;
  std::shared_ptr<aether::detail::placement_board> const board_ = std::make_shared<aether::detail::placement_board>();

  mutable std::mutex mutex_;
  machine machine_;
  std::uint64_t told_ = 0; // changes with what is told to the machine
  wake waiting_;
  aether::detail::log_throttle complaints_;
  std::atomic<std::uint64_t> subscription_{0};
  std::atomic<std::uint64_t> renewals_{0}, failures_{0}, lapses_{0}, listings_{0}, malformed_{0};
};

} // namespace aether::nats::detail
