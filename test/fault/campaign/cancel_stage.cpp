// Driving one or two contexts by hand.
#include "fault/campaign/cancel_stage.hpp"

#include <support/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace aether::fault {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto bound = 40s; // for what must end: longer than any timeout, which would show as an error

awaitable<void> connect(stage& s, std::string stream) {
  s.on = co_await nats::connection::connect(s.options());
  if (!stream.empty())
    s.store = co_await nats::jetstream_event_store::open(s.on, std::move(stream));
}

} // namespace

// True when a handler ran. A context that ran out of work has to be told to go on.
bool stage::place::poll() {
  if (!context)
    return false;
  if (context->stopped())
    context->restart();
  return context->poll_one() > 0;
}

bool stage::place::is_idle() { return !context || (!poll() && context->stopped()); }

void stage::place::start_threads(int count) {
  if (!context)
    return;
  if (context->stopped())
    context->restart();
  // The guard is one of the threads' own: it goes when they are told to end.
  for (int i = 0; i < count; ++i)
    threads.emplace_back([c = context.get(), guard = asio::make_work_guard(*context)]() mutable { c->run(); });
}

void stage::place::join_threads() {
  if (context && !threads.empty())
    context->stop();
  for (auto& t : threads)
    t.join();
  threads.clear();
}

void stage::place::destroy() {
  if (context)
    context->stop();
  join_threads();
  context.reset();
}

stage::stage(std::string url, contexts where, std::chrono::nanoseconds connection_timeout) : where_(where) {
  home_.context = std::make_unique<asio::io_context>();
  if (where_ != contexts::one) {
    callers_.context = std::make_unique<asio::io_context>();
    options_.executor = home_.context->get_executor();
  }
  options_.servers.push_back(std::move(url));
  options_.operation_timeout = connection_timeout;
  options_.connect_timeout = 30s; // busy machines; the call to connect has its own
  options_.reconnect_wait = 1ms;
}

void stage::set_up(std::string stream) {
  run(connect(*this, std::move(stream)));
  core_ = on.core();
}

void stage::run(awaitable<void> body) {
  std::optional<std::exception_ptr> end;
  asio::co_spawn(*callers().context, std::move(body), [&](std::exception_ptr e) { end = e; });
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
  l.signal = std::make_shared<asio::cancellation_signal>();
  l.executor = callers().context->get_executor();
  if (threaded_)
    l.executor = asio::make_strand(l.executor);
  auto handler = [w, signal = l.signal](std::exception_ptr e) { // the signal may not go before the call's frame
    if (e) // cancelled before it began
      w->error = asio::error::operation_aborted;
    w->ended = true;
  };
  asio::co_spawn(l.executor, std::move(call), asio::bind_cancellation_slot(l.signal->slot(), std::move(handler)));
}

bool stage::step(std::chrono::nanoseconds patience) {
  auto const until = clock::now() + patience;
  for (;;) {
    if (where_ == contexts::home_first ? home_.poll() || callers_.poll() : callers_.poll() || home_.poll())
      return true;
    auto const left = until - clock::now();
    if (left <= 0ns)
      return false;
    // Sockets are at home; at the other one there are only deadlines and what was posted from here.
    auto* const waiting = home_.context ? home_.context.get() : callers_.context.get();
    if (!waiting)
      return false;
    bool const alone = !home_.context || !callers_.context;
    if (waiting->run_one_for(alone ? left : std::min<std::chrono::nanoseconds>(left, 500us)) > 0)
      return true;
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
    if (threaded_)
      std::this_thread::sleep_for(100us);
    else
      step(10ms);
  return all_ended();
}

bool stage::run_out() {
  for (auto const until = clock::now() + test::scaled(bound); clock::now() < until;) {
    if (callers_.is_idle() && home_.is_idle() && callers_.is_idle())
      return true;
    step(200us);
  }
  return false;
}

void stage::cancel() {
  for (auto& l : calls_)
    if (threaded_)
      asio::post(l.executor, [signal = l.signal] { signal->emit(asio::cancellation_type::terminal); });
    else
      l.signal->emit(asio::cancellation_type::terminal);
}

void stage::drop_handles() {
  on = nats::connection();
  store = nats::jetstream_event_store();
  inbox.reset();
}

void stage::start_threads(int each) {
  threaded_ = true;
  home_.start_threads(each);
  callers_.start_threads(each);
}

void stage::join_threads() {
  home_.join_threads();
  callers_.join_threads();
  threaded_ = false;
}

// What holds a strand goes with the context: neither later, nor before the library has closed its gate there, as then
// nothing that ThreadSanitizer understands would order it behind other threads' uses (Asio counts with fences).
void stage::destroy_callers() {
  auto& at = callers();
  at.join_threads();
  for (auto& l : calls_)
    if (at.context)
      asio::post(*at.context, [signal = std::move(l.signal), executor = std::exchange(l.executor, {})] {});
  at.destroy();
}

bool stage::nothing_is_left() const {
  for (auto const& l : calls_)
    if (l.w.use_count() != 1)
      return false;
  return core_.expired();
}

} // namespace aether::fault
