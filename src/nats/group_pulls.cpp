// Asking a group's consumer for messages, decided on values.
#include "nats/group_pulls.hpp"

#include <algorithm>

namespace aether::nats::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds longest_pull = 5s;
constexpr std::chrono::nanoseconds shortest_pull = 100ms;
constexpr std::chrono::nanoseconds slack = 1s; // an end that has not come by then got lost
constexpr std::uint64_t most_at_once = 1000;

constexpr int heartbeat = 100;
constexpr int no_messages = 404;
constexpr int expired = 408;
constexpr int conflict = 409;

} // namespace

std::optional<group_pull> group_pulls::next(std::size_t wanted, std::size_t bytes, time now, time until) {
  if (now >= not_before_)
    not_before_ = time();
  std::uint64_t under_way = 0;
  for (auto const& a : asked_)
    under_way += a.left;
  if (doubted_ || now < not_before_ || wanted <= under_way || (alone_ && under_way > 0))
    return std::nullopt;
  group_pull p;
  p.batch = alone_ ? 1 : std::min<std::uint64_t>(wanted - under_way, most_at_once);
  p.max_bytes = p.batch > 1 ? bytes : 0;
  auto const left = until <= now ? shortest_pull : until - now < longest_pull ? until - now : longest_pull;
  p.expires = std::max(left, shortest_pull);
  asked a;
  a.batch = a.left = p.batch;
  a.limited = p.max_bytes != 0;
  a.until = now + p.expires;
  asked_.push_back(a);
  return p;
}

void group_pulls::on_message() noexcept {
  fruitless_ = 0;
  alone_ = false;
  if (!asked_.empty() && --asked_.front().left == 0)
    asked_.pop_front();
}

void group_pulls::on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept {
  if (status == heartbeat)
    return;
  auto const ended = status == no_messages || status == expired || (status == conflict && unfulfilled);
  if (!ended)
    return doubt();
  auto which = std::find_if(asked_.begin(), asked_.end(), [&](asked const& a) { return a.left == unfulfilled; });
  if (which == asked_.end())
    which = asked_.begin();
  if (which == asked_.end())
    return;
  auto const fruitless = status == conflict && which->left == which->batch;
  auto const limited = which->limited;
  asked_.erase(which);
  if (fruitless && !limited)
    return doubt(); // it was not for the bytes
  alone_ = alone_ || fruitless;
}

void group_pulls::doubt() noexcept {
  asked_.clear();
  doubted_ = true;
}

void group_pulls::stop() noexcept { asked_.clear(); }

bool group_pulls::needs_check(time now) const noexcept {
  return now >= not_before_ && (doubted_ || (!asked_.empty() && now >= asked_.front().until + slack));
}

void group_pulls::on_there(time now) noexcept {
  asked_.clear();
  doubted_ = false;
  if (++fruitless_ > 1)
    pause(now);
}

void group_pulls::on_unknown(time now) noexcept {
  doubted_ = true;
  ++fruitless_;
  pause(now);
}

void group_pulls::pause(time now) noexcept {
  not_before_ = now + std::min<std::chrono::nanoseconds>(10ms * (1 << std::min(fruitless_, 7u)), 1s);
}

group_pulls::time group_pulls::due() const noexcept {
  if (doubted_)
    return not_before_;
  if (asked_.empty())
    return not_before_ == time() ? time::max() : not_before_;
  return std::max(not_before_, asked_.front().until + slack);
}

} // namespace aether::nats::detail
