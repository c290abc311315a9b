// Which server to try next, and how long to wait before: pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace aether::nats::detail {

/// Servers in turn; a round is over when each was tried once since the last success. Between rounds there is a pause
/// that doubles up to a maximum, with jitter.
class server_pool {
public:
  server_pool(std::vector<std::string> servers, std::chrono::nanoseconds wait, std::chrono::nanoseconds wait_max)
      : servers_(std::move(servers)), wait_(wait), wait_max_(wait_max) {}

  std::string const& current() const { return servers_[at_]; }
  std::size_t size() const noexcept { return servers_.size(); }

  void succeeded() noexcept { tried_ = 0, rounds_ = 0; }
  /// Goes to the next server. True when that ends a round.
  bool failed() noexcept;
  /// The pause after the rounds that failed so far; `random` in [0, 1) takes up to half of it away. None during a
  /// round.
  std::chrono::nanoseconds pause(double random) const noexcept;
  /// Adds servers that the cluster told of; known ones are left out.
  void discover(std::vector<std::string> const& urls);

private:
  std::vector<std::string> servers_;
  std::chrono::nanoseconds wait_;
  std::chrono::nanoseconds wait_max_;
  std::size_t at_ = 0;
  std::size_t tried_ = 0;
  unsigned rounds_ = 0;
};

} // namespace aether::nats::detail
