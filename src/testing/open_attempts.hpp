// What a store remembers of saves that went unanswered, and how an answer is told in the light of it.
#pragma once

#include <aether/event_store.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace aether::testing::detail {

/// One call of save_event or save_events.
struct save_request {
  std::vector<event> events; // not empty, of one actor, versions increasing
  save_options options;
  bool batch = false;

  save_request() = default;

  std::string const& actor_id() const { return events.front().actor_id; }
  std::int64_t first_version() const { return events.front().version; }
};

/// Whether an attempt could be stored on an actor at this version: else nothing is handed over, and the store says why.
bool stands(save_request const& request, std::int64_t current) noexcept;

/// How to tell the caller what the store behind answered.
enum class told {
  as_answered,
  unknown, ///< an earlier attempt may still be stored: outcome_unknown
};

/// Each event of an attempt is remembered by actor, version and id: from the moment it is handed over, as what comes
/// after can end at any point. Not thread-safe.
class open_attempts {
public:
  /// An attempt is under way that can be stored only as the first event after version `base`.
  void hand_over(save_request const& request, std::int64_t base);
  /// It ended without an answer, or with one. Either follows every hand_over().
  void lost(save_request const& request);
  void answered(save_request const& request);

  /// The store behind is known to hold the events: what an answer that was lost had said.
  void was_stored(save_request const& request, saved const& as);
  /// What that was, when all of the request's events are open and were stored as one.
  std::optional<saved> known(save_request const& request) const;

  /// An attempt of one of these events is under way or went unanswered.
  bool is_open(save_request const& request) const;

  /// How an answer is told. One that tells everything closes the events.
  told tell(save_request const& request, save_outcome const& answer);
  told tell_error(save_request const& request) const;

  std::vector<unknown_save> all() const;

private:
  struct attempt {
    std::int64_t base = 0;
    std::optional<std::int64_t> expected;

    friend bool operator==(attempt const&, attempt const&) = default;
  };
  struct entry {
    int under_way = 0;
    bool unanswered = false;
    std::vector<attempt> attempts; // each once
    std::optional<saved> stored; // of the attempt's last event
    std::int64_t stored_from = 0; // version of its first one
  };
  using key = std::tuple<std::string, std::int64_t, std::string>;

  static key key_of(event const& e) { return {e.actor_id, e.version, e.id}; }
  entry const* find(event const& e) const;
  void end(save_request const& request, bool unanswered);
  void close(save_request const& request);
  bool may_be_stored_at(save_request const& request, std::int64_t current) const;

  std::map<key, entry> entries_;
};

} // namespace aether::testing::detail
