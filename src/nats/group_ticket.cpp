// One delivery of a group's message: acknowledgements that the server confirms, and its dead letter.
#include "nats/group_ticket.hpp"

#include "nats/publish_ack.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"
#include "nats/stream_state.hpp"

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::string_view acknowledged = "+ACK";
constexpr std::string_view in_progress = "+WPI";
constexpr std::string_view refused = "-NAK";

// Of a message beside its data and the facts: names of headers, subject and reply subject.
constexpr std::size_t message_overhead = 512;

std::string delayed(std::chrono::nanoseconds delay) {
  if (delay == 0ns)
    return std::string(refused);
  return std::string(refused) + R"( {"delay":)" + std::to_string(delay.count()) + '}';
}

/// After an attempt that was not answered: waits until the next one makes sense. Throws when there is no time for one.
awaitable<void> before_next_attempt(std::shared_ptr<connection_core> link, no_answer why, std::string what,
                                    std::chrono::nanoseconds& pause, steady_time deadline) {
  if (is_closed(why) || is_denied(why))
    throw_unanswered(why, what);
  auto const connected = co_await wait_connected(link, deadline);
  if (!connected && link->state() == connection_state::closed)
    throw_unanswered(no_answer::closed, what);
  if (!connected || clock::now() + pause >= deadline)
    throw_unanswered(why, what);
  co_await pause_until(clock::now() + pause);
  pause = std::min<std::chrono::nanoseconds>(pause * 2, 100ms);
}

/// Until the server has confirmed what it was told.
awaitable<void> confirm(std::shared_ptr<group_access const> group, group_lane lane, std::string reply, std::string verb,
                        steady_time deadline) {
  auto const link = group->events->connection;
  std::chrono::nanoseconds pause = 1ms;
  for (;;) {
    auto const until = std::min(deadline, clock::now() + group->events->config.request_timeout);
    auto const got = co_await request_once(link, reply, verb, until);
    if (got)
      co_return;
    if (got.why == no_answer::no_responders || (got.why == no_answer::timed_out && clock::now() < deadline))
      co_await check_group(group, lane, deadline);
    co_await before_next_attempt(link, got.why, group->what() + ": settling an event", pause, deadline);
  }
}

class ticket final : public group_ticket, public std::enable_shared_from_this<ticket> {
public:
  ticket(std::shared_ptr<group_access const> group, group_lane lane, native_message message, letter_facts facts,
         std::uint64_t stream_sequence)
      : group_(std::move(group)), lane_(lane), message_(std::move(message)), facts_(std::move(facts)),
        stream_sequence_(stream_sequence) {}

  awaitable<void> acknowledge(time deadline) override { return acknowledge_it(shared_from_this(), deadline); }
  awaitable<void> retry_later(std::chrono::nanoseconds delay, time deadline) override {
    return confirm(group_, lane_, reply(), delayed(delay), deadline);
  }
  awaitable<void> extend(time deadline) override {
    return confirm(group_, lane_, reply(), std::string(in_progress), deadline);
  }
  awaitable<void> store_dead_letter(dead_letter_note note, time deadline) override {
    return store_letter(shared_from_this(), std::move(note), deadline);
  }

  void pass_over() noexcept override { tell(acknowledged); }
  void keep() noexcept override { tell(in_progress); }
  void give_back() noexcept override { tell(refused); }

private:
  std::string reply() const { return std::string(message_.reply()); }

  void tell(std::string_view verb) const noexcept {
    try {
      group_->events->connection->publish_later(outgoing_message(reply(), {}, verb));
    } catch (std::exception const&) { // no memory: it is delivered again
    }
  }

  static awaitable<void> acknowledge_it(std::shared_ptr<ticket> self, time deadline) {
    co_await confirm(self->group_, self->lane_, self->reply(), std::string(acknowledged), deadline);
    if (self->lane_ == group_lane::events)
      co_return;
    // The letter was retried with success. If this gets lost, one that makes the group anew gets it once more.
    auto const& dead = *self->group_->dead;
    auto const body = R"({"seq":)" + std::to_string(self->stream_sequence_) + '}';
    dead.connection->publish(outgoing_message(dead.api + ".STREAM.MSG.DELETE." + dead.stream(), {}, body), nullptr);
  }

  static awaitable<void> store_letter(std::shared_ptr<ticket> self, dead_letter_note note, time deadline) {
    auto facts = self->facts_;
    facts.note = std::move(note);
    auto const& group = *self->group_;
    auto data = self->message_.data();
    auto text = write_letter_facts(facts);
    auto const most = group.dead->connection->max_payload();
    if (most > 0 && data.size() + text.size() + message_overhead > static_cast<std::size_t>(most)) {
      facts.left_out = true;
      text = write_letter_facts(facts);
    }
    if (facts.left_out)
      data = {};
    auto const made = std::chrono::duration_cast<std::chrono::nanoseconds>(facts.created.time_since_epoch()).count();
    auto subject = group.subjects.letter(group.name, facts.sequence, made);
    co_await store_letter_message(group.dead, std::move(subject), std::move(text), data, deadline);
    if (auto const& log = group.events->log)
      log->dead_letter(group.name, facts.sequence, facts.note);
  }

  std::shared_ptr<group_access const> const group_;
  group_lane const lane_;
  native_message const message_;
  letter_facts const facts_;
  std::uint64_t const stream_sequence_; // in the stream of its lane
};

} // namespace

std::shared_ptr<group_ticket> make_group_ticket(std::shared_ptr<group_access const> group, group_lane lane,
                                                native_message message, letter_facts facts,
                                                std::uint64_t stream_sequence) {
  return std::make_shared<ticket>(std::move(group), lane, std::move(message), std::move(facts), stream_sequence);
}

void give_back_message(connection_core& link, std::string_view reply) {
  link.publish_later(outgoing_message(reply, {}, refused));
}

awaitable<void> store_letter_message(std::shared_ptr<stream_access const> dead, std::string subject, std::string facts,
                                     std::string_view data, steady_time deadline) {
  auto const link = dead->connection;
  auto const what = "storing a dead letter in stream " + dead->stream();
  std::chrono::nanoseconds pause = 1ms;
  for (;;) {
    auto const token = link->next_token();
    outgoing_message message(subject, link->reply_subject(token), data, {{letter_header, facts}});
    auto const until = std::min(deadline, clock::now() + dead->config.request_timeout);
    auto const got = co_await request_once(link, std::move(message), token, until);
    auto why = got.why;
    if (got) {
      publish_ack ack;
      auto const verdict = classify(got.message.data(), dead->stream(), ack);
      if (verdict.answer == publish_answer::stored)
        co_return;
      if (verdict.answer == publish_answer::rejected)
        throw error(verdict.error, what + (ack.error ? ": " + text_of(*ack.error) : std::string()));
      why = no_answer::timed_out;
    } else if (why == no_answer::no_responders) {
      co_await read_stream_state(dead, deadline); // throws when it was deleted
    }
    co_await before_next_attempt(link, why, what, pause, deadline);
  }
}

} // namespace aether::nats::detail
