// The machine's time, and waiting for it on the caller's execution context.
#include <aether/time_source.hpp>

#include "detail/wait.hpp"

namespace aether {
namespace {

using detail::steady_time;
using steady = std::chrono::steady_clock;

awaitable<void> sleep_from_now(std::chrono::nanoseconds duration) {
  auto const now = steady::now();
  auto const due = duration > steady_time::max() - now ? steady_time::max() : now + duration;
  auto const end = co_await detail::wait_until<bool>(due, [](auto const&) {});
  throw_if_cancelled(end);
}

class machine final : public time_source {
public:
  time_point now() const override {
    return std::chrono::time_point_cast<time_point::duration>(time_point::clock::now());
  }
  std::chrono::nanoseconds elapsed() const override { return steady::now().time_since_epoch(); }
  awaitable<void> sleep_for(std::chrono::nanoseconds duration) const override { return sleep_from_now(duration); }
};

} // namespace

std::shared_ptr<time_source const> machine_time() {
  static auto const one = std::make_shared<machine const>();
  return one;
}

} // namespace aether
