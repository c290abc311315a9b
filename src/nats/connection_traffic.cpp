// What goes over the link: requests and their answers, publishing, subscriptions, reading and flushing.
#include "nats/connection_core.hpp"

#include <charconv>

namespace aether::nats::detail {

namespace {

// So that the server has work while a long turn of the strand goes on.
constexpr std::size_t flush_at = 8 * 1024;

} // namespace

void connection_core::write_reply_subject(std::string& out, std::uint64_t token) const {
  char digits[16];
  auto end = std::to_chars(digits, digits + sizeof digits, token, 36).ptr;
  out.reserve(inbox_.size() + sizeof digits);
  out.append(inbox_).append(digits, end);
}

std::string connection_core::reply_subject(std::uint64_t token) const {
  std::string subject;
  write_reply_subject(subject, token);
  return subject;
}

std::string connection_core::own_inbox(std::uint64_t token) const {
  auto subject = reply_subject(token);
  subject.insert(inbox_.size(), "own."); // a level more, so that the shared inbox does not receive it too
  return subject;
}

std::string connection_core::unique_inbox() { return own_inbox(next_token()); }

void connection_core::request(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink,
                              steady_time deadline) {
  auto run = [self = shared_from_this(), message = std::move(message), token, sink, deadline]() mutable {
    self->begin_request(std::move(message), token, std::move(sink), deadline, nullptr);
  };
  serial_.dispatch(std::move(run), [sink] { sink->on_no_answer(no_answer::closed); });
}

void connection_core::request(std::shared_ptr<written_request> what, std::uint64_t token, steady_time deadline) {
  auto run = [this, token, deadline](std::shared_ptr<written_request> w) {
    if (link_ && inbox_refused_)
      return w->on_no_answer(no_answer::permission_denied);
    reply_room_.clear();
    message_room_.clear();
    write_reply_subject(reply_room_, token);
    auto const handed = hand_over(w->write(reply_room_, message_room_));
    if (handed != publish_result::handed_over)
      return w->on_no_answer(handed == publish_result::closed ? no_answer::closed : no_answer::not_handed_over);
    await_answer(token, std::move(w), {}, deadline, nullptr);
  };
  serial_.dispatch(std::move(what), std::move(run),
                   [](std::shared_ptr<written_request>& w) { w->on_no_answer(no_answer::closed); });
}

void connection_core::request_exactly(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink,
                                      steady_time deadline) {
  auto run = [self = shared_from_this(), message = std::move(message), token, sink, deadline]() mutable {
    native_subscription own;
    if (self->link_ && !self->inbox_refused_) {
      own = self->make_native(self->own_inbox(token));
      if (!own)
        self->check_link();
      if (!own || !self->link_)
        return sink->on_no_answer(no_answer::not_handed_over);
    }
    self->begin_request(std::move(message), token, std::move(sink), deadline, std::move(own));
  };
  serial_.dispatch(std::move(run), [sink] { sink->on_no_answer(no_answer::closed); });
}

void connection_core::begin_request(outgoing_message message, std::uint64_t token, std::shared_ptr<reply_sink> sink,
                                    steady_time deadline, native_subscription own) {
  if (link_ && inbox_refused_)
    return sink->on_no_answer(no_answer::permission_denied);
  switch (hand_over(message.parts())) {
  case publish_result::handed_over:
    break;
  case publish_result::closed:
    return sink->on_no_answer(no_answer::closed);
  default:
    return sink->on_no_answer(no_answer::not_handed_over);
  }
  if (own)
    own_inboxes_.push_back(token);
  std::string subject(message.subject());
  message = {}; // what comes next finds its memory while it is in the cache
  await_answer(token, std::move(sink), std::move(subject), deadline, std::move(own));
}

void connection_core::await_answer(std::uint64_t token, std::shared_ptr<reply_sink> sink, std::string subject,
                                   steady_time deadline, native_subscription own) {
  auto const place = deadlines_.add(deadline, token);
  requests_.emplace(token, pending_request{std::move(sink), std::move(subject), place, std::move(own)});
  if (!armed_ || deadline < *armed_)
    arm_deadlines();
  if (unflushed_ >= flush_at)
    flush();
}

void connection_core::abandon(std::uint64_t token) {
  serial_.dispatch([self = shared_from_this(), token] {
    auto found = self->requests_.find(token);
    if (found == self->requests_.end())
      return;
    self->deadlines_.remove(found->second.place);
    self->requests_.erase(found);
  });
}

void connection_core::publish(outgoing_message message, std::shared_ptr<publish_sink> sink) {
  auto run = [self = shared_from_this(), message = std::move(message), sink] {
    auto const result = self->hand_over(message.parts());
    if (sink)
      sink->on_published(result);
  };
  serial_.dispatch(std::move(run), [sink] {
    if (sink)
      sink->on_published(publish_result::closed);
  });
}

void connection_core::publish_later(outgoing_message message) {
  serial_.post([self = shared_from_this(), message = std::move(message)] { self->hand_over(message.parts()); });
}

bool connection_core::run_later(std::shared_ptr<strand_task> task) {
  return serial_.post([self = shared_from_this(), task = std::move(task)] {
    spent_messages spent; // many a run: gone with it, while their memory is still in the cache
    spent_messages::collecting here(spent);
    task->run();
  });
}

publish_result connection_core::publish_now(outgoing_parts const& message) {
  auto const result = hand_over(message);
  if (unflushed_ >= flush_at)
    flush();
  return result;
}

void connection_core::when_written(std::shared_ptr<ready_sink> sink) {
  auto run = [self = shared_from_this(), sink] {
    self->written_waiters_.push_back(sink);
    self->tell_written(self->ended_);
  };
  serial_.post(std::move(run), [sink] { sink->on_ready(true); });
}

void connection_core::tell_written(bool closed) {
  if (written_waiters_.empty() || (!closed && (!link_ || waiting_writable_ || link_->wants_write())))
    return;
  for (auto const& sink : std::exchange(written_waiters_, {}))
    sink->on_ready(closed);
}

publish_result connection_core::hand_over(outgoing_parts const& message) {
  if (ended_)
    return publish_result::closed;
  if (!link_)
    return publish_result::not_connected;
  auto const bytes = message.size();
  // Only what the socket did not take stays: what one turn of the strand writes is not held against it.
  if (waiting_writable_ && link_->buffered() > 0 && link_->buffered() + bytes > options_.max_pending_bytes)
    return publish_result::overloaded;
  auto const most = max_payload();
  if ((most > 0 && bytes > static_cast<std::size_t>(most)) || (!message.headers.empty() && !has_headers()))
    return publish_result::not_connected; // the server would end the connection
  if (!link_->publish(message)) {
    check_link();
    return publish_result::not_connected;
  }
  messages_out_.fetch_add(1, std::memory_order_relaxed);
  unflushed_ += bytes;
  return publish_result::handed_over;
}

std::uint64_t connection_core::subscribe(std::string subject, std::string queue, std::shared_ptr<message_sink> sink,
                                         std::shared_ptr<ready_sink> subscribed) {
  auto const id = next_subscription_.fetch_add(1);
  auto run = [self = shared_from_this(), id, subject = std::move(subject), queue = std::move(queue), sink,
              subscribed]() mutable {
    if (self->ended_) {
      if (subscribed)
        subscribed->on_ready(true);
      return;
    }
    auto made = std::make_unique<live_subscription>();
    made->id = id;
    made->subject = std::move(subject);
    made->queue = std::move(queue);
    made->sink = std::move(sink);
    if (self->link_) {
      made->native = self->make_native(made->subject, made->queue);
      if (!made->native)
        self->check_link();
    }
    self->subscriptions_.push_back(std::move(made));
    if (subscribed)
      subscribed->on_ready(false);
  };
  serial_.dispatch(std::move(run), [subscribed] {
    if (subscribed)
      subscribed->on_ready(true);
  });
  return id;
}

connection_core::native_subscription connection_core::make_native(std::string const& subject,
                                                                  std::string const& queue) {
  natsSubscription* made = nullptr;
  auto const status = queue.empty()
                          ? natsConnection_SubscribeSync(&made, link_->get(), subject.c_str())
                          : natsConnection_QueueSubscribeSync(&made, link_->get(), subject.c_str(), queue.c_str());
  native_subscription owned(status == NATS_OK ? made : nullptr);
  if (owned && natsSubscription_SetPendingLimits(made, -1, -1) != NATS_OK)
    owned.reset();
  return owned;
}

void connection_core::unsubscribe(std::uint64_t id) {
  // Posted, as it may be called by a sink while the subscriptions are being drained.
  serial_.post([self = shared_from_this(), id] {
    std::erase_if(self->subscriptions_, [id](auto const& s) { return s->id == id; });
  });
}

void connection_core::start_reading() {
  descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this(), number = link_number_](boost::system::error_code ec) {
                            if (!ec && self->link_ && self->link_number_ == number)
                              self->on_readable();
                          });
}

