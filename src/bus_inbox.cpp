// A lock around the buffer, and the wake-up outside of it.
#include "bus_inbox.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

constexpr std::size_t standard_buffer = 1024;

/// `*` stands for any text.
bool fits(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0, star = std::string_view::npos, behind = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      behind = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++behind;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

} // namespace

bus_inbox::bus_inbox(bus_filter filter, std::weak_ptr<inbox_owner> owner)
    : filter_(std::move(filter)), owner_(std::move(owner)),
      buffer_(filter_.buffer_events == 0 ? standard_buffer : filter_.buffer_events, filter_.overflow) {}

bool bus_inbox::wants(std::string_view event_type, std::string_view actor_id) const noexcept {
  auto const& types = filter_.event_types;
  return (types.empty() || std::find(types.begin(), types.end(), event_type) != types.end()) &&
         (filter_.actor_pattern.empty() || fits(filter_.actor_pattern, actor_id));
}

bus_inbox::put_end bus_inbox::put(std::shared_ptr<std::string const> const& name_space,
                                  std::shared_ptr<event const> const& e) noexcept {
  if (!wants(*e))
    return put_end::nobody;
  std::unique_lock lock(mutex_);
  auto const end = buffer_.push(broadcast(name_space, e));
  wake(std::move(lock));
  switch (end) {
  case bus_buffer::push_end::kept:
    return put_end::taken;
  case bus_buffer::push_end::displaced:
    return put_end::displaced;
  case bus_buffer::push_end::lost:
    return put_end::dropped;
  case bus_buffer::push_end::refused:
    break;
  }
  return put_end::nobody;
}

void bus_inbox::lose(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  buffer_.lose(count);
  wake(std::move(lock));
}

void bus_inbox::lose_uncounted() {
  std::unique_lock lock(mutex_);
  buffer_.lose_uncounted();
  wake(std::move(lock));
}

void bus_inbox::close() {
  std::unique_lock lock(mutex_);
  buffer_.close();
  wake(std::move(lock));
}

void bus_inbox::leave() noexcept {
  if (auto const owner = owner_.lock())
    owner->remove(*this);
  std::unique_lock lock(mutex_);
  left_ = true;
  auto const waiting = std::exchange(waiting_, nullptr);
  lock.unlock();
  if (waiting)
    waiting->cancel();
}

std::optional<bus_item> bus_inbox::take() {
  std::lock_guard lock(mutex_);
  return buffer_.take();
}

void bus_inbox::park(std::shared_ptr<wait_state<bool>> waiting) {
  std::unique_lock lock(mutex_);
  if (!left_ && buffer_.empty()) {
    waiting_ = std::move(waiting);
    return;
  }
  auto const left = left_;
  lock.unlock();
  if (left)
    waiting->cancel();
  else
    waiting->complete(true);
}

void bus_inbox::wake(std::unique_lock<std::mutex> lock) noexcept {
  auto const waiting = std::exchange(waiting_, nullptr);
  lock.unlock();
  if (waiting)
    waiting->complete(true);
}

} // namespace aether::detail
