// Groups and dead letters of the JetStream store.
#include "nats/store_groups.hpp"

#include "detail/call_deadline.hpp"
#include "nats/dead_letter_message.hpp"
#include "nats/group_setup.hpp"
#include "nats/group_source.hpp"
#include "nats/group_ticket.hpp"
#include "nats/leader_question.hpp"
#include "nats/leader_reads.hpp"
#include "store_checks.hpp"

#include <aether/json.hpp>

#include <optional>
#include <utility>

namespace aether::nats::detail {
namespace {

void check_open(std::shared_ptr<store_core> const& store) {
  if (!store)
    throw error(errc::not_open, "a call on a store that was default-made or moved from");
  store->check_open();
}

steady_time deadline_of(store_core const& store, std::chrono::nanoseconds timeout) {
  return aether::detail::deadline_after(timeout, store.stream()->config.operation_timeout);
}

/// What stands on a group's subject in the stream of dead letters.
dead_letter letter_of(std::string const& group, stream_access const& events, stored_message message) {
  dead_letter letter;
  letter.group = group;
  letter.number = message.sequence;
  letter.place = std::move(message.subject);
  letter.given_up = message.time;
  letter.cause = dead_letter_cause::malformed;
  letter.reason = "the letter itself has no header that is understood: another client wrote it";
  letter.bytes = std::move(message.data);
  auto facts = read_letter_facts(message.header(letter_header));
  if (!facts)
    return letter;
  letter.sequence = facts->sequence;
  letter.stored = facts->stored;
  letter.cause = facts->note.cause;
  letter.reason = std::move(facts->note.reason);
  letter.attempts = facts->note.attempts;
  std::string id;
  event e;
  parse_error bad;
  if (parse_event(letter.bytes, e, bad)) {
    id = e.id;
    if (letter.cause != dead_letter_cause::malformed)
      letter.event = std::move(e);
  }
  letter.position = position({stream_place(events.stream(), facts->created, facts->sequence, std::move(id))});
  return letter;
}

/// The letters by one leader read each.
class letter_list final : public dead_letter_source, public std::enable_shared_from_this<letter_list> {
public:
  letter_list(std::shared_ptr<store_core> store, std::string group)
      : store_(std::move(store)), group_(std::move(group)) {}

  awaitable<std::optional<dead_letter>> next(call_options options) override {
    return next_letter(shared_from_this(), options);
  }

private:
  static awaitable<std::optional<dead_letter>> next_letter(std::shared_ptr<letter_list> self, call_options options) {
    check_open(self->store_);
    aether::detail::check_id(self->group_, "dead_letters: group");
    store_core::under_way const running(self->store_);
    auto const events = self->store_->stream();
    auto const deadline = deadline_of(*self->store_, options.timeout);
    auto const dead = access_to_dead(*events);
    std::optional<dead_letter> out;
    auto const subjects = dead_subjects(events->stream()).letters_of(self->group_);
    std::optional<stored_message> message;
    try {
      message = co_await read_leader(dead, next_message_query(subjects, self->next_), deadline);
    } catch (error const& e) {
      if (e.code() != errc::stream_not_found) // no group was ever joined
        throw;
    }
    if (!message)
      co_return out;
    self->next_ = message->sequence + 1;
    auto const facts = read_letter_facts(message->header(letter_header));
    if (facts && facts->left_out) {
      auto const found = co_await read_leader(events, message_at_query(facts->sequence), deadline);
      if (found && found->subject == facts->subject)
        message->data = found->data;
    }
    out = letter_of(self->group_, *events, std::move(*message));
    co_return out;
  }

  std::shared_ptr<store_core> const store_;
  std::string const group_;
  std::uint64_t next_ = 1;
};

/// The letter as it stands there now: by its number, or where another one of the same event has replaced it.
awaitable<std::optional<stored_message>> find_letter(std::shared_ptr<stream_access const> dead, dead_letter letter,
                                                     steady_time deadline) {
  std::optional<stored_message> found;
  try {
    found = co_await read_leader(dead, last_message_query(letter.place), deadline);
  } catch (error const& e) {
    if (e.code() != errc::stream_not_found)
      throw;
  }
  co_return found;
}

/// False: it was not there.
awaitable<bool> delete_message(std::shared_ptr<stream_access const> stream, std::uint64_t sequence,
                               steady_time deadline) {
  auto const subject = stream->api + ".STREAM.MSG.DELETE." + stream->stream();
  auto const body = R"({"seq":)" + std::to_string(sequence) + '}';
  auto const answer = co_await ask_leader<done_answer>(stream, subject, body, &parse_done_answer, deadline);
  auto const* refused = std::get_if<api_error>(&answer);
  if (refused && refused->err_code != js_code::no_such_sequence && refused->err_code != js_code::no_message)
    throw_refused(*refused, "removing a dead letter from stream " + stream->stream());
  co_return refused == nullptr;
}

} // namespace

awaitable<event_group> join_group(std::shared_ptr<store_core> store, group_options options) {
  check_open(store);
  options.validate();
  store_core::under_way const running(store);
  auto const deadline = deadline_of(*store, options.timeout);
  auto const asked_for = resolved(options);
  auto const group = co_await set_up_group(store->stream(), asked_for, deadline);
  auto const hub = store->groups().find(group->name, group->made, [&] {
    auto source = std::make_shared<jetstream_group_source>(store, group);
    auto made = make_group_hub(source, asked_for);
    store->wake_when_closed(source); // which may wake it at once
    return made;
  });
  co_return event_group(hub, asked_for);
}

awaitable<bool> delete_group(std::shared_ptr<store_core> store, std::string name, call_options options) {
  check_open(store);
  aether::detail::check_id(name, "delete_group: name");
  store_core::under_way const running(store);
  auto const deadline = deadline_of(*store, options.timeout);
  group_options named;
  named.name = std::move(name);
  auto const group = std::make_shared<group_access const>(store->stream(), named);
  co_return co_await tear_down_group(group, deadline);
}

std::shared_ptr<dead_letter_source> list_dead_letters(std::shared_ptr<store_core> store, std::string group) {
  return std::make_shared<letter_list>(std::move(store), std::move(group));
}

awaitable<bool> remove_dead_letter(std::shared_ptr<store_core> store, dead_letter letter, bool retry,
                                   call_options options) {
  check_open(store);
  aether::detail::check_id(letter.group, "dead_letter: group");
  store_core::under_way const running(store);
  auto const deadline = deadline_of(*store, options.timeout);
  dead_subjects const subjects(store->stream()->stream());
  auto const retried = subjects.retry_of(letter.group, letter.place);
  if (!retried)
    throw error(errc::position_invalid, "the dead letter is of another store");
  auto const dead = access_to_dead(*store->stream());
  auto const there = co_await find_letter(dead, letter, deadline);
  if (!there)
    co_return false;
  if (retry) // stored there before it is removed here: killed in between it is retried, and still listed
    co_await store_letter_message(dead, *retried, std::string(there->header(letter_header)), there->data, deadline);
  auto const removed = co_await delete_message(dead, there->sequence, deadline);
  co_return retry || removed;
}

} // namespace aether::nats::detail
