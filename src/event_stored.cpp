// Writing and reading an EventStored.
#include <aether/event_stored.hpp>

namespace aether {
namespace {

bool read_text(boost::json::object const& data, std::string_view name, std::string& into) {
  auto const* value = data.if_contains(name);
  auto const* text = value != nullptr ? value->if_string() : nullptr;
  if (text != nullptr)
    into.assign(text->data(), text->size());
  return text != nullptr;
}

std::optional<std::int64_t> number_of(boost::json::object const& data, std::string_view name) {
  auto const* value = data.if_contains(name);
  if (value == nullptr || !value->is_number())
    return {};
  boost::system::error_code inexact;
  auto const number = value->to_number<std::int64_t>(inexact);
  if (inexact)
    return {};
  return number;
}

} // namespace

event make_event_stored(event const& stored) {
  auto const seconds = std::chrono::floor<std::chrono::seconds>(stored.timestamp).time_since_epoch().count();
  boost::json::object data;
  data.reserve(4);
  data["eventId"] = stored.id;
  data["actorId"] = stored.actor_id;
  data["version"] = stored.version;
  data["timestamp"] = seconds;
  return make_event(stored, std::string(event_stored_type), stored.actor_id, stored.version, std::move(data));
}

std::optional<event_stored> as_event_stored(event const& e) {
  std::optional<event_stored> out;
  if (e.event_type != event_stored_type)
    return out;
  auto& told = out.emplace();
  auto const version = number_of(e.data, "version");
  auto const seconds = number_of(e.data, "timestamp");
  if (version && seconds && read_text(e.data, "eventId", told.event_id) &&
      read_text(e.data, "actorId", told.actor_id)) {
    told.version = *version;
    told.timestamp = std::chrono::sys_seconds(std::chrono::seconds(*seconds));
  } else {
    out.reset();
  }
  return out;
}

} // namespace aether
