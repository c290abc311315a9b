// What a router is behind its handles: the routes, what is under way of other nodes' commands, and the counts.
#pragma once

#include "actor_core.hpp"
#include "command_envelope.hpp"
#include "detail/log_throttle.hpp"
#include "detail/wait.hpp"

#include <aether/command_router.hpp>
#include <aether/task_group.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aether::detail {

/// Thread-safe.
class router_core final : public command_receiver, public std::enable_shared_from_this<router_core> {
public:
  using answer_function = std::function<void(std::string)>;

  router_core(boost::asio::any_io_executor const& executor, actor_host host, std::shared_ptr<placement> where,
              std::shared_ptr<command_transport> way, command_routes routes, command_router_options options);

  void on_command(std::string command, answer_function answer) override;

  actor_core& host() const noexcept { return *host_core_; }
  std::shared_ptr<actor_core> const& host_core() const noexcept { return host_core_; }
  placement& where() const noexcept { return *where_; }
  command_transport& way() const noexcept { return *way_; }
  command_route const* find_route(std::string_view type) const noexcept;

  /// Listens, and follows the placement.
  static awaitable<void> start(std::shared_ptr<router_core> self);
  static awaitable<void> follow(std::weak_ptr<router_core> router, std::shared_ptr<placement> where);
  /// No command goes in any more.
  void refuse() noexcept;
  bool refuses() const noexcept { return refuses_; }
  void when_quiet(std::shared_ptr<wait_state<bool>> waiting);
  /// Ends what is under way.
  void stop() noexcept;

  void step_down(bool keeps_its_own);
  void complain(std::string_view cause, std::string_view from) noexcept;
  router_metrics metrics() const;

  struct counters {
    std::atomic<std::uint64_t> here{0}, answered{0}, moved{0}, fell_back{0}, unanswered{0}, received{0}, executed{0},
        passed_on{0}, refused{0}, overloaded{0}, evicted{0};
  };
  counters counts;

private:
  class received;
  void take(std::string command, answer_function answer);
  static awaitable<void> serve(std::shared_ptr<received> one, std::string text);
  void ended() noexcept;

  actor_host const host_; // keeps it
  std::shared_ptr<actor_core> const host_core_;
  std::shared_ptr<placement> const where_;
  std::shared_ptr<command_transport> const way_;
  std::vector<command_route> routes_; // sorted by type
  std::vector<actor_type const*> types_;
  std::size_t const max_receiving_;
  std::shared_ptr<logger> const log_;

  std::atomic<bool> refuses_{false};
  std::mutex mutex_;
  std::shared_ptr<void> listening_;
  log_throttle complaints_;
  std::atomic<std::size_t> receiving_{0};
  std::vector<std::shared_ptr<wait_state<bool>>> quiet_waiters_;

  std::shared_ptr<task_group> commands_, follower_; // until stop(): they do not end in one of their own children
};

/// A command of another node, from its text to the answer's.
awaitable<std::string> answer_command(std::shared_ptr<router_core> router, std::string text);

} // namespace aether::detail
