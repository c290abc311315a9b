// Runs an operation so many handlers far, ends it, and looks at what is left.
#include "fault/campaign/cancel_matrix.hpp"

#include "fault/campaign/logged_store.hpp"

#include <support/run.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <thread>

namespace aether::fault {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

#ifdef AETHER_TEST_SANITIZED
constexpr auto short_time = 40ms;
#else
constexpr auto short_time = 15ms;
#endif

bool is_stalled(ending e) { return e == ending::stalled_deadline || e == ending::stalled_signal; }
bool is_deadline(ending e) { return e == ending::stalled_deadline || e == ending::late_deadline; }

} // namespace

std::ostream& operator<<(std::ostream& out, ending e) {
  switch (e) {
  case ending::signal:
    return out << "cancelled";
  case ending::stalled_signal:
    return out << "cancelled, no answer";
  case ending::stalled_deadline:
    return out << "deadline, no answer";
  case ending::late_deadline:
    return out << "deadline, with the answer";
  case ending::handles:
    return out << "handles gone";
  case ending::callers_context:
    return out << "caller's context gone";
  case ending::homes_context:
    return out << "connection's context gone";
  }
  return out;
}

bool allowed(ending e, bool struck, contract const& promise, watched const& w) {
  if (w.odd)
    return false;
  if (!w.error)
    return promise.right(w);
  if (std::find(promise.also.begin(), promise.also.end(), w.error) != promise.also.end())
    return true;
  if (is_deadline(e)) // a busy machine may let it pass earlier
    return w.error == errc::timed_out || (promise.is_save && w.error == errc::outcome_unknown);
  if (!struck)
    return false;
  switch (e) {
  case ending::signal:
  case ending::stalled_signal:
    return w.error == boost::asio::error::operation_aborted;
  case ending::homes_context:
    return w.error == errc::closed || (promise.is_save && w.error == errc::outcome_unknown);
  default:
    return false;
  }
}

std::string words_of(watched const& w) {
  if (w.odd)
    return "an exception of another kind";
  if (w.error)
    return w.error.message();
  if (w.outcome)
    return std::holds_alternative<saved>(*w.outcome) ? "saved" : "conflict";
  return "returned " + std::to_string(w.value);
}

scene scene_of(tried_call const& o, std::string stream, std::string actor, std::chrono::nanoseconds timeout) {
  scene at;
  at.stream = std::move(stream);
  at.actor = std::move(actor);
  for (std::size_t i = 0; o.version > 0 && i < o.events; ++i)
    at.batch.push_back(fault_event(at.actor, o.version + static_cast<std::int64_t>(i)));
  at.options.expected_version = o.expects;
  at.options.timeout = at.call.timeout = timeout;
  return at;
}

told_save told_by(stage const& s, scene const& at, tried_call const& o) {
  auto const& w = *s.calls().front().w;
  told_save t;
  t.batch = at.batch;
  t.options.expected_version = at.options.expected_version;
  t.may_conflict = o.may_conflict;
  if (w.ended) {
    t.outcome = w.outcome;
    t.error = w.error;
  }
  return t;
}

cancel_matrix::cancel_matrix(std::uint16_t server_port, int stride)
    : port_(server_port), stride_(stride), way_there_(server_port), others_(server_port) {}

matrix_counts cancel_matrix::run(tried_call const& o, ending e, contexts where) {
  matrix_counts counts;
  bool const skip_first = o.is_given_context && e == ending::homes_context;
  bool more = skip_first || end_at(0, o, e, where, counts);
  int const first = stride_ == 1 ? 1 : 1 + (static_cast<int>(e) * 2 + static_cast<int>(where)) % stride_;
  for (int point = first; more && counts.wrong.size() < 5; point += stride_ == 1 ? 1 : std::max(stride_, point / 8))
    more = end_at(point, o, e, where, counts);
  return counts;
}

void cancel_matrix::strike(stage& s, ending e, int point, clock::time_point deadline) {
  switch (e) {
  case ending::signal:
    s.cancel();
    break;
  case ending::stalled_signal:
  case ending::stalled_deadline:
    way_there_.stall(way::to_server);
    way_there_.stall(way::to_client);
    if (e == ending::stalled_signal)
      s.cancel();
    break;
  case ending::late_deadline:
    std::this_thread::sleep_until(deadline + 1ms);
    break;
  case ending::handles:
    s.drop_handles();
    break;
  case ending::callers_context:
    if (point % 2 == 0) // before the handles or after them
      s.drop_handles();
    s.destroy_callers();
    break;
  case ending::homes_context:
    s.destroy_home();
    break;
  }
}

// True when the call had not ended before.
bool cancel_matrix::end_at(int point, tried_call const& o, ending e, contexts where, matrix_counts& counts) {
  auto const wrong = [&](std::string const& what) {
    counts.wrong.push_back(o.name + ", point " + std::to_string(point) + ": " + what);
  };
  auto const stream = o.version > 0 ? "SAVES-" + std::to_string(streams_) : std::string(history_stream);
  auto at = scene_of(o, stream, "order-" + std::to_string(++actors_),
                     is_deadline(e) ? o.patience * short_time : std::chrono::nanoseconds());
  at.others = &others_;
  auto const url = is_stalled(e) ? way_there_.url() : "nats://127.0.0.1:" + std::to_string(port_);
  stage s(url, where, at.call.timeout);
  s.set_up(o.needs_store ? at.stream : std::string());
  if (o.prepare)
    s.run(o.prepare(s, at));
  auto const deadline = clock::now() + at.call.timeout;
  o.begin(s, at);
  for (int i = 0; i < point && !s.all_ended(); ++i)
    if (!s.step(100ms))
      break;
  bool const struck = !s.all_ended();
  if (struck)
    strike(s, e, point, deadline);
  bool const frames_gone = struck && e == ending::callers_context;
  if (!frames_gone && !s.run_calls())
    wrong("it does not end");
  for (auto const& l : s.calls())
    if (l.w->ended && !allowed(e, struck, l.promise, *l.w))
      wrong("it ended with: " + words_of(*l.w));
  if (o.version > 0)
    book_.add(told_by(s, at, o));
  way_there_.go_on(way::to_server);
  way_there_.go_on(way::to_client);
  s.drop_handles();
  if (!s.run_out())
    wrong("its contexts do not run out of work");
  s.destroy();
  if (!s.nothing_is_left())
    wrong("something of it is left");
  counts.points += struck;
  return struck;
}

std::vector<std::string> cancel_matrix::check_saves() {
  auto wrong = book_.size() > 0 ? book_.check(port_, "SAVES-" + std::to_string(streams_)) : std::vector<std::string>();
  ++streams_;
  book_.clear();
  return wrong;
}

} // namespace aether::fault
