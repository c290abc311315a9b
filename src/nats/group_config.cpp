// The consumers and the stream that a group is made of on the server, and reading them back.
#include "nats/group_config.hpp"

#include "detail/hash.hpp"
#include "detail/utf8.hpp"
#include "group_settings.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/json_fields.hpp"

#include <aether/error.hpp>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_description = 4096; // of a server
constexpr std::int64_t least_waiting = 4096;

/// Servers before 2.10 take a second creation for a change of what can be changed: of all the settings but a few.
/// How many pulls may wait is one of those, so with another number a group that is there is not changed.
std::int64_t distinct_waiting(std::string_view made) {
  aether::detail::hash128 const key;
  return least_waiting + static_cast<std::int64_t>(aether::detail::keyed_hash(made, key).low % 4096);
}

json::object common(group_options const& options) {
  json::object c;
  c["durable_name"] = group_consumer_name(options.name);
  c["ack_policy"] = "explicit";
  c["ack_wait"] = options.ack_timeout.count();
  c["max_deliver"] = -1;
  c["max_ack_pending"] = static_cast<std::int64_t>(options.max_in_flight);
  c["replay_policy"] = "instant";
  return c;
}

json::object body(std::string const& stream, json::object config) {
  json::object b;
  b["stream_name"] = stream;
  b["config"] = std::move(config);
  return b;
}

} // namespace

json::object wanted_group_settings(group_options const& options) {
  auto settings = aether::detail::group_settings(options);
  settings["max_deliver"] = -1;
  return settings;
}

json::object make_group_consumer(stream_access const& stream, group_options const& options, std::uint64_t from,
                                 std::string const& made) {
  auto c = common(options);
  json::object record;
  record["aether"] = 1;
  record["group"] = options.name;
  record["made"] = made;
  record["settings"] = aether::detail::group_settings(options);
  auto text = json::serialize(record);
  if (text.size() > longest_description)
    throw error(errc::invalid_argument, "group " + aether::detail::quoted(options.name) + ": its settings take " +
                                            std::to_string(text.size()) + " bytes, more than the " +
                                            std::to_string(longest_description) +
                                            " that a server keeps: name fewer types in the filter");
  c["description"] = std::move(text);
  c["max_waiting"] = distinct_waiting(made);
  c["deliver_policy"] = from == 0 ? "all" : "by_start_sequence";
  if (from != 0)
    c["opt_start_seq"] = from;
  auto const subjects = filter_subjects(stream.subjects, options.filter);
  if (subjects.size() == 1) {
    c["filter_subject"] = subjects.front();
  } else {
    json::array list;
    for (auto const& subject : subjects)
      list.emplace_back(subject);
    c["filter_subjects"] = std::move(list);
  }
  auto b = body(stream.stream(), std::move(c));
  b["action"] = "create"; // from 2.10
  return b;
}

json::object make_retry_consumer(dead_subjects const& dead, group_options const& options) {
  auto c = common(options);
  json::object record;
  record["aether"] = 1;
  record["retries_of_group"] = options.name;
  c["description"] = json::serialize(record);
  c["max_waiting"] = least_waiting;
  c["deliver_policy"] = "all";
  c["filter_subject"] = dead.retries_of(options.name);
  return body(dead.stream(), std::move(c));
}

std::optional<group_record> read_group_record(json::object const& config) {
  boost::system::error_code failed;
  auto const value = json::parse(string_at(config, "description").value_or(""), failed);
  auto const* o = failed ? nullptr : value.if_object();
  auto const* settings = o ? object_at(*o, "settings") : nullptr;
  auto const name = o ? string_at(*o, "group") : std::nullopt;
  auto const made = o ? string_at(*o, "made") : std::nullopt;
  if (!settings || !name || !made || integer_at(*o, "aether") != 1)
    return std::nullopt;
  group_record out;
  out.name = *name;
  out.made = *made;
  out.settings = *settings;
  // Who has changed the consumer with another tool, has changed the group.
  for (auto const& [ours, theirs] :
       {std::pair("ack_timeout", "ack_wait"), std::pair("max_in_flight", "max_ack_pending"),
        std::pair("max_deliver", "max_deliver")})
    if (auto const* there = config.if_contains(theirs))
      out.settings[ours] = *there;
  return out;
}

json::object make_dead_stream(dead_subjects const& dead, std::string const& stream, int replicas) {
  json::object record;
  record["aether"] = 1;
  record["dead_letters_of"] = stream;
  json::object c;
  c["name"] = dead.stream();
  c["description"] = json::serialize(record);
  c["subjects"] = json::array{json::value(dead.all_letters()), json::value(dead.all_retries())};
  c["retention"] = "limits";
  c["storage"] = "file";
  c["max_age"] = 0;
  c["max_msgs_per_subject"] = 1; // an event has one letter
  c["discard"] = "old";
  c["num_replicas"] = replicas;
  return c;
}

std::string unusable_dead_stream(json::object const& wanted, json::object const& actual) {
  std::string list;
  for (auto const* name : {"description", "subjects", "retention", "max_msgs_per_subject", "discard"}) {
    auto const* there = actual.if_contains(name);
    if (there && *there == wanted.at(name))
      continue;
    list += list.empty() ? "" : "; ";
    list += std::string(name) + " is " + (there ? json::serialize(*there) : std::string("not there")) + ", wanted " +
            json::serialize(wanted.at(name));
  }
  return list;
}

} // namespace aether::nats::detail