void connection_core::on_readable() {
  auto const number = link_number_;
  if (!link_->can_read(descriptor_->native_handle()))
    return start_reading();
  heard_ = true;
  link_->process_read();
  if (!link_->is_detached()) {
    // An account's limit comes with an INFO behind the first answer, and another may follow at any time.
    max_payload_ = natsConnection_GetMaxPayload(link_->get());
    spent_messages::collecting here(spent_);
    notice_refusal();
    drain_inbox();
    drain_own_inboxes();
    for (std::size_t i = 0; i < subscriptions_.size(); ++i)
      drain(*subscriptions_[i]);
  }
  check_link();
  if (link_ && link_number_ == number)
    start_reading();
}

void connection_core::drain_inbox() {
  bool nobody = false;
  while (inbox_subscription_) {
    std::uint64_t queued = 0;
    if (natsSubscription_QueuedMsgs(inbox_subscription_.get(), &queued) != NATS_OK || queued == 0)
      break;
    for (; queued > 0 && inbox_subscription_; --queued) {
      natsMsg* raw = nullptr;
      auto const status = natsSubscription_NextMsg(&raw, inbox_subscription_.get(), 0);
      if (status == NATS_OK)
        on_reply(native_message(raw));
      else if (status == NATS_NO_RESPONDERS)
        nobody = true; // swallowed without saying whose it was
    }
  }
  if (nobody)
    end_shared_requests(no_answer::no_responders);
}

