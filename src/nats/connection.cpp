// The connection's handle: each call checked, given its deadline, and waited for on the caller's executor.
#include <aether/nats/connection.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "detail/wait.hpp"
#include "nats/connection_core.hpp"
#include "nats/option_defaults.hpp"
#include "nats/request.hpp"
#include "nats/subscription_core.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <optional>

namespace aether::nats {

using namespace std::chrono_literals;

namespace {

using aether::detail::deadline_after;
using aether::detail::quoted;
using aether::detail::steady_time;
using aether::detail::wait_end;
using aether::detail::wait_state;
using aether::detail::wait_until;
using detail::connection_core;
using detail::no_answer;
using detail::publish_result;
using clock = std::chrono::steady_clock;
using core_ptr = std::shared_ptr<connection_core>;

constexpr std::chrono::nanoseconds longest_last_flush = 1s; // of close(): what was published should leave

class ready_waker final : public detail::ready_sink {
public:
  explicit ready_waker(std::shared_ptr<wait_state<bool>> waiting) : waiting_(std::move(waiting)) {}
  void on_ready(bool closed) override { waiting_->complete(!closed); }

private:
  std::shared_ptr<wait_state<bool>> waiting_;
};

class publish_waker final : public detail::publish_sink {
public:
  explicit publish_waker(std::shared_ptr<wait_state<publish_result>> waiting) : waiting_(std::move(waiting)) {}
  void on_published(publish_result result) override { waiting_->complete(result); }

private:
  std::shared_ptr<wait_state<publish_result>> waiting_;
};

core_ptr const& open_core(connection const& c, char const* call) {
  if (!c)
    throw error(errc::not_open, std::string(call) + " on a connection that was default-made or moved from");
  if (c.state() == connection_state::closed)
    throw error(errc::closed, std::string(call) + " on a connection that was closed");
  return c.core();
}

[[noreturn]] void throw_no_answer(connection_core const& core, no_answer why, std::string const& what) {
  switch (why) {
  case no_answer::permission_denied:
  case no_answer::inbox_refused:
    throw error(errc::permission_denied, what + ": " + core.last_error_text());
  case no_answer::closed:
  case no_answer::closed_meanwhile:
    throw error(errc::closed, what + ": the connection was closed");
  case no_answer::connection_lost:
    throw error(errc::connection_lost, what + ": the connection broke before the answer came");
  case no_answer::not_handed_over:
    throw error(errc::overloaded, what + ": max_pending_bytes wait to be written");
  default:
    throw error(errc::timed_out, what + ": no answer in time");
  }
}

// What the server counts against its limit: the headers as they are sent, and the data.
std::int64_t wire_size(message const& m) {
  auto size = m.data.size();
  if (!m.headers.empty())
    size += std::string_view("NATS/1.0\r\n\r\n").size();
  for (auto const& [name, value] : m.headers)
    size += name.size() + value.size() + std::string_view(": \r\n").size();
  return static_cast<std::int64_t>(size);
}

void check_size(connection_core const& core, message const& m, std::string const& what) {
  if (auto const limit = core.max_payload(); limit > 0 && wire_size(m) > limit)
    throw error(errc::event_too_large,
                what + ": " + std::to_string(wire_size(m)) + " bytes, and the server takes " + std::to_string(limit));
}

awaitable<message> request(connection self, message m, call_options options) {
  auto const core = open_core(self, "request()");
  auto const deadline = deadline_after(options.timeout, core->options().operation_timeout);
  auto const what = "request to " + quoted(m.subject);
  for (std::chrono::nanoseconds pause = 1ms;; pause = std::min<std::chrono::nanoseconds>(2 * pause, 100ms)) {
    bool const connected = co_await detail::wait_connected(core, deadline);
    if (core->state() == connection_state::closed)
      throw_no_answer(*core, no_answer::closed, what);
    if (!connected)
      throw error(errc::timed_out, what + ": not connected: " + core->last_error_text());
    check_size(*core, m, what);
    auto a = co_await detail::request_exactly_once(core, m, deadline);
    if (a)
      co_return std::move(a.message).to_message();
    if (a.why == no_answer::no_responders) {
      message nobody;
      nobody.status = 503;
      co_return nobody;
    }
    if (a.why == no_answer::not_handed_over && core->state() == connection_state::reconnecting)
      continue;
    if (a.why != no_answer::not_handed_over || clock::now() >= deadline)
      throw_no_answer(*core, a.why, what);
    co_await detail::pause_until(std::min(deadline, clock::now() + pause)); // until there is room
  }
}

awaitable<void> publish(connection self, message m, call_options options) {
  auto const core = open_core(self, "publish()");
  auto const deadline = deadline_after(options.timeout, core->options().operation_timeout);
  auto const what = "publish to " + quoted(m.subject);
  check_size(*core, m, what);
  detail::outgoing_message outgoing(m, m.reply);
  auto const result =
      co_await wait_until<publish_result>(deadline, [&](std::shared_ptr<wait_state<publish_result>> waiting) {
        core->publish(std::move(outgoing), std::make_shared<publish_waker>(std::move(waiting)));
      });
  aether::detail::throw_if_cancelled(result);
  if (result.end == wait_end::timed_out)
    throw error(errc::timed_out, what + ": the connection's execution context does not run");
  switch (result.end == wait_end::completed ? *result.value : publish_result::closed) {
  case publish_result::handed_over:
    co_return;
  case publish_result::not_connected:
    throw error(errc::connection_lost, what + ": " + core->last_error_text());
  case publish_result::overloaded:
    throw error(errc::overloaded, what + ": max_pending_bytes wait to be written");
  case publish_result::closed:
    break;
  }
  throw error(errc::closed, what + ": the connection was closed");
}

awaitable<void> flush(connection self, call_options options) {
  auto const core = open_core(self, "flush()");
  auto const deadline = deadline_after(options.timeout, core->options().operation_timeout);
  auto const link = core->statistics().reconnects;
  for (;;) {
    auto const why = co_await detail::round_trip(core, deadline);
    if (!why)
      co_return;
    if (*why == no_answer::not_handed_over &&
        (core->state() == connection_state::reconnecting || core->statistics().reconnects != link))
      throw_no_answer(*core, no_answer::connection_lost, "flush");
    if (*why != no_answer::not_handed_over || clock::now() >= deadline)
      throw_no_answer(*core, *why, "flush");
    co_await detail::pause_until(std::min(deadline, clock::now() + 1ms)); // until there is room
  }
}

awaitable<void> close(connection self, call_options options) {
  if (!self)
    throw error(errc::not_open, "close() on a connection that was default-made or moved from");
  auto const core = self.core();
  auto const deadline = deadline_after(options.timeout, core->options().operation_timeout);
  if (core->state() == connection_state::connected) {
    auto const left = std::max<std::chrono::nanoseconds>(0ns, deadline - clock::now());
    co_await detail::round_trip(core, clock::now() + std::min(longest_last_flush, left / 2));
  }
  core->close();
  for (auto seen = core->state(); seen != connection_state::closed; seen = core->state()) {
    auto const result = co_await detail::wait_state_change(core, seen, deadline);
    if (!result)
      throw error(errc::timed_out, "close: the connection's execution context does not run");
  }
}

awaitable<connection_state> wait_for_change(core_ptr core, connection_state seen, call_options options) {
  if (!core)
    throw error(errc::not_open, "wait_for_change() on a connection that was default-made or moved from");
  auto const deadline = deadline_after(options.timeout, std::chrono::nanoseconds::max());
  while (core->state() == seen && seen != connection_state::closed)
    if (!co_await detail::wait_state_change(core, seen, deadline))
      throw error(errc::timed_out, "the connection is still " + std::string(to_string(seen)));
  co_return core->state();
}

// Ends the subscription in the core unless it becomes a handle.
struct subscription_guard {
  std::shared_ptr<detail::subscription_core> made;
  core_ptr core;

