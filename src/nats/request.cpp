// Requests for coroutines: a wait in the caller's context, completed from the connection's strand.
#include "nats/request.hpp"

#include "detail/wait.hpp"

namespace aether::nats::detail {

using aether::detail::wait_end;
using aether::detail::wait_state;
using aether::detail::wait_until;

namespace {

class one_answer final : public reply_sink {
public:
  explicit one_answer(std::shared_ptr<wait_state<answer>> waiting) : waiting_(std::move(waiting)) {}

  bool on_reply(native_message reply) override {
    answer a;
    a.message = std::move(reply);
    waiting_->complete(std::move(a));
    return false;
  }
  void on_no_answer(no_answer why) override {
    answer a;
    a.why = why;
    waiting_->complete(std::move(a));
  }

private:
  std::shared_ptr<wait_state<answer>> waiting_;
};

class ready final : public ready_sink {
public:
  explicit ready(std::shared_ptr<wait_state<bool>> waiting) : waiting_(std::move(waiting)) {}
  void on_ready(bool closed) override { waiting_->complete(!closed); }
  bool is_over() const noexcept override { return waiting_->is_ended(); }

private:
  std::shared_ptr<wait_state<bool>> waiting_;
};

} // namespace

boost::asio::awaitable<answer> send_and_wait(std::shared_ptr<connection_core> core, outgoing_message message,
                                             std::uint64_t token, steady_time deadline, bool exactly) {
  // The core's own deadline only frees what it holds: the caller's passes in the caller's context.
  auto result = co_await wait_until<answer>(deadline, [&](std::shared_ptr<wait_state<answer>> waiting) {
    auto sink = std::make_shared<one_answer>(std::move(waiting));
    if (exactly)
      core->request_exactly(std::move(message), token, std::move(sink), deadline);
    else
      core->request(std::move(message), token, std::move(sink), deadline);
  });
  if (result.end == wait_end::completed)
    co_return std::move(*result.value);
  core->abandon(token);
  aether::detail::throw_if_cancelled(result);
  answer none;
  bool const closed = result.end != wait_end::timed_out || core->state() == connection_state::closed;
  none.why = closed ? no_answer::closed_meanwhile : no_answer::timed_out;
  co_return none;
}

boost::asio::awaitable<answer> request_once(std::shared_ptr<connection_core> core, outgoing_message message,
                                            std::uint64_t token, steady_time deadline) {
  return send_and_wait(std::move(core), std::move(message), token, deadline, false);
}

boost::asio::awaitable<answer> request_once(std::shared_ptr<connection_core> core, std::string subject,
                                            std::string data, steady_time deadline) {
  auto const token = core->next_token();
  outgoing_message message(subject, core->reply_subject(token), data);
  co_return co_await send_and_wait(std::move(core), std::move(message), token, deadline, false);
}

boost::asio::awaitable<answer> request_exactly_once(std::shared_ptr<connection_core> core, message m,
                                                    steady_time deadline) {
  auto const token = core->next_token();
  outgoing_message made(m, core->own_inbox(token));
  co_return co_await send_and_wait(std::move(core), std::move(made), token, deadline, true);
}

boost::asio::awaitable<std::optional<no_answer>> round_trip(std::shared_ptr<connection_core> core,
                                                            steady_time deadline) {
  for (;;) {
    auto const token = core->next_token();
    outgoing_message message(core->reply_subject(token), {}, {});
    auto const a = co_await send_and_wait(core, std::move(message), token, deadline, false);
    if (a || (a.why == no_answer::permission_denied && !core->inbox_refused()))
      co_return std::nullopt;
    if (a.why != no_answer::no_responders) // which was said of another request on this inbox
      co_return a.why;
  }
}

boost::asio::awaitable<bool> wait_connected(std::shared_ptr<connection_core> core, steady_time deadline) {
  auto result = co_await wait_until<bool>(deadline, [&](std::shared_ptr<wait_state<bool>> waiting) {
    core->when_ready(std::make_shared<ready>(std::move(waiting)));
  });
  aether::detail::throw_if_cancelled(result);
  co_return result.end == wait_end::completed && *result.value;
}

boost::asio::awaitable<bool> wait_state_change(std::shared_ptr<connection_core> core, connection_state seen,
                                               steady_time deadline) {
  auto result = co_await wait_until<bool>(deadline, [&](std::shared_ptr<wait_state<bool>> waiting) {
    core->when_state_is_not(seen, std::make_shared<ready>(std::move(waiting)));
  });
  aether::detail::throw_if_cancelled(result);
  co_return result.end != wait_end::timed_out;
}

boost::asio::awaitable<void> pause_until(steady_time when) {
  auto result = co_await wait_until<bool>(when, [](std::shared_ptr<wait_state<bool>>) {});
  aether::detail::throw_if_cancelled(result);
}

boost::asio::awaitable<answer> ask(std::shared_ptr<connection_core> core, std::string subject, std::string data,
                                   steady_time deadline, std::chrono::nanoseconds attempt_timeout) {
  using clock = std::chrono::steady_clock;
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1);
  for (;;) {
    auto const until = std::min(deadline, clock::now() + attempt_timeout);
    auto a = co_await request_once(core, subject, data, until);
    if (a || is_closed(a.why) || is_denied(a.why))
      co_return a;
    auto const connected = co_await wait_connected(core, deadline);
    if (!connected && core->state() == connection_state::closed)
      a.why = no_answer::closed;
    if (!connected || clock::now() >= deadline)
      co_return a;
    if (a.why == no_answer::timed_out)
      continue;
    // Nobody listens, or the link broke under the request: it may last.
    co_await pause_until(std::min(deadline, clock::now() + pause));
    pause = std::min<std::chrono::nanoseconds>(pause * 2, std::chrono::milliseconds(100));
  }
}

} // namespace aether::nats::detail
