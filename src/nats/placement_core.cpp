// A node behind its handles: each step of the machine is one question or one message.
#include "nats/placement_core.hpp"

#include "detail/call_deadline.hpp"
#include "detail/log.hpp"
#include "detail/utf8.hpp"
#include "nats/publish_ack.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

using aether::detail::lease_machine;
using aether::detail::lease_step;
using aether::detail::log_at;
using aether::detail::quoted;
using clock = std::chrono::steady_clock;

lease_machine::time steady_now() { return clock::now().time_since_epoch(); }

steady_time steady_time_of(lease_machine::time t) {
  return steady_time(std::chrono::duration_cast<clock::duration>(t));
}

lease_machine::settings lease_settings_of(placed_node const& self, placement_options const& o) {
  lease_machine::settings s;
  s.self = self;
  s.lease = o.lease;
  s.observes = o.observes;
  return s;
}

placed_node placed_node_of(placement_options const& o) {
  placed_node n;
  n.name = o.node;
  n.weight = o.weight;
  n.incarnation = make_uuid();
  n.data = o.data;
  return n;
}

bool has_ended(placement_state s) noexcept { return s == placement_state::left || s == placement_state::name_taken; }

/// No later attempt ends otherwise.
bool hinders_joining(std::exception_ptr const& why) {
  try {
    std::rethrow_exception(why);
  } catch (error const& e) {
    return !is_retryable(e.code()) && e.code() != errc::jetstream_not_available && e.code() != errc::server_error;
  }
}

} // namespace

placement_core::placement_core(std::shared_ptr<void const> keeps_open, std::shared_ptr<node_bucket const> bucket,
                               placement_options options)
    : keeps_open_(std::move(keeps_open)), bucket_(std::move(bucket)), link_(bucket_->access()->connection),
      self_(placed_node_of(options)), lease_(options.lease), observes_(options.observes), log_(std::move(options.log)),
      machine_(lease_settings_of(self_, options), steady_now()) {}

bool placement_core::is_live() const {
  std::lock_guard const lock(mutex_);
  return machine_.is_live(steady_now());
}

lease_stamp placement_core::stamp_of(std::string_view node) const {
  std::lock_guard const lock(mutex_);
  return machine_.stamp_of(node);
}

bool placement_core::is_late(lease_stamp const& stamp) const {
  std::lock_guard const lock(mutex_);
  return machine_.is_late(stamp);
}

placement_metrics placement_core::metrics() const {
  placement_metrics m;
  m.renewals = renewals_;
  m.failures = failures_;
  m.lapses = lapses_;
  m.listings = listings_;
  m.malformed = malformed_;
  return m;
}

// With the mutex: what is shown follows the machine in one order.
void placement_core::show() {
  auto const before = board_->view();
  auto const state = machine_.state();
  board_->show(state, machine_.nodes());
  if (state == before->state)
    return;
  auto const lapsed = state == placement_state::lapsed && before->state == placement_state::live;
  if (lapsed)
    lapses_.fetch_add(1, std::memory_order_relaxed);
  auto const level = lapsed                                 ? log_level::warning
                     : state == placement_state::name_taken ? log_level::error
                                                            : log_level::info;
  if (log_at const log{log_, level})
    log(lapsed ? "this node could not renew its lease and owns nothing" : "this node's placement has changed",
        {{"node", self_.name}, {"bucket", bucket_->name()}, {"state", to_string(state)}});
}

template <class Tell> void placement_core::tell(Tell tell) {
  wake woken;
  {
    std::lock_guard const lock(mutex_);
    tell(machine_, steady_now());
    show();
    ++told_;
    woken = std::move(waiting_);
  }
  if (woken)
    woken->complete(true);
}

placement_core::action placement_core::next(std::uint64_t& told) {
  std::lock_guard const lock(mutex_);
  auto const a = machine_.next(steady_now());
  show();
  told = told_;
  return a;
}

void placement_core::when_told(std::uint64_t seen, wake waiting) {
  {
    std::lock_guard const lock(mutex_);
    if (told_ == seen) {
      waiting_ = std::move(waiting);
      return;
    }
  }
  waiting->complete(true);
}

