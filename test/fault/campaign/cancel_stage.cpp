// Driving one or two contexts by hand.
#include "fault/campaign/cancel_stage.hpp"

#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <stdexcept>

namespace aether::fault {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto bound = 15s; // for what must end; a call's own timeout is 10 s, and would show as its error

// True when a handler ran. A context that ran out of work has to be told to go on.
bool poll(std::unique_ptr<asio::io_context> const& context) {
  if (!context)
    return false;
  if (context->stopped())
    context->restart();
  return context->poll_one() > 0;
}

awaitable<void> connect(stage& s, std::string stream) {
  s.on = co_await nats::connection::connect(s.options());
  if (!stream.empty())
    s.store = co_await nats::jetstream_event_store::open(s.on, std::move(stream));
}

} // namespace

stage::stage(std::string url, bool two_contexts, std::chrono::nanoseconds connection_timeout) : two_(two_contexts) {
  if (two_) {
    callers_ = std::make_unique<asio::io_context>();
    options_.executor = home_->get_executor();
  }
  options_.servers.push_back(std::move(url));
  options_.operation_timeout = connection_timeout;
  options_.reconnect_wait = 1ms;
}

void stage::set_up(std::string stream) {
  run(connect(*this, std::move(stream)));
  core_ = on.core();
}

void stage::run(awaitable<void> body) {
  std::optional<std::exception_ptr> end;
  asio::co_spawn(callers(), std::move(body), [&](std::exception_ptr e) { end = e; });
  for (auto const until = clock::now() + test::scaled(bound); !end && clock::now() < until;)
    step(10ms);
  if (!end)
    throw std::runtime_error("what prepares a call does not end");
  if (*end)
    std::rethrow_exception(*end);
}

void stage::spawn(contract promise, std::shared_ptr<watched> w, awaitable<void> call) {
  auto& l = calls_.emplace_back();
  l.promise = std::move(promise);
  l.w = w;
  l.signal = std::make_unique<asio::cancellation_signal>();
  auto handler = [w](std::exception_ptr e) {
    if (e) // cancelled before it began
      w->error = asio::error::operation_aborted;
    w->ended = true;
  };
  asio::co_spawn(callers(), std::move(call), asio::bind_cancellation_slot(l.signal->slot(), std::move(handler)));
}

bool stage::step(std::chrono::nanoseconds patience) {
  auto const until = clock::now() + patience;
  for (;;) {
    if (poll(callers_) || poll(home_))
      return true;
    auto const left = until - clock::now();
    if (left <= 0ns)
      return false;
    // Sockets are at home; at the other one there are only deadlines and what was posted from here.
    if (home_ && home_->run_one_for(callers_ ? std::min<std::chrono::nanoseconds>(left, 500us) : left) > 0)
      return true;
    if (!home_ && callers_ && callers_->run_one_for(left) > 0)
      return true;
    if (!home_ && !callers_)
      return false;
  }
}

bool stage::all_ended() const {
  for (auto const& l : calls_)
    if (!l.w->ended)
      return false;
  return true;
}

bool stage::run_calls() {
  for (auto const until = clock::now() + test::scaled(bound); !all_ended() && clock::now() < until;)
    step(10ms);
  return all_ended();
}

bool stage::run_out() {
  auto const idle = [](std::unique_ptr<asio::io_context> const& context) {
    return !context || (!poll(context) && context->stopped());
  };
  for (auto const until = clock::now() + test::scaled(bound); clock::now() < until;) {
    if (idle(callers_) && idle(home_) && idle(callers_))
      return true;
    step(200us);
  }
  return false;
}

void stage::cancel() {
  for (auto& l : calls_)
    l.signal->emit(asio::cancellation_type::terminal);
}

void stage::drop_handles() {
  on = nats::connection();
  store = nats::jetstream_event_store();
  inbox.reset();
}

void stage::destroy_callers() {
  auto& context = two_ ? callers_ : home_;
  if (context)
    context->stop();
  context.reset();
}

void stage::destroy_home() {
  if (home_)
    home_->stop();
  home_.reset();
}

bool stage::nothing_is_left() const {
  for (auto const& l : calls_)
    if (l.w.use_count() != 1)
      return false;
  return core_.expired();
}

} // namespace aether::fault
