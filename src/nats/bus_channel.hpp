// One subscription of a bus at the server: all types and actors of one namespace pattern, for those here who chose it.
#pragma once

#include "bus_inbox.hpp"
#include "bus_registry.hpp"
#include "nats/bus_counts.hpp"
#include "nats/bus_shared.hpp"
#include "nats/connection_core.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::nats::detail {

class bus_channel;

/// Told when a channel has lost a subscriber, and when it is of no use any more.
class channel_owner {
public:
  virtual void on_left(std::shared_ptr<bus_channel> channel) noexcept = 0;
  virtual void on_refused(bus_channel const& channel) noexcept = 0;

protected:
  ~channel_owner() = default;
};

/// Thread-safe but for message_sink's functions, which are called on the connection's strand.
class bus_channel final : public message_sink,
                          public aether::detail::inbox_owner,
                          public std::enable_shared_from_this<bus_channel> {
public:
  bus_channel(std::shared_ptr<bus_shared> shared, std::shared_ptr<aether::detail::bus_registry> registry,
              std::weak_ptr<channel_owner> owner, std::string pattern);

  std::string const& pattern() const noexcept { return pattern_; }

  /// Its subscriber hears of what comes from now on, here and from others.
  void add(std::shared_ptr<aether::detail::bus_inbox> inbox);
  void remove(aether::detail::bus_inbox& inbox) noexcept override;
  /// Everybody hears that nothing more comes.
  void close() noexcept;

  /// Changes when the connection is lost. Who knows that the server has handled the subscription after this was read,
  /// says so: from then on it is live, and what may have been lost before is told.
  std::uint64_t epoch() const;
  void confirm(std::uint64_t epoch);
  bool is_live() const;
  bool is_refused() const;

  void on_message(native_message message) override;
  void on_refused() override;
  void on_interrupted(bool closed) override;

  // The owner's.
  std::uint64_t id = 0; ///< of the connection's subscription; set before others see the channel
  std::size_t users = 0;

private:
  using inboxes = std::vector<std::shared_ptr<aether::detail::bus_inbox>>;

  void come_alive();
  void count(native_message const& message, bus_mark const& mark, std::string_view name_space);
  bool is_wanted(std::string_view type, std::string_view actor) const noexcept;
  void hand_out(std::shared_ptr<event const> const& e);
  bool find_name(std::string_view encoded);

  std::shared_ptr<bus_shared> const shared_;
  std::shared_ptr<aether::detail::bus_registry> const registry_;
  std::weak_ptr<channel_owner> const owner_;
  std::string const pattern_;

  mutable std::mutex mutex_; // before an inbox's
  inboxes inboxes_;
  heard_counts counts_;
  std::uint64_t epoch_ = 0;
  bool live_ = false;
  bool gap_due_ = false; // the connection was lost, and nobody has been told
  bool refused_ = false;
  bool closed_ = false;

  // Guarded by the strand: the namespace of the last message.
  std::string encoded_name_;
  std::shared_ptr<std::string const> name_;
};

} // namespace aether::nats::detail
