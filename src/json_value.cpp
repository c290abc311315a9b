// Events and snapshots as Boost.JSON values, and back.
#include "json_fields.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cmath>
#include <cstdint>
#include <utility>

namespace aether {
namespace {

using detail::field_state;
using detail::json_type;
using fault = field_state::fault;

std::string_view view(boost::json::string const& s) noexcept { return {s.data(), s.size()}; }

json_type type_of(boost::json::value const& v) noexcept {
  switch (v.kind()) {
  case boost::json::kind::null:
    return json_type::null;
  case boost::json::kind::bool_:
    return json_type::boolean;
  case boost::json::kind::int64:
  case boost::json::kind::uint64:
    return json_type::integer;
  case boost::json::kind::double_:
    return json_type::real;
  case boost::json::kind::string:
    return json_type::string;
  case boost::json::kind::array:
    return json_type::array;
  case boost::json::kind::object:
    return json_type::object;
  }
  return json_type::null;
}

void read_id(boost::json::value const& v, std::string& out, field_state& state, bool required) {
  if (v.is_null() && !required)
    return state.set(fault::none);
  if (!v.is_string())
    return state.set(fault::mistyped, type_of(v));
  out = view(v.get_string());
  state.set(detail::check_id(out, required));
  if (state.is == fault::none && !detail::valid_utf8(out))
    state.set(fault::not_utf8);
}

void read_version(boost::json::value const& v, std::int64_t& out, field_state& state) {
  if (type_of(v) != json_type::integer)
    return state.set(fault::mistyped, type_of(v));
  boost::system::error_code failed;
  out = v.to_number<std::int64_t>(failed);
  state.set(failed || out < 1 ? fault::version_range : fault::none);
}

void read_time(boost::json::value const& v, time_point& out, field_state& state) {
  if (!v.is_string())
    return state.set(fault::mistyped, type_of(v));
  state.set(parse_time(view(v.get_string()), out) ? fault::none : fault::not_a_time);
}

/// JSON text has no NaN and no infinity, so an event has none either. Depth has been checked.
bool finite(boost::json::value const& v) noexcept {
  if (auto const* d = v.if_double())
    return std::isfinite(*d);
  if (auto const* array = v.if_array()) {
    for (auto const& element : *array)
      if (!finite(element))
        return false;
  } else if (auto const* object = v.if_object()) {
    for (auto const& member : *object)
      if (!finite(member.value()))
        return false;
  }
  return true;
}

void read_object(boost::json::value const& v, boost::json::object& out, field_state& state) {
  state.set(fault::none);
  if (v.is_null())
    return;
  if (!v.is_object())
    return state.set(fault::mistyped, type_of(v));
  if (json_depth(v.get_object(), max_json_depth) > max_json_depth)
    return state.set(fault::too_deep);
  if (!finite(v))
    return state.set(fault::not_finite);
  out = v.get_object();
}

void read_metadata(boost::json::value const& v, metadata& out, field_state& state) {
  state.set(fault::none);
  if (v.is_null())
    return;
  if (!v.is_object())
    return state.set(fault::mistyped, type_of(v));
  for (auto const& entry : v.get_object()) {
    if (!entry.value().is_string())
      return state.set(fault::bad_entry, type_of(entry.value()));
    out.set({entry.key().data(), entry.key().size()}, std::string(view(entry.value().get_string())));
  }
}

boost::json::object const& record_of(boost::json::value const& v, errc code) {
  if (auto const* record = v.if_object())
    return *record;
  throw error(code, std::string("expected an object, got ") + detail::name_of(type_of(v)));
}

template <std::size_t Count, class Read>
void read_record(boost::json::value const& v, std::array<detail::field_spec, Count> const& specs, errc code,
                 Read read) {
  std::array<field_state, Count> states;
  for (auto const& member : record_of(v, code))
    if (auto const field = detail::find_field(specs, {member.key().data(), member.key().size()}); field != Count)
      read(field, member.value(), states[field]);
  parse_error failure;
  if (!detail::check_fields(specs, states, code, failure))
    throw error(failure.code, failure.reason);
}

} // namespace

void tag_invoke(boost::json::value_from_tag, boost::json::value& out, event const& e) {
  boost::json::object& record = out.emplace_object();
  record.reserve(detail::event_field::count);
  record["id"] = e.id;
  record["eventType"] = e.event_type;
  record["actorId"] = e.actor_id;
  if (!e.command_id.empty())
    record["commandId"] = e.command_id;
  record["version"] = e.version;
  record["data"] = e.data;
  if (!e.metadata.empty()) {
    boost::json::object& entries = record["metadata"].emplace_object();
    for (auto const& [key, text] : e.metadata)
      entries[key] = text;
  }
  record["timestamp"] = format_time(e.timestamp);
}

event tag_invoke(boost::json::value_to_tag<event>, boost::json::value const& v) {
  namespace field = detail::event_field;
  event e;
  read_record(v, field::specs, errc::malformed_event,
              [&e](std::size_t which, boost::json::value const& member, field_state& state) {
                switch (which) {
                case field::id:
                  return read_id(member, e.id, state, true);
                case field::event_type:
                  return read_id(member, e.event_type, state, true);
                case field::actor_id:
                  return read_id(member, e.actor_id, state, true);
                case field::command_id:
                  return read_id(member, e.command_id, state, false);
                case field::version:
                  return read_version(member, e.version, state);
                case field::data:
                  return read_object(member, e.data, state);
                case field::metadata:
                  return read_metadata(member, e.metadata, state);
                default:
                  return read_time(member, e.timestamp, state);
                }
              });
  return e;
}

void tag_invoke(boost::json::value_from_tag, boost::json::value& out, actor_snapshot const& s) {
  boost::json::object& record = out.emplace_object();
  record["actorId"] = s.actor_id;
  record["version"] = s.version;
  record["state"] = s.state;
  record["timestamp"] = format_time(s.timestamp);
}

actor_snapshot tag_invoke(boost::json::value_to_tag<actor_snapshot>, boost::json::value const& v) {
  namespace field = detail::snapshot_field;
  actor_snapshot s;
  read_record(v, field::specs, errc::malformed_snapshot,
              [&s](std::size_t which, boost::json::value const& member, field_state& state) {
                switch (which) {
                case field::actor_id:
                  return read_id(member, s.actor_id, state, true);
                case field::version:
                  return read_version(member, s.version, state);
                case field::state:
                  return read_object(member, s.state, state);
                default:
                  return read_time(member, s.timestamp, state);
                }
              });
  return s;
}

} // namespace aether
