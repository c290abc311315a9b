// What a bus across processes is behind its handles: a publisher, the channels by pattern, and the connection watched.
#pragma once

#include "bus_registry.hpp"
#include "nats/bus_channel.hpp"
#include "nats/bus_publisher.hpp"
#include "nats/bus_shared.hpp"
#include "nats/request.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// Thread-safe.
class bus_core final : public channel_owner, public std::enable_shared_from_this<bus_core> {
public:
  bus_core(connection on, event_bus_options options);

  /// Once, behind the constructor.
  void start();
  void close() noexcept;
  bool is_closed() const noexcept { return closed_; }

  void publish(std::string_view name_space, std::shared_ptr<event const> e);
  bus_metrics metrics() const;
  std::shared_ptr<connection_core> const& link() const noexcept { return link_; }

  /// The channel of a pattern, which has a user more until release(). Throws `closed`.
  std::shared_ptr<bus_channel> acquire(std::string const& pattern);
  void release(std::shared_ptr<bus_channel> channel) noexcept;
  /// The server refused this pattern once: see come_alive() in event_bus.cpp.
  bool was_refused(std::string const& pattern);

private:
  class watch;
  class confirmation;
  using epochs = std::vector<std::pair<std::weak_ptr<bus_channel>, std::uint64_t>>;

  void on_left(std::shared_ptr<bus_channel> channel) noexcept override { release(std::move(channel)); }
  void on_refused(bus_channel const& channel) noexcept override;

  // On the strand.
  void watch_connection();
  void on_state(connection_state before, bool closed);
  void ask_server();

  std::shared_ptr<bus_shared> const shared_;
  std::shared_ptr<connection_core> const link_;
  std::shared_ptr<aether::detail::bus_registry> const registry_ = std::make_shared<aether::detail::bus_registry>();
  std::shared_ptr<bus_publisher> const publisher_;

  std::mutex making_; // before mutex_; held while the connection subscribes, which may call back
  std::mutex mutex_;
  connection on_; // keeps it open
  std::map<std::string, std::shared_ptr<bus_channel>, std::less<>> channels_;
  std::vector<std::shared_ptr<bus_channel>> refused_; // by the server, with users left
  std::set<std::string> refused_patterns_; // lately
  std::atomic<bool> closed_{false};                    // written under mutex_
};

} // namespace aether::nats::detail
