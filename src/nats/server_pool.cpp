// Turns, rounds and pauses of connecting.
#include "nats/server_pool.hpp"

#include <algorithm>

namespace aether::nats::detail {

bool server_pool::failed() noexcept {
  at_ = (at_ + 1) % servers_.size();
  if (++tried_ < servers_.size()) return false;
  tried_ = 0;
  ++rounds_;
  return true;
}

std::chrono::nanoseconds server_pool::pause(double random) const noexcept {
  if (rounds_ == 0 || tried_ != 0) return {};
  auto full = wait_;
  for (unsigned i = 1; i < rounds_ && full < wait_max_; ++i) full *= 2;
  full = std::min(full, wait_max_);
  return full - std::chrono::duration_cast<std::chrono::nanoseconds>(full * (random / 2));
}

void server_pool::discover(std::vector<std::string> const& urls) {
  auto bare = [](std::string const& url) { return url.substr(url.find("://") == std::string::npos ? 0 : url.find("://") + 3); };
  for (auto const& url : urls)
    if (std::none_of(servers_.begin(), servers_.end(), [&](auto const& s) { return bare(s) == bare(url); }))
      servers_.push_back(url);
}

} // namespace aether::nats::detail