void placement_core::failed(std::exception_ptr const& why) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  tell([](machine& m, machine::time t) { m.failed(t); });
  if (!log_ || !log_->takes(log_level::warning))
    return;
  std::unique_lock lock(mutex_);
  auto const left_out = complaints_.take(clock::now());
  lock.unlock();
  if (!left_out)
    return;
  try {
    std::rethrow_exception(why);
  } catch (std::exception const& e) {
    log_->log(log_level::warning, "a node's placement goes on after a failure",
              {{"node", self_.name}, {"cause", e.what()}, {"left_out", *left_out}});
  }
}

// So that several fit into what is left of a lease after the last renewal.
steady_time placement_core::attempt_deadline() const {
  return clock::now() + std::min<std::chrono::nanoseconds>(lease_ / 6, bucket_->access()->config.request_timeout);
}

outgoing_message placement_core::message_for(action const& a, std::string const& reply) const {
  node_record r;
  r.node = self_;
  r.renewal = a.renewal;
  auto const removes = a.what == lease_step::mark;
  outgoing_message m(bucket_->subject_of(self_.name), reply, removes ? std::string() : record_text(r),
                     {{"Nats-Expected-Last-Subject-Sequence", std::to_string(a.expected)}});
  if (removes)
    m.add_header({"KV-Operation", "DEL"});
  return m;
}

awaitable<void> placement_core::write(std::shared_ptr<placement_core> self, action a) {
  auto const token = self->link_->next_token();
  auto message = self->message_for(a, self->link_->reply_subject(token));
  auto const got = co_await request_once(self->link_, std::move(message), token, self->attempt_deadline());
  if (!got && (is_closed(got.why) || is_denied(got.why)))
    throw_unanswered(got.why, "announcing node " + quoted(self->self_.name));
  if (!got && got.why != no_answer::no_responders) {
    self->failures_.fetch_add(1, std::memory_order_relaxed);
    self->tell([](machine& m, machine::time t) { m.unanswered(t); });
    co_return;
  }
  publish_ack ack;
  publish_verdict verdict;
  if (got && !got.message.data().empty())
    verdict = classify(got.message.data(), self->bucket_->stream(), ack);
  else // nobody listens: the stream is gone, or JetStream on its way up
    verdict.error = errc::stream_not_found;
  if (verdict.answer == publish_answer::stored) {
    self->renewals_.fetch_add(a.what == lease_step::write ? 1 : 0, std::memory_order_relaxed);
    self->tell([&](machine& m, machine::time t) { m.stored(a.renewal, verdict.sequence, t); });
    co_return;
  }
  self->failures_.fetch_add(1, std::memory_order_relaxed);
  self->tell([&](machine& m, machine::time t) {
    if (verdict.answer == publish_answer::wrong_last)
      m.refused(t);
    else if (verdict.error == errc::stream_not_found)
      m.no_bucket(t);
    else
      m.unanswered(t);
  });
}

awaitable<void> placement_core::perform(std::shared_ptr<placement_core> self, action a) {
  auto const deadline = self->attempt_deadline();
  if (a.what == lease_step::open) {
    auto made = co_await open_bucket(self->bucket_, deadline);
    self->tell([&](machine& m, machine::time t) { m.opened(std::move(made), t); });
  } else if (a.what == lease_step::read) {
    auto found = co_await read_node(self->bucket_, self->self_.name, deadline);
    self->tell([&](machine& m, machine::time t) { m.read(std::move(found), t); });
  } else if (a.what == lease_step::list) {
    auto const began = steady_now();
    auto const all = co_await read_nodes(self->bucket_, deadline);
    self->listings_.fetch_add(1, std::memory_order_relaxed);
    self->tell([&](machine& m, machine::time t) { m.listed(all, began, t); });
  } else {
    co_await write(self, a);
  }
}

awaitable<bool> placement_core::step(std::shared_ptr<placement_core> self) {
  std::uint64_t told = 0;
  auto const a = self->next(told);
  if (a.what == lease_step::stop)
    co_return false;
  if (a.what != lease_step::wait) {
    co_await perform(self, a);
    co_return true;
  }
  auto const start = [&](wake waiting) { self->when_told(told, std::move(waiting)); };
  auto const end = co_await aether::detail::wait_until<bool>(steady_time_of(a.until), start);
  throw_if_cancelled(end);
  co_return true;
}

