// The view that a placement shows, and those who wait for another one.
#include "placement_board.hpp"

#include "detail/call_deadline.hpp"

#include <utility>

namespace aether::detail {
namespace {

bool ends_placement(placement_state state) noexcept {
  return state == placement_state::left || state == placement_state::name_taken;
}

hash_ring ring_of_nodes(std::vector<placed_node> const& nodes) {
  hash_ring ring;
  std::vector<ring_node> all;
  all.reserve(nodes.size());
  for (auto const& n : nodes)
    all.emplace_back(n.name, n.weight);
  ring.add(std::move(all));
  return ring;
}

} // namespace

placement_board::view_ptr placement_board::view() const {
  std::lock_guard const lock(mutex_);
  return view_;
}

void placement_board::show(placement_state state, std::vector<placed_node> nodes) {
  auto const before = view();
  if (ends_placement(before->state) || (before->state == state && before->nodes == nodes))
    return;
  auto next = std::make_shared<placement_view>();
  next->epoch = before->epoch + 1;
  next->state = state;
  auto const stops = before->state == placement_state::live && state != placement_state::live;
  next->lapses = before->lapses + (stops ? 1 : 0);
  next->ring = before->nodes == nodes ? before->ring : ring_of_nodes(nodes);
  next->nodes = std::move(nodes);
  std::vector<std::shared_ptr<wait_state<bool>>> woken;
  {
    std::lock_guard const lock(mutex_);
    view_ = std::move(next);
    woken.swap(waiting_);
  }
  for (auto const& w : woken)
    w->complete(true);
}

void placement_board::when_changed(std::uint64_t seen, std::shared_ptr<wait_state<bool>> waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (view_->epoch == seen) {
      std::erase_if(waiting_, [](auto const& w) { return w->is_ended(); });
      waiting_.push_back(std::move(waiting));
      return;
    }
  }
  waiting->complete(true);
}

awaitable<placement_board::view_ptr> placement_board::wait_for_change(std::shared_ptr<placement_board> self,
                                                                      std::uint64_t seen, call_options options) {
  auto const deadline = deadline_after(options.timeout, std::chrono::nanoseconds::max());
  for (;;) {
    auto known = self->view();
    if (known->epoch != seen)
      co_return known;
    if (ends_placement(known->state))
      throw error(errc::closed, "this placement changes no more: it has left");
    auto const start = [&](std::shared_ptr<wait_state<bool>> waiting) { self->when_changed(seen, std::move(waiting)); };
    auto const end = co_await wait_until<bool>(deadline, start);
    throw_if_cancelled(end);
    if (end.end == wait_end::timed_out)
      throw error(errc::timed_out, "the placement did not change in time");
    if (end.end == wait_end::closed)
      throw error(errc::closed, "waiting for a change of placement: the caller's context is gone");
  }
}

} // namespace aether::detail
