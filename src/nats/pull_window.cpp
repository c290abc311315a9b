// How much to ask a consumer for.
#include "nats/pull_window.hpp"

#include <algorithm>

namespace aether::nats::detail {
namespace {

// A pull that ends without a message because the next one is too large ends so for ever.
constexpr unsigned fruitless_at_most = 3;

} // namespace

pull_window::pull_window(std::size_t messages, std::size_t bytes) noexcept
    : messages_(std::max<std::size_t>(messages, 1)), bytes_(bytes) {}

std::optional<pull> pull_window::next() noexcept {
  pull p;
  auto const half = std::max<std::size_t>(bytes_ / 2, 1);
  auto const alone = fruitless_ > 0 || average_ > half;
  auto const fits = average_ > 0 ? std::max<std::size_t>(half / average_, 1) : messages_;
  p.batch = alone ? 1 : std::max<std::uint64_t>(std::min(messages_ / 2, fits), 1);
  p.max_bytes = alone ? 0 : half;
  if (pulls_ == under_way_.size() || (alone && (pulls_ > 0 || held_ > 0)))
    return std::nullopt;
  auto bytes = held_bytes_;
  for (std::size_t i = 0; i < pulls_; ++i)
    bytes += under_way_[i].bytes;
  if (held_ + under_way() + p.batch > messages_ || (!alone && held_ + pulls_ > 0 && bytes + p.max_bytes > bytes_))
    return std::nullopt;
  under_way_[pulls_++] = asked{p.batch, p.max_bytes, true};
  return p;
}

std::uint64_t pull_window::under_way() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pulls_; ++i)
    sum += under_way_[i].left;
  return sum;
}

void pull_window::ended() noexcept {
  under_way_[0] = under_way_[1];
  --pulls_;
}

void pull_window::on_message(std::size_t size) noexcept {
  ++held_;
  held_bytes_ += size;
  average_ = average_ == 0 ? size : average_ - average_ / 8 + size / 8;
  fruitless_ = 0;
  if (pulls_ == 0)
    return;
  auto& p = under_way_[0];
  p.fruitless = false;
  p.bytes -= std::min(p.bytes, size);
  if (--p.left == 0)
    ended();
}

void pull_window::on_taken(std::size_t size) noexcept {
  --held_;
  held_bytes_ -= size;
}

void pull_window::restart() noexcept {
  pulls_ = 0;
  fruitless_ = 0;
}

pull_status pull_window::on_status(int status, std::optional<std::uint64_t> unfulfilled) noexcept {
  // From server 2.10 on a pull that is fulfilled says so behind its last message, when it has bytes left.
  if (status == 100 || (status == 409 && unfulfilled == 0u))
    return pull_status::go_on;
  if (pulls_ == 0 || !unfulfilled || *unfulfilled != under_way_[0].left)
    return pull_status::give_up;
  if (status == 409 && under_way_[0].fruitless && ++fruitless_ > fruitless_at_most)
    return pull_status::give_up;
  ended();
  return pull_status::go_on;
}

} // namespace aether::nats::detail