awaitable<void> placement_core::join(std::shared_ptr<placement_core> self, steady_time deadline) {
  std::exception_ptr last;
  for (;;) {
    std::exception_ptr failure;
    try {
      co_await step(self);
    } catch (error const&) {
      failure = std::current_exception();
    }
    if (failure && hinders_joining(failure))
      std::rethrow_exception(failure);
    if (failure) {
      self->failed(failure);
      last = failure;
    }
    auto const view = self->board_->view();
    std::unique_lock lock(self->mutex_);
    bool const has_joined = self->observes_ ? self->machine_.is_listed() : view->state == placement_state::live;
    auto const other = self->machine_.other_incarnation();
    lock.unlock();
    if (has_joined)
      co_return;
    if (view->state == placement_state::name_taken)
      throw error(errc::node_name_taken,
                  "node " + quoted(self->self_.name) + " lives in another process (incarnation " + other + ")");
    if (clock::now() < deadline)
      continue;
    if (last)
      std::rethrow_exception(last);
    throw error(errc::timed_out, "joining as node " + quoted(self->self_.name) +
                                     (other.empty() ? "" : ": the name is still another process'"));
  }
}

awaitable<void> placement_core::keep(std::shared_ptr<placement_core> self) {
  for (auto goes_on = true; goes_on;) {
    std::exception_ptr failure;
    try {
      goes_on = co_await step(self);
    } catch (boost::system::system_error const& e) {
      if (e.code() == boost::asio::error::operation_aborted)
        throw;
      failure = std::current_exception();
    } catch (std::exception const&) {
      failure = std::current_exception();
    }
    if (!failure)
      continue;
    self->failed(failure);
    goes_on = self->link_->state() != connection_state::closed;
  }
  self->end();
}

void placement_core::end() {
  link_->unsubscribe(subscription_.exchange(0));
  tell([](machine& m, machine::time) { m.end_now(); });
}

awaitable<void> placement_core::leave(std::shared_ptr<placement_core> self, steady_time deadline) {
  self->tell([](machine& m, machine::time t) { m.leave(t); });
  auto view = self->board_->view();
  while (!has_ended(view->state)) {
    call_options options;
    options.timeout = std::max<std::chrono::nanoseconds>(deadline - clock::now(), std::chrono::nanoseconds(1));
    view = co_await aether::detail::placement_board::wait_for_change(self->board_, view->epoch, options);
  }
}

void placement_core::abandon() noexcept {
  bool holds = false;
  action a;
  a.what = lease_step::mark;
  tell([&](machine& m, machine::time) {
    a.expected = m.held_sequence();
    holds = a.expected != 0;
    m.end_now();
  });
  link_->unsubscribe(subscription_.exchange(0));
  try {
    if (holds)
      link_->publish_later(message_for(a, {}));
  } catch (std::exception const&) { // no memory: the lease ends by itself
  }
}

void placement_core::listen() { subscription_ = link_->subscribe(bucket_->filter(), {}, shared_from_this(), nullptr); }

void placement_core::on_message(native_message message) {
  auto const node = bucket_->node_of(message.subject());
  node_record r;
  if (!node) {
    malformed_.fetch_add(1, std::memory_order_relaxed);
  } else if (is_removal(message.header("KV-Operation"))) {
    tell([&](machine& m, machine::time t) { m.heard_mark(*node, t); });
  } else if (parse_record(message.data(), *node, r)) {
    tell([&](machine& m, machine::time t) { m.heard(r, t); });
  } else {
    malformed_.fetch_add(1, std::memory_order_relaxed);
  }
}

void placement_core::on_refused() {
  if (log_at const log{log_, log_level::warning})
    log("the server refuses to tell of other nodes: they are found by listing alone",
        {{"node", self_.name}, {"subject", bucket_->filter()}});
}

void placement_core::on_interrupted(bool) {
  tell([](machine& m, machine::time t) { m.reconnected(t); });
}

} // namespace aether::nats::detail
