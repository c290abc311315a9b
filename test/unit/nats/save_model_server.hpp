// A small simulated JetStream server: just what decides whether a save is stored, in the orders different servers use.
#pragma once

#include "nats/save_machine.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace save_model {

using namespace aether::nats::detail;

/// In which order message id and expectation are checked, and whether writes are proposed to replicas first.
enum class server_kind {
  dedupe_first,               ///< one replica, before 2.12
  expectation_first,          ///< one replica, 2.12 and later
  replicas_dedupe_first,      ///< three replicas, 2.11 and later: 10158 and 10164
  replicas_expectation_first, ///< three replicas, 2.10: duplicate of sequence 0
};

/// An event, or a batch of `count` events with consecutive versions and ids.
struct model_event {
  int subject = 0;
  std::int64_t version = 0;
  int id = 0;
  int count = 1;
  friend bool operator==(model_event const&, model_event const&) = default;
};

struct message {
  std::uint64_t sequence = 0;
  int subject = 0;
  std::int64_t version = 0; ///< 0: malformed
  int id = 0;
  int attempt = -1; ///< -1: of a foreign writer
  int stored_at = 0;
  int removed_at = INT_MAX;
};

struct request {
  int attempt = 0;
  save_request demand;
  model_event event;
  std::uint64_t expected = 0;
  int message_id = 0; ///< 0: none
  int knows_since = 0; ///< the oldest state that the save which sent it has seen
};

struct reply {
  publish_answer answer = publish_answer::unanswered;
  std::uint64_t sequence = 0;
};

class model_server {
public:
  explicit model_server(server_kind kind) : kind_(kind) {}

  bool replicated() const {
    return kind_ == server_kind::replicas_dedupe_first || kind_ == server_kind::replicas_expectation_first;
  }
  bool write_in_flight(int subject) const {
    return std::ranges::any_of(proposed, [&](auto const& p) { return p.event.subject == subject; });
  }

  /// Nothing: the write was proposed, and is answered once it is applied.
  std::optional<reply> process(request const& r) {
    bool const id_first = kind_ == server_kind::dedupe_first || kind_ == server_kind::replicas_dedupe_first;
    if (id_first)
      if (auto const refused = check_id(r))
        return refused;
    if (write_in_flight(r.event.subject) || last_sequence(r.event.subject) != r.expected)
      return reply{publish_answer::wrong_last};
    if (!id_first)
      if (auto const refused = check_id(r))
        return refused;
    if (!replicated())
      return reply{publish_answer::stored, store(r)};
    proposed.push_back(r);
    return std::nullopt;
  }

  std::uint64_t store(request const& r) {
    for (int i = 0; i != r.event.count; ++i)
      append(r.event.subject, r.event.version + i, r.event.id + i, r.attempt);
    if (r.message_id != 0)
      ids[r.message_id] = next_sequence - 1;
    return next_sequence - 1;
  }

  void append(int subject, std::int64_t version, int id, int attempt) {
    log.push_back({next_sequence++, subject, version, id, attempt, now});
  }

  // What the log held at some time.

  std::uint64_t last_sequence(int subject) const { return last(subject, now).last_sequence; }

  subject_state last(int subject, int time, int* id = nullptr) const {
    subject_state state;
    for (auto const& m : log)
      if (m.subject == subject && held(m, time)) {
        state.last_sequence = m.sequence;
        if (m.version > state.version) {
          state.version = m.version;
          state.event_sequence = m.sequence;
          if (id)
            *id = m.id;
        }
      }
    return state;
  }

  template <class Pred> message const* find(int time, Pred pred) const {
    for (auto const& m : log)
      if (held(m, time) && pred(m))
        return &m;
    return nullptr;
  }

  static bool held(message const& m, int time) { return m.stored_at <= time && time < m.removed_at; }

  int now = 0;
  std::uint64_t next_sequence = 1;
  std::vector<message> log;           ///< everything ever stored, in order
  std::vector<request> proposed;
  std::map<int, std::uint64_t> ids;   ///< message id → sequence; 0: staged, not applied

private:
  std::optional<reply> check_id(request const& r) {
    if (r.message_id == 0)
      return std::nullopt;
    auto const [known, is_new] = ids.try_emplace(r.message_id, 0);
    if (is_new) {
      if (!replicated())
        ids.erase(known); // one replica notes an id when the message is stored
      return std::nullopt;
    }
    if (known->second == 0 && kind_ == server_kind::replicas_dedupe_first)
      return reply{publish_answer::id_refused};
    return reply{publish_answer::duplicate, known->second};
  }

  server_kind kind_;
};

} // namespace save_model
