// The snapshot: an actor's state at a version, a shortcut for replay.
#pragma once

#include <aether/event.hpp>

namespace aether {

/// State of one actor after the event of `version`. Never the truth: replay of all events is.
struct actor_snapshot {
  std::string actor_id;
  std::int64_t version = 0;   ///< of the last event that is part of the state; 1 or greater
  boost::json::object state;  ///< at most 32 levels deep, itself the first
  time_point timestamp{};     ///< the epoch: stamped when saved

  actor_snapshot() = default; // declared, so that no braced temporary meets `co_await` (g++ 12)

  friend bool operator==(actor_snapshot const&, actor_snapshot const&) = default;
};

/// A snapshot with the time of now.
actor_snapshot make_snapshot(std::string actor_id, std::int64_t version, boost::json::object state = {});

} // namespace aether
