// What is wrong in a stream, found while its events go by in their order.
#include "cli/stream_check.hpp"

#include "cli/event_rows.hpp"
#include "detail/utf8.hpp"
#include "nats/subjects.hpp"

#include <aether/json.hpp>

namespace aether::cli {

using aether::detail::quoted;

namespace {

std::string_view name_of(finding_kind kind) {
  switch (kind) {
  case finding_kind::malformed_event:
    return "malformed_event";
  case finding_kind::actor_mismatch:
    return "actor_mismatch";
  case finding_kind::version_order:
    return "version_order";
  case finding_kind::gap:
    return "gap";
  case finding_kind::deleted_messages:
    return "deleted_messages";
  }
  return "?";
}

finding found_in(recorded_event const& e, finding_kind kind, std::string reason) {
  finding f;
  f.kind = kind;
  f.sequence = e.sequence;
  f.actor = e.event.actor_id;
  f.version = e.event.version;
  f.reason = std::move(reason);
  return f;
}

} // namespace

row finding_row(finding const& f) {
  row r;
  r.text("kind", "FINDING", name_of(f.kind));
  if (f.sequence != 0)
    r.count("sequence", "SEQUENCE", f.sequence);
  else
    r.nothing("SEQUENCE");
  if (!f.actor.empty())
    r.text("actor", "ACTOR", f.actor);
  else
    r.nothing("ACTOR");
  if (f.version != 0)
    r.number("version", "VERSION", f.version);
  else
    r.nothing("VERSION");
  r.text("reason", "REASON", f.reason);
  if (f.raw)
    add_raw(r, *f.raw);
  return r.bad();
}

std::optional<finding> stream_check::on_event(recorded_event const& e) {
  ++events_;
  auto out = judge(e);
  findings_ += out ? 1 : 0;
  return out;
}

std::optional<finding> stream_check::judge(recorded_event const& e) {
  bool const can_meet = options_.encoding == nats::subject_encoding::underscore;
  std::string key;
  if (!can_meet || !nats::detail::append_underscore(key, e.event.actor_id))
    key = e.event.actor_id;
  auto const [at, is_new] = actors_.try_emplace(std::move(key));
  auto& known = at->second;
  if (is_new && can_meet)
    known.actor_id = e.event.actor_id;
  if (can_meet && known.actor_id != e.event.actor_id)
    return found_in(e, finding_kind::actor_mismatch, "the subject is that of actor " + quoted(known.actor_id) + " too");
  auto const version = e.event.version;
  auto const before = known.version;
  if (!is_new && version <= before)
    return found_in(e, finding_kind::version_order,
                    "version " + std::to_string(version) + " stands behind version " + std::to_string(before));
  known.version = version;
  if (!options_.contiguous || version == before + 1 || (is_new && options_.may_begin_anywhere))
    return std::nullopt;
  return found_in(e, finding_kind::gap,
                  "version " + std::to_string(version) +
                      (is_new ? std::string(" is the first") : " stands behind version " + std::to_string(before)));
}

finding stream_check::on_error(replay_error const& bad) {
  ++findings_;
  finding f;
  f.sequence = bad.sequence;
  f.reason = bad.reason;
  f.raw = bad.raw_data;
  event e;
  parse_error why;
  // What is an event by itself stands where it does not belong.
  if (parse_event(bad.raw_data, e, why)) {
    f.kind = finding_kind::actor_mismatch;
    f.actor = e.actor_id;
    f.version = e.version;
  }
  return f;
}

std::optional<finding> stream_check::on_deleted(std::uint64_t deleted) {
  if (deleted == 0)
    return std::nullopt;
  ++findings_;
  finding f;
  f.kind = finding_kind::deleted_messages;
  f.reason = std::to_string(deleted) + " messages between the first and the last are gone";
  return f;
}

std::string summary_text(stream_check const& c) {
  std::string out = std::to_string(c.events()) + " events of " + std::to_string(c.actors()) + " actors: ";
  return out + (c.findings() == 0 ? std::string("nothing was found") : std::to_string(c.findings()) + " findings");
}

row summary_row(stream_check const& c) {
  row r;
  r.member("kind", "\"summary\"").member("events", std::to_string(c.events()));
  r.member("actors", std::to_string(c.actors())).member("findings", std::to_string(c.findings()));
  return r;
}

} // namespace aether::cli
