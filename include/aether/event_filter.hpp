// Which events a subscription or a group is about.
#pragma once

#include <string>
#include <vector>

namespace aether {

/// Everything, unless it says otherwise. What is named in both ways must fit both.
struct event_filter {
  std::vector<std::string> actor_types; ///< empty: all. Chosen by the store: nothing else is fetched
  std::string actor_id;                 ///< empty: all. Not together with actor_types
  /// Empty: all. Chosen in this process: everything else is fetched and dropped here. Positions and lag move over it.
  std::vector<std::string> event_types;

  event_filter() = default;

  /// Throws invalid_id, invalid_argument.
  void validate() const;
};

} // namespace aether
