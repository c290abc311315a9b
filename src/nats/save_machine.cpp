// The decisions of one save: what each answer means, what is asked next, and how it ends.
#include "nats/save_machine.hpp"

#include "version_rules.hpp"

#include <algorithm>
#include <utility>

namespace aether::nats::detail {

namespace {

bool fits(save_request const& request, std::int64_t current) {
  aether::detail::version_demand const demand{.policy = request.policy, .expected = request.expected_version};
  return aether::detail::decide_version(current, demand, request.first_version) == aether::detail::version_verdict::ok;
}

} // namespace

save_step save_machine::start(std::optional<subject_state> cached, std::optional<remembered_attempt> remembered,
                              bool forgetful) {
  learned_ = cached;
  forgetful_ = forgetful;
  if (remembered) {
    open_ = remembered_open_ = attempted_ = true;
    sequence_ = remembered->sequence;
    return resolve();
  }
  if (!cached)
    return ask(save_do::read_last);
  if (cached->version >= request_.first_version) {
    // Whether a whole batch is there only the leader tells; that another event follows it is known here.
    bool const may_be_stored =
        cached->version == request_.last_version || (forgetful_ && cached->version > request_.last_version);
    if (request_.is_batch() && may_be_stored)
      return ask(save_do::read_last);
    state_ = cached;
    return version_taken();
  }
  if (!fits(request_, cached->version))
    return ask(save_do::read_last); // an expectation is never refused from the cache
  state_ = cached;
  return publish();
}

save_step save_machine::on_last(subject_state state) {
  if ((resolving_ || open_) && state.last_sequence > sequence_) {
    // Something came after S since we asked about it: only the first message there may decide.
    learned_.reset();
    state_.reset();
    auto const again = resolve();
    return asked_again_++ == 0 ? again : pause_then(again);
  }
  state_ = state;
  learned_.reset(); // an empty subject has no message whose age would end the cache entry
  if (state.last_sequence != 0)
    learned_ = state;
  return decide();
}

save_step save_machine::on_first_after(std::optional<seen_message> message) {
  if (!message)
    return nothing_after();
  if (request_.is_batch() && message->has_our_batch_id && !message->is_this_event) {
    // Retention is taking our batch away, its first message is gone: where the last one stands has to be read.
    expiring_ = true;
    return ask(save_do::read_batch);
  }
  if (request_.is_batch() ? message->has_our_batch_id : message->is_this_event)
    return end_saved(message->sequence + request_.count - 1, !own_open_);

  // Another message stands where ours would: no attempt is stored, or ever will be.
  passed_ = message->version >= request_.first_version && !message->is_this_event;
  return all_dead();
}

save_step save_machine::all_dead() {
  open_ = own_open_ = remembered_open_ = resolving_ = expiring_ = false;
  rest_ = true;
  learned_.reset();
  state_.reset();
  return ask(save_do::read_last);
}

save_step save_machine::nothing_after() {
  if (state_ && !read_last_next_)
    return decide();
  resolving_ = true;
  return ask(save_do::read_last);
}

save_step save_machine::on_read_at(std::optional<seen_message> message) {
  if (message && message->is_this_event)
    return end_saved(message->sequence, !own_open_);
  if (message && message->has_our_id) {
    id_taken_ = true;
    read_last_next_ = true;
    return resolve();
  }
  suffixed_ = true;
  return decide();
}

save_step save_machine::on_deciding(std::optional<seen_message> message) {
  if (message && message->is_this_event)
    return end_saved(message->sequence, !own_open_);
  if (message && message->version <= state_->version)
    return end_conflict(state_->version);
  // Retention was faster: what we knew as the current version is gone.
  learned_.reset();
  state_.reset();
  return pause_then({.what = save_do::read_last});
}

save_step save_machine::on_batch(std::size_t found, std::uint64_t last_sequence) {
  if (expiring_ && found == 0)
    return all_dead();
  if (found == request_.count || expiring_)
    return end_saved(last_sequence, !own_open_);
  return end_conflict(state_->version);
}

save_step save_machine::on_published(publish_answer answer, std::uint64_t sequence, boost::system::error_code error) {
  if (answer == publish_answer::not_handed_over)
    return wait_and_repeat();
  attempted_ = true;
  if (answer == publish_answer::stored) {
    learned_.reset();
    return end_saved(sequence, false);
  }
  if (answer == publish_answer::rejected)
    return end_failed(error);
  if (answer == publish_answer::duplicate && sequence != 0 && !request_.is_batch())
    return ask(save_do::read_at, sequence); // each server that could store it knows message N
  if (answer == publish_answer::try_again || answer == publish_answer::unanswered)
    return left_open();
  if (request_.replicated)
    keep_open(); // not as its own: what is found is most likely an earlier attempt's, as everywhere after a refusal
  if (answer != publish_answer::wrong_last) // duplicate of nothing, or id_refused
    return refuse_id();
  rest_ = true;
  read_last_next_ = true;
  return resolve();
}

/// The attempt just made may be stored, or be stored yet.
void save_machine::keep_open() {
  sequence_ = open_ ? std::max(sequence_, step_.sequence) : step_.sequence;
  open_ = true;
}

save_step save_machine::left_open() {
  keep_open();
  own_open_ = true;
  rest_ = true;
  read_last_next_ = false;
  next_ = {.what = save_do::read_first_after, .sequence = sequence_};
  return emit({.what = save_do::wait_connected});
}

save_step save_machine::refuse_id() {
  // Some servers look at the id before the expectation, so that the refusal says nothing about the latter; and an
  // earlier attempt under this id may be stored or in process.
  rest_ = rest_ || suffixed_ || request_.is_batch();
  suffixed_ = true;
  read_last_next_ = true;
  return resolve();
}

save_step save_machine::on_ready() {
  if (!repeating_)
    return emit(next_);
  repeating_ = false;
  return pause_then(next_);
}

save_step save_machine::on_read_unanswered() { return wait_and_repeat(); }

save_step save_machine::on_read_failed(boost::system::error_code error) { return end_failed(error); }

save_step save_machine::on_out_of_time() {
  if (has_ended())
    return step_;
  if (step_.what == save_do::publish)
    left_open();
  return end_failed(make_error_code(errc::timed_out));
}

save_step save_machine::emit(save_step step) {
  step_ = step;
  return step;
}

save_step save_machine::ask(save_do what, std::uint64_t sequence) { return emit({.what = what, .sequence = sequence}); }

/// A server that refuses at once, connected all the while, must not be asked in a tight loop.
save_step save_machine::wait_and_repeat() {
  next_ = step_;
  repeating_ = true;
  return emit({.what = save_do::wait_connected});
}

save_step save_machine::pause_then(save_step next) {
  next_ = next;
  return emit({.what = save_do::pause, .pauses = pauses_++});
}

/// Asks about the attempts: one that expected S can only have become the first message after S.
save_step save_machine::resolve() { return ask(save_do::read_first_after, sequence_); }

/// Goes on from `state_`: published only after its version and the caller's expectation were checked against it.
save_step save_machine::decide() {
  resolving_ = false;
  if (state_->version >= request_.first_version)
    return version_taken();
  if (!fits(request_, state_->version))
    return open_ ? end_failed(make_error_code(errc::outcome_unknown)) : end_conflict(state_->version);
  if (id_taken_)
    return end_failed(make_error_code(errc::duplicate_event_id));
  return publish();
}

save_step save_machine::version_taken() {
  if (!request_.is_batch() && state_->is_this_event)
    return end_saved(state_->event_sequence, !own_open_);
  // Others may have appended after this very event: the first one whose version is not smaller tells.
  bool const latest_batch = request_.is_batch() && state_->version == request_.last_version;
  bool const below_others = state_->version >= request_.last_version && (attempted_ || forgetful_);
  if (!passed_ && (latest_batch || below_others))
    return ask(request_.is_batch() ? save_do::read_batch : save_do::read_deciding);
  return end_conflict(state_->version);
}

save_step save_machine::publish() {
  save_step const step{.what = save_do::publish, .sequence = state_->last_sequence, .suffixed_id = suffixed_};
  if (!open_)
    sequence_ = step.sequence;
  asked_again_ = 0;
  passed_ = false;
  return std::exchange(rest_, false) ? pause_then(step) : emit(step);
}

save_step save_machine::end_saved(std::uint64_t sequence, bool already_saved) {
  bool const stored_here = !already_saved || remembered_open_;
  open_ = own_open_ = remembered_open_ = false;
  if (!learned_ || learned_->last_sequence < sequence)
    learned_ = subject_state{.last_sequence = sequence,
                             .version = request_.last_version,
                             .is_this_event = !request_.is_batch(),
                             .event_sequence = sequence};
  save_step step{.what = save_do::finish, .end = save_end::saved};
  step.success = saved{.version = request_.last_version, .sequence = sequence, .already_saved = already_saved};
  step.stored_here = stored_here;
  return emit(step);
}

save_step save_machine::end_conflict(std::int64_t current_version) {
  open_ = own_open_ = remembered_open_ = false; // only a lost tail leaves one: its version went to another event
  return emit({.what = save_do::finish, .end = save_end::conflict, .current_version = current_version});
}

/// A plain error says that nothing was stored: while an attempt is open it says too much.
save_step save_machine::end_failed(boost::system::error_code error) {
  if (open_)
    return emit({.what = save_do::finish, .end = save_end::unknown});
  return emit({.what = save_do::finish, .end = save_end::failed, .error = error});
}

} // namespace aether::nats::detail
