// When a host has to see to which workflow.
#pragma once

#include <aether/event.hpp>

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace aether::detail {

/// Times at which to see to a workflow, one for each.
class workflow_agenda {
public:
  /// The earlier one counts if it has one already.
  void add(std::string const& actor_id, time_point when);
  void set(std::string const& actor_id, time_point when);
  void remove(std::string const& actor_id);
  std::optional<time_point> next() const;
  /// One that is due by then; it is removed.
  std::optional<std::string> take_due(time_point now);
  void clear();

private:
  std::set<std::pair<time_point, std::string>> by_time_;
  std::unordered_map<std::string, time_point> of_;
};

} // namespace aether::detail