void connection_core::drain(live_subscription& s) {
  auto const sink = s.sink; // what it calls may lose the link, never end this entry
  std::uint64_t queued = 0;
  if (!s.native || natsSubscription_QueuedMsgs(s.native.get(), &queued) != NATS_OK)
    return;
  for (; queued > 0 && s.native; --queued) {
    natsMsg* raw = nullptr;
    auto const status = natsSubscription_NextMsg(&raw, s.native.get(), 0);
    if (status == NATS_OK) {
      messages_in_.fetch_add(1, std::memory_order_relaxed);
      sink->on_message(native_message(raw));
    } else if (status == NATS_NO_RESPONDERS) {
      sink->on_no_responders();
    }
  }
}

void connection_core::on_reply(native_message reply) {
  auto const subject = reply.subject().substr(inbox_.size());
  std::uint64_t token = 0;
  auto const parsed = std::from_chars(subject.data(), subject.data() + subject.size(), token, 36);
  bool const whole = parsed.ec == std::errc() && parsed.ptr == subject.data() + subject.size();
  on_reply(whole ? token : probe_token - 1, std::move(reply)); // no request ever gets that
}

void connection_core::on_reply(std::uint64_t token, native_message reply) {
  messages_in_.fetch_add(1, std::memory_order_relaxed);
  auto found = requests_.find(token);
  if (token == probe_token)
    return;
  if (found == requests_.end()) {
    unmatched_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto const sink = found->second.sink;
  if (sink->on_reply(std::move(reply)))
    return;
  found = requests_.find(token); // the sink may have made requests
  if (found == requests_.end())
    return;
  deadlines_.remove(found->second.place);
  requests_.erase(found);
}

void connection_core::drain_own_inboxes() {
  std::erase_if(own_inboxes_, [this](std::uint64_t token) { return !requests_.contains(token); });
  auto const tokens = own_inboxes_; // what the sinks call may add more
  for (auto const token : tokens) {
    for (;;) {
      auto const found = requests_.find(token);
      std::uint64_t queued = 0;
      if (found == requests_.end() || !found->second.own ||
          natsSubscription_QueuedMsgs(found->second.own.get(), &queued) != NATS_OK || queued == 0)
        break;
      natsMsg* raw = nullptr;
      auto const status = natsSubscription_NextMsg(&raw, found->second.own.get(), 0);
      if (status == NATS_OK)
        on_reply(token, native_message(raw));
      else if (status == NATS_NO_RESPONDERS)
        end_request(token, no_answer::no_responders);
      else
        break;
    }
  }
}

void connection_core::end_request(std::uint64_t token, no_answer why) {
  auto found = requests_.find(token);
  if (found == requests_.end())
    return;
  auto const sink = std::move(found->second.sink);
  deadlines_.remove(found->second.place);
  requests_.erase(found);
  sink->on_no_answer(why);
}

void connection_core::end_requests(no_answer why) {
  auto requests = std::exchange(requests_, {});
  deadlines_ = {};
  for (auto& [token, request] : requests)
    request.sink->on_no_answer(why);
}

// Those that are answered on the inbox of all.
void connection_core::end_shared_requests(no_answer why) {
  std::vector<std::uint64_t> tokens;
  for (auto const& [token, request] : requests_)
    if (!request.own)
      tokens.push_back(token);
  for (auto const token : tokens)
    end_request(token, why);
}

void connection_core::arm_deadlines() {
  if (ended_)
    return;
  armed_ = deadlines_.first();
  deadline_timer_->expires_at(*armed_);
  deadline_timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec)
      self->on_deadlines();
  });
}