  explicit subscription_guard(core_ptr c) : core(std::move(c)) {}
  subscription_guard(subscription_guard const&) = delete;
  subscription_guard& operator=(subscription_guard const&) = delete;
  ~subscription_guard() {
    if (made)
      core->unsubscribe(made->id);
  }
};

awaitable<std::shared_ptr<detail::subscription_core>> subscribe(connection self, std::string subject,
                                                                subscription_options options) {
  auto const core = open_core(self, "subscribe()");
  auto const what = "subscribe to " + quoted(subject);
  if (!detail::is_safe_filter(subject) || subject.size() + options.queue.size() > detail::max_subject_bytes)
    throw error(errc::invalid_argument, what +
                                            ": give tokens separated by single dots, without white space; `*` stands "
                                            "for one token, `>` at the end for the rest");
  if (!options.queue.empty() &&
      (!detail::is_safe_filter(options.queue) || options.queue.find_first_of("*>") != std::string::npos))
    throw error(errc::invalid_argument, what + ": the queue's name is no plain name: " + quoted(options.queue));
  auto const deadline = deadline_after({}, core->options().operation_timeout);
  subscription_guard guard(core);
  auto made = std::make_shared<detail::subscription_core>(options);
  made->connection = core;
  made->id = core->subscribe(subject, options.queue, made, nullptr);
  guard.made = made;
  for (;;) {
    auto const why = co_await detail::round_trip(core, deadline);
    if (made->ended() == detail::subscription_core::ended_by::refusal)
      throw error(errc::permission_denied, what + ": " + core->last_error_text());
    if (!why)
      break;
    if (is_closed(*why) || clock::now() >= deadline)
      throw_no_answer(*core, *why, what);
    // It stands in the core, and is made anew on the next link.
    if (!co_await detail::wait_connected(core, deadline) && core->state() != connection_state::closed)
      throw error(errc::timed_out, what + ": not connected: " + core->last_error_text());
  }
  guard.made = nullptr;
  co_return made;
}

} // namespace

std::string_view to_string(connection_state state) noexcept {
  switch (state) {
  case connection_state::connected:
    return "connected";
  case connection_state::reconnecting:
    return "reconnecting";
  case connection_state::closed:
    return "closed";
  }
  return "unknown";
}

// What runs holds a handle, so that the last copy of the caller's lets it finish.
connection::connection(std::shared_ptr<connection_core> core)
    : core_(std::move(core)), owner_(core_.get(), [keep = core_](void*) { keep->close(); }) {}

awaitable<connection> connection::connect(std::string url) {
  connection_options options;
  options.servers = detail::split_servers(url);
  if (options.servers.empty() && !url.empty())
    throw error(errc::invalid_argument, "connect: there is no server in " + quoted(url));
  co_return co_await connect(std::move(options));
}

awaitable<connection> connection::connect(connection_options options) {
  options.validate();
  options = detail::resolved(std::move(options));
  auto const deadline = deadline_after({}, options.connect_timeout);
  auto executor = options.executor;
  if (!executor)
    executor = co_await boost::asio::this_coro::executor;
  options.executor = nullptr;
  connection made(std::make_shared<connection_core>(std::move(options), executor)); // given up, it ends the attempt
  auto const core = made.core_;
  auto const result = co_await wait_until<bool>(deadline, [&](std::shared_ptr<wait_state<bool>> waiting) {
    core->start(std::make_shared<ready_waker>(std::move(waiting)));
  });
  aether::detail::throw_if_cancelled(result);
  if (result.end == wait_end::completed && *result.value)
    co_return made;
  auto const text = core->last_error_text();
  if (result.end == wait_end::timed_out)
    throw error(errc::timed_out, "connect: no connection in time" + (text.empty() ? text : ": " + text));
  auto const why = core->last_error();
  if (!why)
    throw error(errc::closed, "connect: the connection's execution context is gone");
  throw error(why, "connect: " + text);
}

awaitable<void> connection::close(call_options options) { return nats::close(*this, options); }

awaitable<message> connection::request(message m, call_options options) {
  return nats::request(*this, std::move(m), options);
}

awaitable<void> connection::publish(message m, call_options options) {
  return nats::publish(*this, std::move(m), options);
}

awaitable<void> connection::flush(call_options options) { return nats::flush(*this, options); }

awaitable<subscription> connection::subscribe(std::string subject, subscription_options options) {
  return subscribe_as_handle(*this, std::move(subject), std::move(options));
}

awaitable<subscription> connection::subscribe_as_handle(connection self, std::string subject,
                                                        subscription_options options) {
  auto made = co_await nats::subscribe(std::move(self), std::move(subject), std::move(options));
  co_return subscription(std::move(made));
}

awaitable<connection_state> connection::wait_for_change(connection_state seen, call_options options) {
  return nats::wait_for_change(core_, seen, options);
}

connection_state connection::state() const { return core_ ? core_->state() : connection_state::closed; }

boost::system::error_code connection::last_error() const {
  return core_ ? core_->last_error() : boost::system::error_code();
}

std::string connection::last_error_text() const { return core_ ? core_->last_error_text() : std::string(); }

std::string connection::connected_server() const { return core_ ? core_->connected_server() : std::string(); }

std::int64_t connection::max_payload() const { return core_ ? core_->max_payload() : 0; }

connection_statistics connection::statistics() const { return core_ ? core_->statistics() : connection_statistics(); }

} // namespace aether::nats
