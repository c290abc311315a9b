// The end of a queued save, and those who wait for it.
#pragma once

#include "detail/wait.hpp"

#include <aether/save_queue.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether {

namespace detail {

/// What a ticket throws, made anew for each who asks: an exception has one owner, so that no two threads meet in its
/// reference count.
class told_error {
public:
  explicit told_error(std::exception_ptr const& thrown);
  [[noreturn]] void raise() const;

private:
  boost::system::error_code code_;
  std::string text_;
  std::exception_ptr other_; ///< what is no system_error
};

} // namespace detail

/// Thread-safe; the first end counts.
struct save_ticket::state {
  void end(std::optional<save_outcome> outcome, std::exception_ptr const& thrown);
  bool has_ended() const;
  static awaitable<save_outcome> wait(std::shared_ptr<state> self);

private:
  using waiting_ptr = std::shared_ptr<detail::wait_state<bool>>;

  void park(waiting_ptr waiting);
  save_outcome get() const;

  mutable std::mutex mutex_;
  bool ended_ = false;
  std::optional<save_outcome> outcome_;
  std::optional<detail::told_error> error_;
  std::vector<waiting_ptr> waiting_;
};

} // namespace aether
