// What is wrong in a stream, found while its events go by in their order.
#pragma once

#include "cli/row.hpp"

#include <aether/nats/jetstream_config.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace aether::cli {

enum class finding_kind {
  malformed_event,  ///< a message that is no event
  actor_mismatch,   ///< an event on another actor's subject
  version_order,    ///< a version not greater than that of an event before it
  gap,              ///< contiguous: a version is missing
  deleted_messages, ///< sequences without a message between the first and the last
};

struct finding {
  finding_kind kind = finding_kind::malformed_event;
  std::uint64_t sequence = 0; ///< 0: of no message
  std::string actor;
  std::int64_t version = 0;
  std::string reason;
  std::optional<std::string> raw; ///< of a message that is no event

  finding() = default;
};

row finding_row(finding const& f);

struct check_options {
  bool contiguous = false;
  bool may_begin_anywhere = true; ///< events may have expired: the first one left of an actor has any version
  nats::subject_encoding encoding = nats::subject_encoding::percent;
};

/// Keeps the last version of each actor, and nothing else.
class stream_check {
public:
  explicit stream_check(check_options options) : options_(options) {}

  std::optional<finding> on_event(recorded_event const& e);
  finding on_error(replay_error const& bad);
  /// `deleted`: as the server counts them.
  std::optional<finding> on_deleted(std::uint64_t deleted);

  std::uint64_t events() const noexcept { return events_; }
  std::size_t actors() const noexcept { return actors_.size(); }
  std::uint64_t findings() const noexcept { return findings_; }

private:
  struct seen {
    std::string actor_id; ///< where two can meet on a subject; else empty
    std::int64_t version = 0;
  };

  std::optional<finding> judge(recorded_event const& e);

  check_options const options_;
  std::unordered_map<std::string, seen> actors_; // by what their subjects have of them
  std::uint64_t events_ = 0;
  std::uint64_t findings_ = 0;
};

/// How it ended: for people a sentence, for programs `{"kind":"summary",…}`.
std::string summary_text(stream_check const& c);
row summary_row(stream_check const& c);

} // namespace aether::cli
