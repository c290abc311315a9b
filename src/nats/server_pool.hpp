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
  struct server {
    std::string url;
    std::string tls_name; ///< whom its certificate names, when not the host in `url`
  };

  server_pool(std::vector<std::string> const& servers, std::chrono::nanoseconds wait,
              std::chrono::nanoseconds wait_max);

  server const& current() const { return servers_[at_]; }
  std::size_t size() const noexcept { return servers_.size(); }
  std::size_t left_in_round() const noexcept { return servers_.size() - tried_; } ///< with the current one

  /// A connection held: the next failure begins a new round, the first.
  void succeeded() noexcept { tried_ = 0, rounds_ = 0; }
  /// Goes to the next server. True when that ends a round.
  bool failed() noexcept;
  /// The pause after the rounds that failed so far; `random` in [0, 1) takes up to half of it away. None during a
  /// round.
  std::chrono::nanoseconds pause(double random) const noexcept;
  /// Takes the servers that the cluster tells of behind those it was made with, in place of those it told of before.
  /// They are known by address, so their certificates are held against `tls_name`.
  void discover(std::vector<std::string> const& urls, std::string const& tls_name);

private:
  std::vector<server> servers_;
  std::size_t own_; // how many of them it was made with
  std::chrono::nanoseconds wait_;
  std::chrono::nanoseconds wait_max_;
  std::size_t at_ = 0;
  std::size_t tried_ = 0;
  unsigned rounds_ = 0;
};

} // namespace aether::nats::detail
