// Turns, rounds and pauses of connecting.
#include "nats/server_pool.hpp"

#include "nats/option_defaults.hpp"

#include <algorithm>

namespace aether::nats::detail {

namespace {

std::string address(std::string const& url) {
  auto bare = without_credentials(url);
  auto const scheme = bare.find("://");
  return scheme == std::string::npos ? bare : bare.substr(scheme + 3);
}

} // namespace

server_pool::server_pool(std::vector<std::string> const& servers, std::chrono::nanoseconds wait,
                         std::chrono::nanoseconds wait_max)
    : own_(servers.size()), wait_(wait), wait_max_(wait_max) {
  for (auto const& url : servers)
    servers_.push_back({url, {}});
}

bool server_pool::failed() noexcept {
  at_ = (at_ + 1) % servers_.size();
  if (++tried_ < servers_.size())
    return false;
  tried_ = 0;
  ++rounds_;
  return true;
}

std::chrono::nanoseconds server_pool::pause(double random) const noexcept {
  if (rounds_ == 0 || tried_ != 0)
    return {};
  auto full = wait_;
  for (unsigned i = 1; i < rounds_ && full < wait_max_; ++i)
    full = full > wait_max_ / 2 ? wait_max_ : 2 * full;
  full = std::min(full, wait_max_);
  return full - std::chrono::duration_cast<std::chrono::nanoseconds>(full * (random / 2));
}

void server_pool::discover(std::vector<std::string> const& urls, std::string const& tls_name) {
  auto const at = address(current().url);
  auto known = [&](std::string const& url) {
    return std::any_of(servers_.begin(), servers_.end(),
                       [&](server const& s) { return address(s.url) == address(url); });
  };
  std::vector<server> told;
  for (auto i = own_; i < servers_.size(); ++i)
    if (std::any_of(urls.begin(), urls.end(), [&](auto const& u) { return address(u) == address(servers_[i].url); }))
      told.push_back(servers_[i]);
  for (auto const& url : urls)
    if (!known(url))
      told.push_back({url, tls_name});
  servers_.resize(own_);
  servers_.insert(servers_.end(), told.begin(), told.end());
  auto const found =
      std::find_if(servers_.begin(), servers_.end(), [&](server const& s) { return address(s.url) == at; });
  at_ = found == servers_.end() ? 0 : static_cast<std::size_t>(found - servers_.begin());
  tried_ = std::min(tried_, servers_.size() - 1);
}

} // namespace aether::nats::detail
