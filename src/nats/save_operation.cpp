// The short way of a save (publish, acknowledged) and how it ends; what needs more goes to resolve().
#include "nats/save_operation.hpp"

#include "nats/store_core.hpp"

#include <boost/asio/co_spawn.hpp>

#include <charconv>
#include <exception>
#include <utility>

namespace aether::nats::detail {

save_operation::save_operation(std::shared_ptr<store_core> store, std::string actor_id, std::size_t hash,
                               save_items items, save_request request, steady_time deadline)
    : store_(std::move(store)), actor_id_(std::move(actor_id)), hash_(hash),
      subject_(store_->stream()->subjects.events_subject(actor_id_)), items_(std::move(items)), request_(request),
      deadline_(deadline), lane_(store_->lane_of(hashed_actor())), machine_(request) {}

save_operation::~save_operation() = default;

void save_operation::submit() { lane_.submit(shared_from_this()); }

save_result save_operation::give_up() {
  auto expected = phase::idle;
  if (phase_.compare_exchange_strong(expected, phase::given_up) || expected == phase::given_up) {
    lane_.withdraw(shared_from_this());
    save_result result;
    if (is_remembered()) // of an earlier call
      result.end = save_end::unknown;
    result.error = errc::timed_out;
    return result;
  }
  if (expected == phase::finished)
    return result_;
  save_result result;
  result.end = save_end::unknown;
  note_that_it_is_unknown();
  return result;
}

bool save_operation::stop_unless_handed_over() noexcept {
  auto expected = phase::idle;
  return !phase_.compare_exchange_strong(expected, phase::given_up) && expected == phase::handed_over;
}

save_step save_operation::gone_step() const noexcept {
  return failed_step(store_->is_closing() ? errc::closed : errc::timed_out);
}

bool save_operation::may_hand_over() noexcept {
  auto expected = phase::idle;
  return phase_.compare_exchange_strong(expected, phase::handed_over) || expected == phase::handed_over;
}

void save_operation::count_attempt() noexcept {
  if (attempts_++ > 0)
    store_->watch()->count().retries.add();
}

save_step save_operation::decide(std::optional<subject_state> cached, aether::detail::hash128 const& cached_id) {
  if (gave_up() || (waiting_ && waiting_->is_ended())) {
    auto expected = phase::idle;
    phase_.compare_exchange_strong(expected, phase::given_up); // a caller whose frame was destroyed says nothing
    return gone_step();
  }
  had_turn_ = true;
  learned_id_ = cached_id;
  auto& count = store_->watch()->count();
  (cached ? count.cache_hits : count.cache_misses).add();
  std::optional<remembered_attempt> attempt;
  if (auto earlier = store_->remembered().find(actor_id_, first().version, first().event_id)) {
    had_remembered_ = true;
    batch_ids_ = std::move(earlier->batch_ids);
    attempt.emplace().sequence = earlier->sequence;
  }
  return machine_.start(cached, attempt, store_->remembered().is_forgetful());
}

void save_operation::proceed(save_step step) {
  if (step.what == save_do::publish && !request_.is_batch())
    publish(step);
  else if (step.what == save_do::read_last && !std::exchange(asked_for_last_, true))
    ask_for_last();
  else
    go_on(step);
}

void save_operation::ask_for_last() {
  auto question = std::make_shared<last_question>(shared_from_this(), *store_->stream(), subject_);
  auto& link = store_->link();
  link.request(std::shared_ptr<written_request>(std::move(question)), link.next_token(), attempt_deadline());
}

// Posted, as it may be told inside proceed(), which the lane called while it hands out turns.
void save_operation::on_last_message(std::optional<leader_answer> answer) {
  lane_.post([self = shared_from_this(), answer = std::move(answer)] { self->on_last(answer); },
             [self = shared_from_this()] { self->close(); });
}

void save_operation::on_last(std::optional<leader_answer> const& answer) {
  if (phase_ == phase::finished)
    return;
  if (gave_up() && !machine_.has_open_attempt())
    return end(gone_step());
  save_step again;
  again.what = save_do::read_last;
  if (!answer)
    return proceed(again); // in a coroutine, which knows what to do about it
  subject_state state;
  learned_id_ = {};
  learned_age_ = age_since({}); // nothing is known of an empty subject for long
  if (auto const& last = answer->message) {
    auto const read = read_stored_event(*store_->stream(), actor_id_, last->sequence, last->data);
    if (!read.value)
      return proceed(again); // malformed: the one before it is searched for
    state.last_sequence = state.event_sequence = last->sequence;
    state.version = read.value->version;
    state.is_this_event = !request_.is_batch() && is_first(*read.value);
    learned_id_ = aether::detail::hash_of(read.value->id);
    learned_age_ = age_since(last->time);
  }
  auto const step = machine_.on_last(state);
  if (step.what == save_do::finish)
    end(step);
  else
    proceed(step);
}

void save_operation::publish(save_step step) {
  if (!may_hand_over()) { // posted, as the lane may be in the middle of handing out turns
    lane_.post([self = shared_from_this()] { self->end(self->gone_step()); },
               [self = shared_from_this()] { self->close(); });
    return;
  }
  count_attempt();
  prepare(step);
  auto& link = store_->link();
  link.request(std::shared_ptr<written_request>(shared_from_this()), link.next_token(), attempt_deadline());
}

void save_operation::prepare(save_step const& step) {
  expected_sequence_ = step.sequence;
  if (step.suffixed_id)
    suffixed_id_ = first().event_id + '+' + make_uuid();
  else
    suffixed_id_.clear();
}

outgoing_parts save_operation::write(std::string_view reply, std::string& room) {
  char digits[20];
  auto const end = std::to_chars(digits, digits + sizeof digits, expected_sequence_).ptr;
  append_headers(room, {{"Nats-Expected-Last-Subject-Sequence", {digits, static_cast<std::size_t>(end - digits)}},
                        {"Nats-Msg-Id", suffixed_id_.empty() ? first().event_id : suffixed_id_}});
  return {subject_, reply, room, first().data};
}

steady_time save_operation::attempt_deadline() const {
  return std::min(deadline_, std::chrono::steady_clock::now() + store_->stream()->config.request_timeout);
}

bool save_operation::on_reply(native_message reply) {
  answered_ = true;
  publish_ack ack;
  auto const verdict = classify(reply.data(), store_->stream()->stream(), ack);
  auto text = ack.error ? text_of(*ack.error) : std::string();
  auto run = [verdict, text = std::move(text)](std::shared_ptr<save_operation> self) mutable {
    if (!text.empty())
      self->text_ = std::move(text);
    self->on_verdict(verdict);
  };
  lane_.dispatch(shared_from_this(), std::move(run), [](std::shared_ptr<save_operation>& self) { self->close(); });
  return false;
}

void save_operation::on_no_answer(no_answer why) {
  if (answered_) // the link was lost by what the answer made of it
    return;
  publish_verdict verdict;
  if (why == no_answer::not_handed_over || why == no_answer::closed) {
    verdict.answer = publish_answer::not_handed_over;
  } else if (why == no_answer::permission_denied) {
    verdict.answer = publish_answer::rejected;
    verdict.error = errc::permission_denied;
  }
  // Posted: it may be told inside publish(), which the lane called while it hands out turns.
  lane_.post([self = shared_from_this(), verdict] { self->on_verdict(verdict); },
             [self = shared_from_this(), verdict] {
               self->take_back_unless_handed_over(verdict);
               self->close();
             });
}

// What was not handed over leaves the caller free to be told so, unless an earlier attempt may still be stored.
void save_operation::take_back_unless_handed_over(publish_verdict const& verdict) noexcept {
  auto expected = phase::handed_over;
  if (verdict.answer == publish_answer::not_handed_over && !machine_.has_open_attempt())
    phase_.compare_exchange_strong(expected, phase::idle);
}

void save_operation::on_verdict(publish_verdict verdict) {
  if (phase_ == phase::finished)
    return;
  take_back_unless_handed_over(verdict);
  auto const step = machine_.on_published(verdict.answer, verdict.sequence, verdict.error);
  if (step.what == save_do::finish)
    end(step);
  else
    go_on(step);
}

void save_operation::go_on(save_step step) {
  auto close_it = [self = shared_from_this()] { self->close(); };
  auto ended = [self = shared_from_this(), close_it](std::exception_ptr failed, save_step last) {
    if (failed)
      last = self->machine_.on_out_of_time(); // no memory: what it stood for is open
    self->lane_.post([self, last] { self->end(last); }, close_it);
  };
  boost::asio::co_spawn(lane_.executor(), resolve(shared_from_this(), step),
                        aether::detail::run_or(std::move(ended), close_it));
}

void save_operation::end(save_step const& step) {
  if (phase_ == phase::finished)
    return;
  if (step.end == save_end::saved && machine_.learned() &&
      machine_.learned()->last_sequence == step.success.sequence) { // else it is what the last read told
    learned_id_ = aether::detail::hash_of(last().event_id);
    if (!step.success.already_saved) // whose age was read
      learned_age_ = {};
  }
  finish(step);
  lane_.ended(*this);
}

bool save_operation::is_remembered() const {
  return store_->remembered().is_open(actor_id_, first().version, first().event_id);
}

unknown_save save_operation::as_unknown() const {
  unknown_save unknown;
  unknown.actor_id = actor_id_;
  unknown.event_id = first().event_id;
  unknown.version = first().version;
  return unknown;
}

// The caller is told so now, while the lane works on: whoever saves the event again meanwhile is to know of it. Either
// side may come last, and takes the note back when it is not true any more.
void save_operation::note_that_it_is_unknown() {
  told_unknown_ = true;
  log_unknown(); // before its resolution can be
  store_->remembered().note_under_way(as_unknown());
  if (phase_ == phase::finished && result_.end != save_end::unknown &&
      store_->remembered().ended(actor_id_, first().version, first().event_id))
    log_resolved();
}

void save_operation::log_unknown() {
  if (auto const& log = store_->stream()->log; log && !logged_unknown_.exchange(true))
    log->ended_unknown(as_unknown());
}

void save_operation::log_resolved() {
  if (auto const& log = store_->stream()->log)
    log->resolved(as_unknown(), result_.end == save_end::saved);
}

void save_operation::finish(save_step const& step) {
  // One that ends without having had its turn knows nothing of what an earlier call left open.
  bool const still_open = step.end == save_end::failed && !had_turn_ && is_remembered();
  result_.end = still_open ? save_end::unknown : step.end;
  result_.success = step.success;
  result_.current_version = step.current_version;
  result_.error = step.error;
  result_.text = text_;
  if (step.end == save_end::unknown) {
    remembered_save unresolved;
    unresolved.save = as_unknown();
    unresolved.sequence = machine_.open_sequence();
    unresolved.batch_ids = batch_ids_;
    unresolved.since = std::chrono::steady_clock::now();
    auto const dropped = store_->remembered().remember(std::move(unresolved));
    log_unknown();
    if (auto const& log = store_->stream()->log; log && dropped)
      log->dropped(*dropped);
  } else if (had_remembered_ && store_->remembered().forget(actor_id_, first().version, first().event_id)) {
    log_resolved();
  }
  if (auto const& log = store_->stream()->log; log && step.error == errc::duplicate_event_id)
    log->duplicate_id(as_unknown());
  if (phase_.exchange(phase::finished) == phase::finished)
    return;
  if (step.end == save_end::saved && step.stored_here)
    announcements_.announce();
  if ((told_unknown_ || had_remembered_) && result_.end != save_end::unknown)
    store_->watch()->count().unknown_resolved.add();
  if (told_unknown_ && result_.end != save_end::unknown &&
      store_->remembered().ended(actor_id_, first().version, first().event_id))
    log_resolved();
  if (auto waiting = std::move(waiting_))
    waiting->complete(result_);
  store_->save_ended();
}

void save_operation::close() noexcept {
  if (phase_ == phase::finished)
    return;
  if (phase_ != phase::handed_over && !machine_.has_ended()) // what it may stand at is not under way
    machine_.on_published(publish_answer::not_handed_over, 0, {});
  auto step = machine_.on_out_of_time();
  if (step.end == save_end::failed)
    step = failed_step(errc::closed);
  finish(step);
}

} // namespace aether::nats::detail
