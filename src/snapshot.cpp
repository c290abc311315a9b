// Making snapshots.
#include <aether/snapshot.hpp>

#include <utility>

namespace aether {

actor_snapshot make_snapshot(std::string actor_id, std::int64_t version, boost::json::object state) {
  actor_snapshot s;
  s.actor_id = std::move(actor_id);
  s.version = version;
  s.state = std::move(state);
  s.timestamp = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  return s;
}

} // namespace aether