void connection_core::on_deadlines() {
  armed_.reset();
  std::vector<std::uint64_t> due;
  auto const now = std::chrono::steady_clock::now();
  for (std::uint64_t token = 0; deadlines_.pop_due(now, token);)
    due.push_back(token);
  std::vector<std::shared_ptr<reply_sink>> sinks;
  for (auto token : due) {
    auto found = requests_.find(token);
    if (found == requests_.end()) // there was no memory for it
      continue;
    sinks.push_back(std::move(found->second.sink));
    requests_.erase(found);
  }
  for (auto& sink : sinks)
    sink->on_no_answer(no_answer::timed_out);
  if (!armed_ && !deadlines_.empty())
    arm_deadlines();
}

void connection_core::schedule_flush() {
  if (flush_posted_.exchange(true))
    return;
  try {
    if (auto self = weak_from_this().lock())
      serial_.post([self] { self->flush(); });
  } catch (...) { // no memory: what is published next asks again
    flush_posted_ = false;
    throw;
  }
}

void connection_core::flush() {
  flush_posted_ = false;
  unflushed_ = 0;
  write();
  tell_written(false);
}

void connection_core::write() {
  if (!link_ || waiting_writable_ || !link_->wants_write())
    return;
  link_->process_write();
  check_link();
  if (!link_ || !link_->wants_write())
    return;
  waiting_writable_ = true;
  descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_write,
                          [self = shared_from_this(), number = link_number_](boost::system::error_code ec) {
                            if (ec || !self->link_ || self->link_number_ != number)
                              return;
                            self->waiting_writable_ = false;
                            self->flush();
                          });
}

} // namespace aether::nats::detail
