// Steps and answers of a save as text and as short words, and tables of them: one row is one scripted conversation.
#pragma once

#include "nats/save_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace save_script {

using namespace aether::nats::detail;
using aether::version_policy;

inline std::string text(save_step const& step) {
  auto const number = [](auto n) { return std::to_string(n); };
  switch (step.what) {
  case save_do::read_last:
    return "read last";
  case save_do::read_first_after:
    return "read first after " + number(step.sequence);
  case save_do::read_at:
    return "read at " + number(step.sequence);
  case save_do::read_deciding:
    return "read deciding";
  case save_do::read_batch:
    return "read batch";
  case save_do::publish:
    return "publish on " + number(step.sequence) + (step.suffixed_id ? ", suffixed" : "");
  case save_do::wait_connected:
    return "wait";
  case save_do::pause:
    return "pause " + number(step.pauses);
  case save_do::finish:
    break;
  }
  switch (step.end) {
  case save_end::saved:
    return (step.success.already_saved ? "already saved " : "saved ") + number(step.success.version) + " at " +
           number(step.success.sequence);
  case save_end::conflict:
    return "conflict with " + number(step.current_version);
  case save_end::unknown:
    return "unknown";
  case save_end::failed:
    break;
  }
  for (auto const code : {aether::errc::timed_out, aether::errc::duplicate_event_id, aether::errc::storage_full,
                          aether::errc::permission_denied})
    if (step.error == code)
      return code == aether::errc::timed_out            ? "failed: timed out"
             : code == aether::errc::duplicate_event_id ? "failed: duplicate id"
             : code == aether::errc::storage_full       ? "failed: storage full"
                                                        : "failed: permission";
  return "failed: " + step.error.message();
}

/// What the shell tells the machine.
using answer = std::function<save_step(save_machine&)>;

inline subject_state holds(std::uint64_t last_sequence, std::int64_t version) {
  return {.last_sequence = last_sequence, .version = version, .event_sequence = last_sequence};
}
inline subject_state ours_is_last(std::uint64_t sequence, std::int64_t version) {
  return {.last_sequence = sequence, .version = version, .is_this_event = true, .event_sequence = sequence};
}
inline seen_message ours(std::uint64_t sequence, std::int64_t version) {
  return {.sequence = sequence, .version = version, .is_this_event = true, .has_our_id = true};
}
inline seen_message another(std::uint64_t sequence, std::int64_t version) {
  return {.sequence = sequence, .version = version};
}
inline seen_message malformed(std::uint64_t sequence) { return {.sequence = sequence}; }
inline seen_message our_id_elsewhere(std::uint64_t sequence, std::int64_t version) {
  return {.sequence = sequence, .version = version, .has_our_id = true};
}
inline seen_message our_batch(std::uint64_t sequence, std::int64_t version) {
  return {
      .sequence = sequence, .version = version, .is_this_event = true, .has_our_id = true, .has_our_batch_id = true};
}

inline answer start(std::optional<subject_state> cached = {}, std::optional<std::uint64_t> remembered = {},
                    bool forgetful = false) {
  std::optional<remembered_attempt> attempt;
  if (remembered)
    attempt = remembered_attempt{*remembered};
  return [=](save_machine& m) { return m.start(cached, attempt, forgetful); };
}
inline answer start_forgetful(subject_state cached) { return start(cached, {}, true); }
inline answer start_remembering(std::uint64_t sequence, std::optional<subject_state> cached = {}) {
  return start(cached, sequence);
}
inline answer last(subject_state state) {
  return [=](save_machine& m) { return m.on_last(state); };
}
inline answer empty_subject() { return last({}); }
inline answer first_after(std::optional<seen_message> message) {
  return [=](save_machine& m) { return m.on_first_after(message); };
}
inline answer nothing_after() { return first_after(std::nullopt); }
inline answer at(std::optional<seen_message> message) {
  return [=](save_machine& m) { return m.on_read_at(message); };
}
inline answer deciding(std::optional<seen_message> message) {
  return [=](save_machine& m) { return m.on_deciding(message); };
}
inline answer batch_found(std::size_t found, std::uint64_t last_sequence = 0) {
  return [=](save_machine& m) { return m.on_batch(found, last_sequence); };
}
inline answer told(publish_answer a, std::uint64_t sequence = 0, boost::system::error_code error = {}) {
  return [=](save_machine& m) { return m.on_published(a, sequence, error); };
}
inline answer stored(std::uint64_t sequence) { return told(publish_answer::stored, sequence); }
inline answer duplicate_of(std::uint64_t sequence) { return told(publish_answer::duplicate, sequence); }
inline answer wrong_last() { return told(publish_answer::wrong_last); }
inline answer id_refused() { return told(publish_answer::id_refused); }
inline answer try_again() { return told(publish_answer::try_again); }
inline answer unanswered() { return told(publish_answer::unanswered); }
inline answer not_handed_over() { return told(publish_answer::not_handed_over); }
inline answer rejected(aether::errc e) { return told(publish_answer::rejected, 0, make_error_code(e)); }
inline answer ready() {
  return [](save_machine& m) { return m.on_ready(); };
}
inline answer read_unanswered() {
  return [](save_machine& m) { return m.on_read_unanswered(); };
}
inline answer read_failed(aether::errc e) {
  return [=](save_machine& m) { return m.on_read_failed(make_error_code(e)); };
}
inline answer out_of_time() {
  return [](save_machine& m) { return m.on_out_of_time(); };
}

struct line {
  answer tell;
  std::string expect;
};

/// One rule. The event to save has version 4; where a cache knows the actor, it is at version 3, sequence 7.
struct row {
  std::string rule;
  save_request request;
  std::vector<line> lines;
  std::optional<std::uint64_t> still_open{}; ///< the sequence to remember when the save ended
};

inline save_request single(std::int64_t version = 4) { return {.first_version = version, .last_version = version}; }
inline save_request replicated() { return {.first_version = 4, .last_version = 4, .replicated = true}; }
inline save_request expecting(std::int64_t expected) {
  return {.first_version = 4, .last_version = 4, .expected_version = expected};
}
inline save_request contiguous(std::int64_t version = 4) {
  return {.first_version = version, .last_version = version, .policy = version_policy::contiguous};
}
/// Versions 4, 5, 6.
inline save_request batch() { return {.first_version = 4, .last_version = 6, .count = 3}; }

inline subject_state const at_three = holds(7, 3);

inline void check(std::vector<row> const& rows) {
  for (auto const& r : rows) {
    BOOST_TEST_CONTEXT(r.rule) {
      save_machine machine(r.request);
      save_step step;
      for (std::size_t i = 0; i != r.lines.size(); ++i) {
        step = r.lines[i].tell(machine);
        BOOST_TEST_CONTEXT("answer " << i) { BOOST_TEST_REQUIRE(text(step) == r.lines[i].expect); }
      }
      BOOST_TEST((step.what == save_do::finish));
      BOOST_TEST(machine.has_open_attempt() == r.still_open.has_value());
      if (r.still_open)
        BOOST_TEST(machine.open_sequence() == *r.still_open);
    }
  }
}

} // namespace save_script
