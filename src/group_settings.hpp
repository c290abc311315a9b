// What makes a group itself, and how what a member asks for differs from it.
#pragma once

#include <aether/event_group.hpp>

#include <boost/json/object.hpp>

#include <string>

namespace aether::detail {

/// The settings that all members share, as one JSON object: equal groups have equal ones. Lists are in order, each
/// entry once. `options`: with their defaults filled in.
boost::json::object group_settings(group_options const& options);

/// For people, each setting that differs with both values: `max_attempts is 5, asked for 3; …`. Empty: nothing differs.
std::string group_differences(boost::json::object const& actual, boost::json::object const& asked_for);

/// Throws group_settings_differ when something differs.
void check_same_group(std::string const& name, boost::json::object const& actual, boost::json::object const& asked_for);

} // namespace aether::detail
