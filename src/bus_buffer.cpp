// A ring that doubles up to its bound.
#include "bus_buffer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace aether::detail {
namespace {

constexpr std::size_t kept_when_empty = 64; // entries, so that a steady stream allocates nothing

} // namespace

bus_buffer::push_end bus_buffer::push(broadcast b) noexcept {
  if (closed_)
    return push_end::refused;
  bool const full = size_ >= most_;
  if (full && policy_ != overflow_policy::drop_oldest) {
    lose(1);
    if (policy_ == overflow_policy::close)
      close();
    return push_end::lost;
  }
  if (full) {
    auto gone = drop_first().before;
    gone.add(1);
    if (size_ > 0)
      at(0).before.add(gone);
    else
      gap_behind_.add(gone);
  }
  if (size_ == ring_.size() && !grow()) {
    lose(1);
    return push_end::lost;
  }
  ++size_;
  at(size_ - 1) = entry{std::move(b), std::exchange(gap_behind_, gap())};
  return full ? push_end::displaced : push_end::kept;
}

void bus_buffer::lose(std::uint64_t count) noexcept { gap_behind_.add(closed_ ? 0 : count); }
void bus_buffer::lose_uncounted() noexcept { gap_behind_.uncounted = gap_behind_.uncounted || !closed_; }

std::optional<bus_item> bus_buffer::take() {
  auto& next = size_ > 0 ? at(0).before : gap_behind_;
  if (next.is_one())
    return bus_item(std::exchange(next, gap()).told());
  if (size_ > 0) {
    bus_item item(drop_first().event);
    if (size_ == 0 && ring_.size() > kept_when_empty)
      std::vector<entry>().swap(ring_);
    return item;
  }
  if (closed_)
    return bus_item(bus_closed());
  return std::nullopt;
}

bus_buffer::entry bus_buffer::drop_first() noexcept {
  auto out = std::move(at(0));
  at(0) = entry();
  first_ = (first_ + 1) % ring_.size();
  --size_;
  return out;
}

bool bus_buffer::grow() noexcept {
  try {
    std::vector<entry> larger(std::min(std::max<std::size_t>(ring_.size() * 2, 4), most_));
    for (std::size_t i = 0; i < size_; ++i)
      larger[i] = std::move(at(i));
    ring_ = std::move(larger);
    first_ = 0;
    return true;
  } catch (std::exception const&) {
    return false;
  }
}

} // namespace aether::detail
