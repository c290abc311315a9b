// Making events, and the type that an actor's id begins with.
#include <aether/event.hpp>

#include <utility>

namespace aether {

event make_event(std::string event_type, std::string actor_id, std::int64_t version, boost::json::object data) {
  event e;
  e.id = make_uuid();
  e.event_type = std::move(event_type);
  e.actor_id = std::move(actor_id);
  e.version = version;
  e.data = std::move(data);
  e.timestamp = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  return e;
}

event make_event(event const& cause, std::string event_type, std::string actor_id, std::int64_t version,
                 boost::json::object data) {
  event e = make_event(std::move(event_type), std::move(actor_id), version, std::move(data));
  e.metadata.caused_by(cause);
  return e;
}

std::string_view actor_type(std::string_view actor_id) noexcept {
  std::size_t const dash = actor_id.find('-', 1);
  return dash == std::string_view::npos ? std::string_view("unknown") : actor_id.substr(0, dash);
}

} // namespace aether
