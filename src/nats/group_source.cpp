// A group's messages as its two consumers deliver them: one inbox for each, pulls for who waits, and doubts cleared up.
#include "nats/group_source.hpp"

#include "nats/consumer_order.hpp"
#include "nats/direct_marks.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/group_config.hpp"
#include "nats/group_ticket.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"

#include <aether/json.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::array<group_lane, 2> both = {group_lane::events, group_lane::retries};

time_point at(std::int64_t nanoseconds) { return time_point(std::chrono::nanoseconds(nanoseconds)); }

bool is_connected(connection_core const& link) { return link.state() == connection_state::connected; }

} // namespace

/// What the connection holds of a lane.
class jetstream_group_source::inbox final : public message_sink {
public:
  inbox(std::weak_ptr<jetstream_group_source> source, connection_core& link, group_lane l)
      : source_(std::move(source)), link_(link), lane_(l) {}

  void on_message(native_message message) override {
    auto const source = source_.lock();
    if (source && source->on_message(lane_, message))
      source->wake();
    else if (!source && !message.reply().empty()) // nobody is there any more
      give_back_message(link_, message.reply());
  }
  void on_no_responders() override { trouble(); }
  void on_interrupted(bool) override { trouble(); }
  void on_refused() override {
    if (auto const source = source_.lock())
      source->on_refused();
  }

private:
  void trouble() {
    if (auto const source = source_.lock())
      source->on_trouble(lane_);
  }

  std::weak_ptr<jetstream_group_source> const source_;
  connection_core& link_; // which calls this
  group_lane const lane_;
};

jetstream_group_source::jetstream_group_source(std::shared_ptr<store_core> store,
                                               std::shared_ptr<group_access const> group)
    : store_(std::move(store)), group_(std::move(group)) {}

jetstream_group_source::~jetstream_group_source() { pause(); }

// ---- what the connection says

/// False: it was too late.
bool jetstream_group_source::on_message(group_lane from, native_message& message) {
  std::lock_guard lock(mutex_);
  auto& pulls = lane_of(from).pulls;
  if (message.reply().empty()) {
    pulls.on_status(message.status(), number_header(message, "Nats-Pending-Messages"));
    return true;
  }
  pulls.on_message();
  if (!subscribed_) {
    give_back_message(*group_->events->connection, message.reply());
    return false;
  }
  arrived_.emplace_back(from, std::move(message));
  return true;
}

void jetstream_group_source::on_trouble(group_lane from) {
  {
    std::lock_guard lock(mutex_);
    lane_of(from).pulls.doubt();
  }
  wake();
}

void jetstream_group_source::on_refused() {
  fail(std::make_exception_ptr(error(errc::permission_denied, group_->what() + ": the user may not subscribe to its "
                                                                               "inbox: set inbox_prefix")));
}

void jetstream_group_source::wake() const {
  if (changed_)
    changed_();
}

void jetstream_group_source::fail(std::exception_ptr why) {
  {
    std::lock_guard lock(mutex_);
    if (!failed_)
      failed_ = std::move(why);
  }
  wake();
}

// ---- what the hub asks

void jetstream_group_source::want(std::size_t messages, std::size_t bytes, time now, time until) {
  std::lock_guard lock(mutex_);
  wanted_ = messages > 0;
  if (!subscribed_ || failed_ || !is_connected(*group_->events->connection))
    return;
  for (auto const l : both)
    if (auto const p = lane_of(l).pulls.next(messages, bytes, now, until))
      ask(l, *p);
}

void jetstream_group_source::ask(group_lane l, group_pull const& p) const {
  auto body = R"({"batch":)" + std::to_string(p.batch) + R"(,"expires":)" + std::to_string(p.expires.count());
  if (p.max_bytes != 0)
    body += R"(,"max_bytes":)" + std::to_string(p.max_bytes);
  auto const& reply = lanes_[static_cast<std::size_t>(l)].reply;
  group_->events->connection->publish_later(
      outgoing_message(group_->consumer_api(l, "MSG.NEXT"), reply, std::move(body) + '}'));
}

bool jetstream_group_source::take(group_delivery& into, time) {
  if (store_->is_closing())
    throw error(errc::closed, group_->what() + ": the store was closed");
  std::lock_guard lock(mutex_);
  if (failed_)
    std::rethrow_exception(failed_);
  if (!ready_.empty()) {
    into = std::move(ready_.front());
    ready_.pop_front();
    return true;
  }
  while (!arrived_.empty()) {
    auto a = std::move(arrived_.front());
    arrived_.pop_front();
    if (make_delivery(std::move(a), into))
      return true;
  }
  return false;
}

