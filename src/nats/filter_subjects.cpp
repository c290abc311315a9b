// The subjects that a filter of events stands for.
#include "nats/filter_subjects.hpp"

#include <algorithm>

namespace aether::nats::detail {

std::vector<std::string> filter_subjects(subject_map const& subjects, event_filter const& filter) {
  std::vector<std::string> out;
  if (!filter.actor_id.empty())
    out.push_back(subjects.events_subject(filter.actor_id));
  for (auto const& type : filter.actor_types)
    out.push_back(subjects.events_filter_of(type));
  if (out.empty())
    out.push_back(subjects.events_filter());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool is_of_subjects(std::string_view subject, std::vector<std::string> const& wanted) noexcept {
  return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view one) {
    if (one.ends_with('>') || one.ends_with('*')) {
      auto const rest = one.ends_with('*');
      one.remove_suffix(1);
      return subject.starts_with(one) && (!rest || subject.find('.', one.size()) == std::string_view::npos);
    }
    return subject == one;
  });
}

} // namespace aether::nats::detail
