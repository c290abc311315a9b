// What makes a group itself, and how what a member asks for differs from it.
#include "group_settings.hpp"

#include "detail/utf8.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace aether::detail {
namespace {

namespace json = boost::json;

json::array sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  json::array out;
  for (auto const& name : names)
    out.emplace_back(name);
  return out;
}

std::string start_text(start_from const& start) {
  switch (start.what()) {
  case start_from::kind::beginning:
    break;
  case start_from::kind::now:
    return "now";
  case start_from::kind::time:
    return "time " + format_time(start.when());
  case start_from::kind::position:
    return "position " + start.where().to_text();
  case start_from::kind::latest_of_each_actor:
    return "latest_of_each_actor";
  }
  return "beginning";
}

std::string shown(json::object const& settings, json::string_view name) {
  auto const* value = settings.if_contains(name);
  if (!value)
    return "unknown";
  auto text = json::serialize(*value);
  if (name == "ack_timeout")
    text += " ns";
  return text;
}

} // namespace

json::object group_settings(group_options const& options) {
  json::object s;
  s["actor_types"] = sorted(options.filter.actor_types);
  s["actor_id"] = options.filter.actor_id;
  s["event_types"] = sorted(options.filter.event_types);
  s["start"] = start_text(options.start);
  s["ack_timeout"] = options.ack_timeout.count();
  s["max_attempts"] = static_cast<std::int64_t>(options.max_attempts);
  s["max_in_flight"] = static_cast<std::int64_t>(options.max_in_flight);
  s["ordered_per_actor"] = options.ordered_per_actor;
  return s;
}

std::string group_differences(json::object const& actual, json::object const& asked_for) {
  std::string list;
  for (auto const& [name, value] : asked_for) {
    auto const* there = actual.if_contains(name);
    if (there && *there == value)
      continue;
    list += list.empty() ? "" : "; ";
    list += std::string(name) + " is " + shown(actual, name) + ", asked for " + shown(asked_for, name);
  }
  return list;
}

void check_same_group(std::string const& name, json::object const& actual, json::object const& asked_for) {
  auto const list = group_differences(actual, asked_for);
  if (!list.empty())
    throw error(errc::group_settings_differ, "group " + quoted(name) + " exists with other settings: " + list +
                                                 ". Ways out: join with the settings it has, choose another name, or "
                                                 "delete the group with delete_group");
}

} // namespace aether::detail
