// One command or query on its way through a host.
#pragma once

#include "detail/wait.hpp"

#include <aether/actor_options.hpp>
#include <aether/detail/actor_model.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace aether::detail {

/// What a call that waits is woken for.
enum class call_turn {
  leads, ///< it works for its actor now
  over,  ///< somebody else has done its work
};

/// Shared by the caller and whoever works for it.
struct actor_call {
  actor_address to;
  std::unique_ptr<actor_command> command; // or
  std::shared_ptr<actor_query> query;     // or neither: the version is asked for
  command_options options;
  freshness how_fresh = freshness::cached();
  steady_time deadline{};
  std::chrono::nanoseconds entered_at{}; // by the host's time
  std::int64_t is_new_at = -1; // the version up to which its id was looked for, in vain

  /// Written by the leader before it is over.
  command_outcome outcome;
  std::exception_ptr failure;
  std::atomic<bool> over{false};

  /// Held while the query's function runs, which may use what its caller's frame holds: the caller stays so long.
  std::mutex looking;
  bool has_left = false; // guarded by it

  // Guarded by the host's mutex.
  enum class place { waiting, in_hand, nowhere } where = place::waiting;
  bool was_late = false; // its caller gave up when it was in hand
  bool is_failed = false; // and counted
  std::shared_ptr<wait_state<call_turn>> parked;
  std::shared_ptr<actor_call> next; // behind it in the queue

  actor_call() = default;
  bool is_command() const noexcept { return command != nullptr; }
};

} // namespace aether::detail