group_source::time jetstream_group_source::due() const {
  std::lock_guard lock(mutex_);
  if (failed_ || store_->is_closing() || !arrived_.empty() || !ready_.empty() || !left_out_.empty() ||
      (wanted_ && !subscribed_))
    return time::min();
  return std::min(lanes_[0].pulls.due(), lanes_[1].pulls.due());
}

bool jetstream_group_source::needs_tending(time now) const {
  std::lock_guard lock(mutex_);
  return (wanted_ && !subscribed_) || !left_out_.empty() || lanes_[0].pulls.needs_check(now) ||
         lanes_[1].pulls.needs_check(now);
}

void jetstream_group_source::pause() noexcept {
  std::lock_guard lock(mutex_);
  auto& link = *group_->events->connection;
  for (auto& l : lanes_) { // first, or what is given back would come here again
    l.pulls.stop();
    if (subscribed_)
      link.unsubscribe(l.subscription);
  }
  subscribed_ = wanted_ = false;
  for (auto const& a : std::exchange(arrived_, {}))
    give_back_message(link, a.message.reply());
  for (auto const& a : std::exchange(left_out_, {}))
    give_back_message(link, a.message.reply());
  for (auto const& d : std::exchange(ready_, {}))
    d.ticket->give_back();
}

// ---- messages

void jetstream_group_source::read_event(native_message const& message, std::string_view subject,
                                        group_delivery& into) const {
  parse_error bad;
  auto& e = into.recorded.event;
  if (!parse_event(message.data(), e, bad)) {
    into.malformed = std::move(bad.reason);
    e = event();
    return;
  }
  auto const& filter = group_->filter;
  auto const& types = filter.actor_types;
  if ((!filter.actor_id.empty() && e.actor_id != filter.actor_id) ||
      (!types.empty() && std::find(types.begin(), types.end(), actor_type(e.actor_id)) == types.end()))
    into.of_filter = false; // with the underscore encoding several meet on one subject
  if (subject.empty() || group_->events->subjects.is_events_subject(subject, e.actor_id))
    return;
  into.of_filter = true;
  into.malformed = R"(field "actorId": another actor than that of its subject )" + std::string(subject);
}

