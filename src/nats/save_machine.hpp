// Decides how one save goes on and how it ends: a pure state machine, fed with answers, told what to do next.
#pragma once

#include <aether/event_store.hpp>

#include <cstdint>
#include <optional>

namespace aether::nats::detail {

/// What an actor's subject holds, as a read of the leader or the cache tells it.
struct subject_state {
  std::uint64_t last_sequence = 0; ///< of the last message on the subject, well-formed or not; 0: none
  std::int64_t version = 0;        ///< the actor's current version; 0: no well-formed event
  bool is_this_event = false;      ///< the event of that version is the one to save (never for a batch)
  std::uint64_t event_sequence = 0; ///< of the event of that version
};

/// One stored message, seen from the save.
struct seen_message {
  std::uint64_t sequence = 0;
  std::optional<std::int64_t> version{}; ///< none: malformed
  bool is_this_event = false;          ///< actor, version and id are equal (a batch: to its first event)
  bool has_our_id = false;             ///< the event id is equal, whatever else (a batch: of its first event)
  bool has_our_batch_id = false;       ///< stored by an attempt of this save, here or remembered
};

/// An answer to a publish, as far as the decision needs it. The shell maps codes to these.
enum class publish_answer {
  stored,          ///< acknowledged: sequence
  duplicate,       ///< acknowledged as duplicate of `sequence` (0: of nothing)
  wrong_last,      ///< 10071 or 10164: refused, this attempt is dead where one server leads
  id_refused,      ///< 10158, or 10201 of a batch: refused for its id, dead likewise
  try_again,       ///< 10163, 10167, 429, 503 with a code: refused for now; counts as unanswered
  rejected,        ///< any other error answer: dead, `error` says why
  unanswered,      ///< timeout, connection lost, no responders: may have been stored
  not_handed_over, ///< the connection was down: nothing was sent
};

enum class save_do {
  read_last,        ///< the subject's state from the leader → on_last
  read_first_after, ///< the first message after `sequence` on the subject → on_first_after
  read_at,          ///< the message at `sequence`, of whatever subject → on_read_at
  read_deciding,    ///< the first well-formed event whose version is not smaller than ours → on_deciding
  read_batch,       ///< which of the batch's events are stored → on_batch
  publish,          ///< expecting `sequence`, with the plain or a suffixed id → on_published
  wait_connected,   ///< → on_ready
  pause,            ///< a short growing pause, `pauses` so far → on_ready
  finish,           ///< see `end`
};

enum class save_end { saved, conflict, unknown, failed };

struct save_step {
  save_do what = save_do::finish;
  std::uint64_t sequence = 0;
  bool suffixed_id = false;  ///< of publish
  unsigned pauses = 0;       ///< of pause: how many this save made before
  // of finish
  save_end end = save_end::failed;
  saved success{};
  bool stored_here = false;         ///< of saved: by an attempt of this call, or by a remembered one
  std::int64_t current_version = 0; ///< of conflict
  boost::system::error_code error{}; ///< of failed
};

struct save_request {
  std::int64_t first_version = 0; ///< of the event, or of the batch's first
  std::int64_t last_version = 0;  ///< equal for a single event
  std::size_t count = 1;
  std::optional<std::int64_t> expected_version{};
  version_policy policy = version_policy::increasing;
  /// The stream has copies, or may have while it moves: for seconds two servers may each take itself for its leader,
  /// one publish reaches both, one refuses it and the other stores it. Only what stands after S tells then that a
  /// refused attempt is dead.
  bool replicated = false;
  bool is_batch() const noexcept { return count > 1; }
};

/// What the store remembers of earlier attempts at this event that went unanswered.
struct remembered_attempt {
  std::uint64_t sequence = 0; ///< S: the highest expectation among them
};

/// The rules are section 6 of the design notes in docs/; the tests hold them row by row.
class save_machine {
public:
  explicit save_machine(save_request request) : request_(request) {}

  /// `cached`: what the cache knows; `remembered`: unanswered attempts of this event; `forgetful`: the store once
  /// dropped a remembered attempt for space, so that a conflict from a version alone must be verified.
  save_step start(std::optional<subject_state> cached, std::optional<remembered_attempt> remembered, bool forgetful);

  save_step on_last(subject_state state);
  save_step on_first_after(std::optional<seen_message> message);
  save_step on_read_at(std::optional<seen_message> message);
  save_step on_deciding(std::optional<seen_message> message);
  save_step on_batch(std::size_t found, std::uint64_t last_sequence);
  save_step on_published(publish_answer answer, std::uint64_t sequence, boost::system::error_code error);
  save_step on_ready();
  /// The read asked for got no answer: wait for the connection and ask again.
  save_step on_read_unanswered();
  /// The read asked for was answered with an error.
  save_step on_read_failed(boost::system::error_code error);
  /// The deadline passed, or the caller gave up, at any point. A publish asked for and not answered counts as handed
  /// over; tell on_published(not_handed_over) first when it was not.
  save_step on_out_of_time();

  /// True while an attempt (of this call or a remembered one) may be stored and is not resolved. When the save
  /// ends like this, the store remembers `open_sequence()`; else it forgets the event's attempts.
  bool has_open_attempt() const noexcept { return open_; }
  /// It has said how the save ended.
  bool has_ended() const noexcept { return step_.what == save_do::finish && step_.end != save_end::failed; }
  std::uint64_t open_sequence() const noexcept { return sequence_; }
  /// What the subject holds as far as this save learned: for the cache. None: drop the entry.
  std::optional<subject_state> const& learned() const noexcept { return learned_; }

private:
  save_step emit(save_step step);
  save_step ask(save_do what, std::uint64_t sequence = 0);
  save_step wait_and_repeat();
  save_step pause_then(save_step next);
  save_step resolve();
  save_step decide();
  save_step version_taken();
  save_step publish();
  save_step refuse_id();
  save_step left_open();
  void keep_open();
  save_step nothing_after();
  save_step all_dead();
  save_step end_saved(std::uint64_t sequence, bool already_saved);
  save_step end_conflict(std::int64_t current_version);
  save_step end_failed(boost::system::error_code error);

  save_request request_;
  save_step step_;                       // the last one given out
  save_step next_;                       // what on_ready() goes on with
  std::optional<subject_state> state_;   // what the next publish stands on, its version checked by this call
  std::optional<subject_state> learned_;
  std::uint64_t sequence_ = 0;           // S: the highest expectation among the open attempts, or the last one
  unsigned pauses_ = 0;
  unsigned asked_again_ = 0;             // since the last publish
  bool open_ = false;                    // an attempt may be stored: one of this call or a remembered one
  bool own_open_ = false;                // the same, of this call only, and not refused by anybody
  bool remembered_open_ = false;         // the same, of an earlier call of this store
  bool attempted_ = false;               // there ever was an attempt: this event may stand below others
  bool forgetful_ = false;
  bool read_last_next_ = false;          // nothing found after S does not prove that S is still the last
  bool resolving_ = false;               // read_last follows a question about S that found nothing
  bool expiring_ = false;                // our batch was found, without its first message
  bool passed_ = false;                  // the message that stands where ours would has a version not smaller
  bool rest_ = false;                    // pause before the next publish
  bool repeating_ = false;               // wait_connected, then a pause, then the same once more
  bool suffixed_ = false;                // the server refused the plain id
  bool id_taken_ = false;                // the server holds another event under our id
};

} // namespace aether::nats::detail
