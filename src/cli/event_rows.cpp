// Streams, actors and events as rows.
#include "cli/event_rows.hpp"

#include "detail/utf8.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

namespace aether::cli {

using nats::detail::record_state;

namespace {

/// Of a message from outside, so much is shown to people.
constexpr std::size_t shown_raw_bytes = 200;

std::string shown_raw(std::string_view bytes) {
  auto out = shown(bytes.substr(0, shown_raw_bytes));
  if (bytes.size() > shown_raw_bytes)
    out += " … (" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

} // namespace

row stream_row(nats::detail::listed_stream const& s) {
  row r;
  r.text("name", "STREAM", s.name);
  if (s.has_record == record_state::read) {
    r.text("namespace", "NAMESPACE", s.record.name_space);
    r.text("stream", "NAME", s.record.stream_name);
    r.member("recorded", "true");
  } else {
    r.nothing("NAMESPACE").nothing("NAME").member("recorded", "false");
  }
  r.count("messages", "MESSAGES", s.messages);
  r.member("bytes", std::to_string(s.bytes)).cell("SIZE", shown_bytes(s.bytes), true);
  r.count("subjects", "SUBJECTS", s.subjects);
  r.number("replicas", "REPLICAS", s.replicas);
  r.member("created", json_time(s.created));
  r.time("lastTime", "LAST MESSAGE", s.last_time);
  return r;
}

row actor_row(listed_actor const& actor, std::optional<event> const& last) {
  row r;
  r.text("actor", "ACTOR", actor.actor_id);
  r.text("type", "TYPE", actor_type(actor.actor_id));
  r.count("messages", "MESSAGES", actor.events);
  r.number("version", "VERSION", last ? last->version : 0);
  if (last) {
    r.text("lastType", "LAST EVENT", last->event_type);
    r.time("lastTime", "TIME", last->timestamp);
  } else {
    r.member("lastType", "null").cell("LAST EVENT", "no event can be read").member("lastTime", "null").nothing("TIME");
    r.bad();
  }
  return r;
}

row event_row(recorded_event const& e, bool with_actor) {
  row r;
  r.count("sequence", "SEQUENCE", e.sequence);
  r.time("stored", "STORED", e.stored);
  if (with_actor)
    r.cell("ACTOR", e.event.actor_id);
  r.cell("VERSION", std::to_string(e.event.version), true);
  r.cell("EVENT", e.event.event_type);
  r.cell("DATA", boost::json::serialize(e.event.data));
  r.member("event", to_json(e.event));
  if (with_actor)
    r.member("position", json_text(e.position().to_text()));
  return r;
}

row malformed_row(replay_error const& bad, bool with_actor) {
  row r;
  r.count("sequence", "SEQUENCE", bad.sequence);
  r.nothing("STORED");
  if (with_actor)
    r.nothing("ACTOR");
  r.nothing("VERSION");
  r.text("error", "EVENT", error_name(bad.error));
  r.member("reason", json_text(bad.reason));
  r.cell("DATA", bad.reason + "; the message: " + shown_raw(bad.raw_data));
  add_raw(r, bad.raw_data);
  return r.bad();
}

void add_raw(row& r, std::string_view bytes) {
  if (aether::detail::valid_utf8(bytes))
    r.member("raw", json_text(bytes));
  else
    r.member("rawBase64", json_text(base64(bytes)));
}

std::string error_name(boost::system::error_code const& code) {
  if (code == errc::malformed_event)
    return "malformed_event";
  if (code == errc::version_order)
    return "version_order";
  if (code == errc::actor_mismatch)
    return "actor_mismatch";
  return code.message();
}

} // namespace aether::cli
