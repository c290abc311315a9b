// What a JetStream store is behind its handles: its lanes, what it remembers, and what is under way.
#pragma once

#include "announcer.hpp"
#include "detail/context_service.hpp"
#include "detail/wait.hpp"
#include "nats/group_registry.hpp"
#include "nats/remembered_saves.hpp"
#include "nats/save_lane.hpp"
#include "nats/snapshot_hints.hpp"
#include "nats/stream_access.hpp"
#include "nats/stream_settings.hpp"
#include "store_watch.hpp"

#include <aether/nats/jetstream_event_store.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether::nats::detail {

class store_core final : public aether::detail::context_member, public std::enable_shared_from_this<store_core> {
public:
  /// Throws `closed` when the connection's context is gone.
  static std::shared_ptr<store_core> make(connection on, std::string stream_name,
                                          std::shared_ptr<stream_access const> stream,
                                          std::vector<weakened_setting> weakened);
  /// For make(), which keeps the context of `executor` from going meanwhile.
  store_core(connection on, std::string stream_name, std::shared_ptr<stream_access const> stream,
             std::vector<weakened_setting> weakened, boost::asio::any_io_executor const& executor);

  std::shared_ptr<stream_access const> const& stream() const noexcept { return stream_; }
  connection const& handle() const noexcept { return connection_; } ///< keeps the connection open
  connection_core& link() const noexcept { return *stream_->connection; }
  std::string const& stream_name() const noexcept { return stream_name_; }
  std::vector<weakened_setting> const& weakened() const noexcept { return weakened_; }

  save_lane& lane_of(hashed_id const& actor_id) noexcept { return *lanes_[actor_id.hash % lanes_.size()]; }
  remembered_saves& remembered() noexcept { return remembered_; }
  snapshot_hints& hints() noexcept { return hints_; }
  group_registry& groups() noexcept { return groups_; }
  std::shared_ptr<aether::detail::store_watch> const& watch() const noexcept { return stream_->watch; }
  /// None: nobody hears of saves.
  aether::detail::announcer* announcer() const noexcept { return announcer_.get(); }
  void add_metrics(store_metrics& m) const;

  /// Throws `closed` after close().
  void check_open() const;
  bool is_closing() const noexcept { return closing_.load(std::memory_order_acquire); }

  /// A save that waits is under way until save_ended(). Throws `overloaded` beyond max_waiting_saves.
  void save_began();
  void save_ended() noexcept;

  /// Told, on any thread, when the store closes, as who waits for events waits without limit.
  class closable {
  public:
    virtual void store_closed() noexcept = 0;

  protected:
    ~closable() = default;
  };
  void wake_when_closed(std::weak_ptr<closable> who);

  /// Every other operation, for as long as this lives. Throws closed when the store is.
  class under_way {
  public:
    explicit under_way(std::shared_ptr<store_core> store) : store_(std::move(store)) { store_->operation_began(); }
    under_way(under_way const&) = delete;
    under_way& operator=(under_way const&) = delete;
    ~under_way() { store_->operation_ended(); }

  private:
    std::shared_ptr<store_core> store_;
  };

  static boost::asio::awaitable<close_report> close(std::shared_ptr<store_core> self, steady_time deadline);

private:
  using waiter = std::shared_ptr<aether::detail::wait_state<bool>>;

  void context_shutdown() noexcept override;
  void operation_began();
  void operation_ended() noexcept;
  void when_idle(waiter w);
  void wake_closables() noexcept;

  connection const connection_; // kept open
  std::string const stream_name_;
  std::shared_ptr<stream_access const> const stream_;
  std::vector<weakened_setting> const weakened_;
  std::vector<std::unique_ptr<save_lane>> lanes_;
  std::shared_ptr<aether::detail::announcer> const announcer_;
  remembered_saves remembered_;
  snapshot_hints hints_;
  group_registry groups_;
  std::atomic<std::size_t> waiting_saves_{0};
  std::atomic<std::size_t> operations_{0};
  std::atomic<bool> closing_{false};
  std::mutex mutex_;
  std::vector<waiter> idle_waiters_;
  std::vector<std::weak_ptr<closable>> closables_;
};

/// Throws what jetstream_event_store::open() documents. `layout`: of one of several streams.
boost::asio::awaitable<std::shared_ptr<store_core>>
open_store_core(connection on, std::string stream_name, jetstream_config config, std::optional<stream_layout> layout);

} // namespace aether::nats::detail
