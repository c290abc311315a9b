// The subjects that a filter of events stands for, and whether one of them covers a message's.
#pragma once

#include "nats/subjects.hpp"

#include <aether/event_filter.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// Sorted, each once; everything without actor or types. What event types choose is not in it. Throws
/// aether::error(invalid_id) as events_subject() does.
std::vector<std::string> filter_subjects(subject_map const& subjects, event_filter const& filter);

/// As a server matches them, for one that cannot by several at once: `*` is one token, `>` the rest.
bool is_of_subjects(std::string_view subject, std::vector<std::string> const& wanted) noexcept;

} // namespace aether::nats::detail
