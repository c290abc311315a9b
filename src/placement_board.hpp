// The view that a placement shows, and those who wait for another one.
#pragma once

#include "detail/wait.hpp"

#include <aether/placement.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace aether::detail {

/// Thread-safe, but one at a time shows.
class placement_board {
public:
  using view_ptr = std::shared_ptr<placement_view const>;

  view_ptr view() const;
  /// Shows them when they are others than before. The nodes are sorted by name.
  void show(placement_state state, std::vector<placed_node> nodes);

  static awaitable<view_ptr> wait_for_change(std::shared_ptr<placement_board> self, std::uint64_t seen,
                                             call_options options);

private:
  void when_changed(std::uint64_t seen, std::shared_ptr<wait_state<bool>> waiting);

  mutable std::mutex mutex_;
  view_ptr view_ = std::make_shared<placement_view const>();
  std::vector<std::shared_ptr<wait_state<bool>>> waiting_;
};

} // namespace aether::detail
