// What is behind a member's handle: one member of one group, or one of a group in each of several streams.
#pragma once

#include "merged_feed.hpp"

#include <aether/event_group.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace aether::detail {

/// What event_group documents, with a deadline in place of a timeout. What the awaitables are called on outlives them.
class group_member : public std::enable_shared_from_this<group_member> {
public:
  using time = std::chrono::steady_clock::time_point;

  virtual ~group_member() = default;
  virtual awaitable<std::optional<group_event>> next(time deadline) = 0;
  virtual awaitable<bool> wait(time deadline) = 0;
  virtual std::optional<group_event> try_next() = 0;
  /// From any thread, also twice; a wait under way ends.
  virtual void leave() noexcept = 0;
  virtual bool has_left() const noexcept = 0;

protected:
  group_member() = default;
  group_member(group_member const&) = delete;
  group_member& operator=(group_member const&) = delete;
};

/// The members as one: what any of them has, in turn. `prefetch`: they fetch before they are asked. `wanted`: empty, or
/// what else is acknowledged unseen.
std::shared_ptr<group_member> merge_members(std::vector<event_group> parts, bool prefetch, wanted_in_part wanted);

} // namespace aether::detail
