// The records of a JetStream store.
#include "nats/store_log.hpp"

#include "nats/server_version.hpp"

#include <chrono>
#include <string>

namespace aether::nats::detail {

using aether::detail::log_at;

namespace {

std::string_view name_of(dead_letter_cause cause) noexcept {
  switch (cause) {
  case dead_letter_cause::max_attempts:
    return "max_attempts";
  case dead_letter_cause::rejected:
    return "rejected";
  case dead_letter_cause::malformed:
    break;
  }
  return "malformed";
}

std::string text_of(server_version const& v) {
  return std::to_string(v.major) + '.' + std::to_string(v.minor) + '.' + std::to_string(v.patch);
}

} // namespace

std::optional<std::uint64_t> store_log::shared_throttle::take() noexcept {
  std::lock_guard lock(mutex_);
  return throttle_.take(std::chrono::steady_clock::now());
}

void store_log::opened(server_facts const& server, int replicas, std::vector<weakened_setting> const& weakened) const {
  if (log_at const log{to_, log_level::info}) {
    std::string version = "not told";
    if (server.version)
      version = text_of(*server.version);
    log("the store was opened",
        {{"stream", stream_}, {"server_version", version}, {"api_level", server.api_level}, {"replicas", replicas}});
  }
  for (auto const& setting : weakened)
    if (log_at const log{to_, log_level::warning})
      log("a setting of the stream is weaker than asked for",
          {{"stream", stream_}, {"setting", setting.setting}, {"wanted", setting.wanted}, {"actual", setting.actual}});
}

void store_log::ended_unknown(unknown_save const& save) const noexcept {
  if (log_at const log{to_, log_level::warning})
    log("a save ended unknown",
        {{"stream", stream_}, {"actor_id", save.actor_id}, {"event_id", save.event_id}, {"version", save.version}});
}

void store_log::resolved(unknown_save const& save, bool stored) const noexcept {
  if (log_at const log{to_, log_level::info})
    log("an unknown save was resolved", {{"stream", stream_},
                                         {"actor_id", save.actor_id},
                                         {"event_id", save.event_id},
                                         {"version", save.version},
                                         {"stored", stored}});
}

void store_log::dropped(unknown_save const& attempt) noexcept {
  log_at const log{to_, log_level::warning};
  if (!log)
    return;
  if (auto const left_out = dropped_.take())
    log("a remembered attempt was dropped for space", {{"stream", stream_},
                                                       {"actor_id", attempt.actor_id},
                                                       {"event_id", attempt.event_id},
                                                       {"version", attempt.version},
                                                       {"left_out", *left_out}});
}

void store_log::duplicate_id(unknown_save const& save) const noexcept {
  if (log_at const log{to_, log_level::error})
    log("an event id was used for two events",
        {{"stream", stream_}, {"actor_id", save.actor_id}, {"event_id", save.event_id}, {"version", save.version}});
}

void store_log::malformed(std::uint64_t sequence, boost::system::error_code cause) noexcept {
  log_at const log{to_, log_level::warning};
  if (!log)
    return;
  char text[160];
  if (auto const left_out = malformed_.take())
    log("a stored message is malformed", {{"stream", stream_},
                                          {"sequence", sequence},
                                          {"error", cause.message(text, sizeof text)},
                                          {"left_out", *left_out}});
}

void store_log::consumer_renewed(std::uint64_t from) const noexcept {
  if (log_at const log{to_, log_level::debug})
    log("a reading consumer is made anew", {{"stream", stream_}, {"from", from}});
}

void store_log::dead_letter(std::string_view group, std::uint64_t sequence,
                            dead_letter_note const& note) const noexcept {
  if (log_at const log{to_, log_level::warning})
    log("a group gave up on an event", {{"stream", stream_},
                                        {"group", group},
                                        {"sequence", sequence},
                                        {"cause", name_of(note.cause)},
                                        {"attempts", note.attempts}});
}

} // namespace aether::nats::detail
