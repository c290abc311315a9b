// Times in order, and one for each workflow.
#include "workflow_agenda.hpp"

namespace aether::detail {

void workflow_agenda::add(std::string const& actor_id, time_point when) {
  auto const at = of_.find(actor_id);
  if (at == of_.end() || when < at->second)
    set(actor_id, when);
}

void workflow_agenda::set(std::string const& actor_id, time_point when) {
  remove(actor_id);
  of_.emplace(actor_id, when);
  by_time_.emplace(when, actor_id);
}

void workflow_agenda::remove(std::string const& actor_id) {
  auto const at = of_.find(actor_id);
  if (at == of_.end())
    return;
  by_time_.erase({at->second, actor_id});
  of_.erase(at);
}

std::optional<time_point> workflow_agenda::next() const {
  return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
}

std::optional<std::string> workflow_agenda::take_due(time_point now) {
  if (by_time_.empty() || by_time_.begin()->first > now)
    return std::nullopt;
  auto actor_id = by_time_.begin()->second;
  remove(actor_id);
  return actor_id;
}

void workflow_agenda::clear() {
  by_time_.clear();
  of_.clear();
}

} // namespace aether::detail