/// False: nothing to be handed out comes of it now.
bool jetstream_group_source::make_delivery(arrival a, group_delivery& into) {
  auto const where = parse_delivery(a.message.reply());
  if (!where)
    return false;
  letter_facts facts;
  into.attempt = static_cast<unsigned>(std::min<std::uint64_t>(where->times, 1'000'000'000));
  into.retried = a.from == group_lane::retries;
  if (!into.retried) {
    facts.sequence = where->stream_sequence;
    facts.created = group_->identity->created;
    facts.stored = at(where->stored);
    facts.subject = a.message.subject();
    into.of_filter = is_of_subjects(facts.subject, group_->filters);
  } else if (auto read = read_letter_facts(a.message.header(letter_header))) {
    facts = std::move(*read);
    if (facts.left_out) {
      left_out_.push_back(std::move(a));
      return false;
    }
  } else {
    into.malformed = "a retried dead letter without its header " + std::string(letter_header);
    facts.stored = at(where->stored);
  }
  into.recorded.sequence = facts.sequence;
  into.recorded.stored = facts.stored;
  into.recorded.stream = facts.created == group_->identity->created
                             ? group_->identity
                             : std::make_shared<stream_identity const>(group_->events->stream(), facts.created);
  into.bytes = a.message.data().size();
  if (into.of_filter && into.malformed.empty())
    read_event(a.message, facts.subject, into);
  into.ticket = make_group_ticket(group_, a.from, std::move(a.message), std::move(facts), where->stream_sequence);
  return true;
}

// ---- tending

awaitable<void> jetstream_group_source::tend(time deadline) { return tend_lanes(shared_from_this(), deadline); }

void jetstream_group_source::subscribe() {
  auto const link = group_->events->connection;
  for (auto const l : both) {
    auto& to = lane_of(l);
    auto reply = link->unique_inbox();
    auto const id = link->subscribe(reply, {}, std::make_shared<inbox>(weak_from_this(), *link, l), nullptr);
    std::lock_guard lock(mutex_);
    to.reply = std::move(reply);
    to.subscription = id;
  }
  std::lock_guard lock(mutex_);
  subscribed_ = true;
}

awaitable<void> jetstream_group_source::tend_lanes(std::shared_ptr<jetstream_group_source> self, time deadline) {
  bool subscribed = false;
  {
    std::lock_guard lock(self->mutex_);
    subscribed = self->subscribed_ || !self->wanted_;
  }
  if (!subscribed) {
    self->subscribe();
    for (auto const l : both)
      co_await try_pull(self, l, deadline);
  }
  co_await fetch_left_out(self, deadline);
  for (auto const l : both)
    co_await check(self, l, deadline);
}

/// A pull that the server forbids has no answer. This one, for which every message is too large, is a request.
awaitable<void> jetstream_group_source::try_pull(std::shared_ptr<jetstream_group_source> self, group_lane l,
                                                 time deadline) {
  auto const link = self->group_->events->connection;
  auto const until = std::min(deadline, clock::now() + self->group_->events->config.request_timeout);
  auto const subject = self->group_->consumer_api(l, "MSG.NEXT");
  std::string const body = R"({"batch":1,"no_wait":true,"max_bytes":1})";
  auto const got = co_await request_once(link, subject, body, until);
  if (got && got.message.reply().starts_with("$JS.ACK."))
    give_back_message(*link, got.message.reply());
  if (!got && is_denied(got.why))
    self->fail(std::make_exception_ptr(
        error(errc::permission_denied, self->group_->what() + ": the user may not publish to " + subject)));
}

/// Asks the leader whether the consumer is there, when that is in doubt.
awaitable<void> jetstream_group_source::check(std::shared_ptr<jetstream_group_source> self, group_lane l,
                                              time deadline) {
  auto const link = self->group_->events->connection;
  {
    std::lock_guard lock(self->mutex_);
    if (!self->lane_of(l).pulls.needs_check(clock::now()))
      co_return;
  }
  auto const connected = co_await wait_connected(link, deadline);
  if (!connected) {
    if (link->state() == connection_state::closed)
      self->fail(std::make_exception_ptr(error(errc::closed, self->group_->what() + ": the connection was closed")));
    co_return;
  }
  std::shared_ptr<answer_slot> slot; // who comes next gets the answer that this one does not wait for
  {
    std::lock_guard lock(self->mutex_);
    auto& checking = self->lane_of(l).checking;
    if (!checking)
      checking = ask_into_slot(link, self->group_->consumer_api(l, "INFO"), std::string(),
                               clock::now() + self->group_->events->config.request_timeout);
    slot = checking;
  }
  auto const reply = co_await answer_slot::wait(slot, deadline);
  if (!reply)
    co_return;
  auto there = consumer_there::unknown;
  std::exception_ptr failed;
  try {
    if (*reply)
      there = read_consumer_info(*self->group_, l, reply->message.data());
    else if (is_denied(reply->why) || is_closed(reply->why))
      throw_unanswered(reply->why, self->group_->what());
    if (there == consumer_there::no)
      throw_group_gone(*self->group_);
  } catch (error const&) {
    failed = std::current_exception();
  }
  if (failed)
    self->fail(failed);
  std::lock_guard lock(self->mutex_);
  self->lane_of(l).checking.reset();
  if (there == consumer_there::yes)
    self->lane_of(l).pulls.on_there(clock::now());
  else
    self->lane_of(l).pulls.on_unknown(clock::now());
}

/// Letters of events that were too large to be kept in them.
awaitable<void> jetstream_group_source::fetch_left_out(std::shared_ptr<jetstream_group_source> self, time deadline) {
  for (;;) {
    arrival a;
    {
      std::lock_guard lock(self->mutex_);
      if (self->left_out_.empty())
        co_return;
      a = std::move(self->left_out_.front());
      self->left_out_.pop_front();
    }
    auto const where = parse_delivery(a.message.reply());
    auto facts = read_letter_facts(a.message.header(letter_header));
    std::optional<stored_message> found;
    if (facts->created == self->group_->identity->created) {
      auto const until = std::min(deadline, clock::now() + self->operation_timeout());
      try {
        found = co_await read_leader(self->group_->events, message_at_query(facts->sequence), until);
      } catch (error const& e) {
        if (!is_retryable(e.code()))
          throw;
        continue; // it is delivered again
      }
    }
    group_delivery d;
    d.retried = true;
    d.attempt = static_cast<unsigned>(std::min<std::uint64_t>(where->times, 1'000'000'000));
    d.recorded.sequence = facts->sequence;
    d.recorded.stored = facts->stored;
    d.recorded.stream = self->group_->identity;
    if (found) {
      d.bytes = found->data.size();
      self->read_event(native_message(outgoing_message(found->subject, {}, found->data).parts()), facts->subject, d);
    } else {
      d.malformed = "the event is not in its stream any more";
    }
    d.ticket = make_group_ticket(self->group_, group_lane::retries, std::move(a.message), std::move(*facts),
                                 where->stream_sequence);
    std::lock_guard lock(self->mutex_);
    self->ready_.push_back(std::move(d));
  }
}

} // namespace aether::nats::detail
