// How a save meets its faults: handed over, on its way, at the store behind, and its answer on the way back.
#include "testing/faulty_save.hpp"

#include "detail/utf8.hpp"
#include "json_writer.hpp"
#include "store_checks.hpp"

#include <boost/asio/error.hpp>

#include <exception>
#include <utility>

namespace aether::testing::detail {
namespace {

// A save under way. `end` runs last: what waits for the end of all calls must find its attempt told or remembered.
struct saving {
  core_ptr const core;
  call_end const end;
  call_ptr const call;
  save_request const request;

  saving(core_ptr c, call_ptr begun, save_request r)
      : core(c), end(std::move(c)), call(std::move(begun)), request(std::move(r)) {}
};
using saving_ptr = std::shared_ptr<saving>;

struct answer {
  std::optional<save_outcome> outcome; // none: an error
  std::exception_ptr failure;

  answer() = default;
};

// An attempt that was handed over. Unless somebody says that it was answered it is remembered as unanswered: whatever
// ends the coroutine, the store may hold the event.
class attempt_under_way {
public:
  explicit attempt_under_way(saving_ptr s) : saving_(std::move(s)) {}
  attempt_under_way(attempt_under_way const&) = delete;
  attempt_under_way& operator=(attempt_under_way const&) = delete;
  ~attempt_under_way() {
    if (handed_over_)
      saving_->core->with_attempts([this](open_attempts& open) { open.lost(saving_->request); });
  }

  void hand_over(std::int64_t base) {
    saving_->core->with_attempts([&](open_attempts& open) { open.hand_over(saving_->request, base); });
    handed_over_ = true;
  }
  void answered() {
    if (std::exchange(handed_over_, false))
      saving_->core->with_attempts([this](open_attempts& open) { open.answered(saving_->request); });
  }

private:
  saving_ptr saving_;
  bool handed_over_ = false;
};

void check(save_request const& request) {
  if (request.batch)
    aether::detail::check_batch(request.events, request.options, version_policy::increasing);
  else
    aether::detail::check_save(request.events.front(), request.options);
  for (event const& e : request.events)
    (void)aether::detail::json_size(e); // refuses what JSON cannot hold
}

std::string name_of(save_request const& request) {
  return (request.batch ? "the batch up to version " : "version ") + std::to_string(request.events.back().version) +
         " of " + aether::detail::quoted(request.actor_id());
}

[[noreturn]] void throw_unknown(saving const& s, std::string const& why) {
  s.core->count(&fault_counts::unknown);
  throw error(errc::outcome_unknown,
              "saving " + s.call->what + ": " + why + "; save the same event again to learn (an injected fault)");
}

// This error, unless an attempt may be stored: one of this call, or an earlier one.
[[noreturn]] void throw_unanswered(saving const& s, errc code, std::string const& why) {
  if (s.core->with_attempts([&](open_attempts& open) { return open.is_open(s.request); }))
    throw_unknown(s, why + ", and an attempt is unanswered");
  if (code == errc::timed_out)
    s.core->count(&fault_counts::timed_out);
  throw error(code, "saving " + s.call->what + ": " + why + "; nothing was stored (an injected fault)");
}

bool is_failure(std::exception_ptr const& failure, boost::system::error_code code) {
  try {
    if (failure)
      std::rethrow_exception(failure);
  } catch (boost::system::system_error const& e) {
    return e.code() == code;
  } catch (...) {
  }
  return false;
}

asio::awaitable<save_outcome> save_behind(event_store& inner, save_request request) {
  return request.batch ? inner.try_save_events(std::move(request.events), request.options)
                       : inner.try_save_event(std::move(request.events.front()), request.options);
}

// What the store behind says to the request. Cancellation passes through.
asio::awaitable<answer> ask(saving_ptr s) {
  answer out;
  try {
    save_request request = s->request;
    request.options.timeout = s->core->left(*s->call);
    save_outcome outcome = co_await save_behind(*s->core->inner, std::move(request));
    out.outcome = std::move(outcome);
  } catch (...) {
    out.failure = std::current_exception();
  }
  if (is_failure(out.failure, asio::error::operation_aborted))
    std::rethrow_exception(out.failure);
  co_return out;
}

asio::awaitable<std::int64_t> current_version(core_ptr core, std::string actor_id, std::chrono::nanoseconds timeout) {
  call_options options;
  options.timeout = timeout;
  co_return co_await core->inner->latest_version(std::move(actor_id), options);
}

// An attempt that arrives when nobody waits for it. Like every attempt it is stored only as the first event after the
// version at which it was handed over: otherwise a conflict that was told meanwhile would turn out wrong.
asio::awaitable<void> arrive_late(core_ptr core, save_request request, std::int64_t base) {
  std::int64_t const current = co_await current_version(core, request.actor_id(), core->plan.operation_timeout);
  bool stored = false;
  if (current == base) {
    request.options.timeout = core->plan.operation_timeout;
    save_outcome const outcome = co_await save_behind(*core->inner, request);
    if (auto const* as = std::get_if<saved>(&outcome)) {
      stored = !as->already_saved;
      core->with_attempts([&](open_attempts& open) { open.was_stored(request, *as); });
    }
  }
  core->count(stored ? &fault_counts::stored_late : &fault_counts::came_too_late);
}

void store_later(saving const& s, time_point due, std::int64_t base) {
  auto arrive = [request = s.request, base](core_ptr core) { return arrive_late(std::move(core), request, base); };
  s.core->do_later(due, std::move(arrive));
}

// When the rival is refused there is no conflict to be had of it, and the save goes on.
asio::awaitable<void> store_rival(saving_ptr s) {
  save_options options = s->request.options; // what lets the event in lets in its rival
  options.timeout = s->core->left(*s->call);
  event rival = make_rival(s->request.events.front(), s->core->plan, s->call->number);
  try {
    save_outcome const outcome = co_await s->core->inner->try_save_event(std::move(rival), options);
    if (std::holds_alternative<saved>(outcome))
      s->core->count(&fault_counts::conflicts);
  } catch (error const&) {
  }
}

[[noreturn]] void throw_answer(saving const& s, answer const& a) {
  if (s.core->with_attempts([&](open_attempts& open) { return open.tell_error(s.request); }) == told::as_answered)
    std::rethrow_exception(a.failure);
  std::string why = "refused, while an earlier attempt is unanswered";
  try {
    std::rethrow_exception(a.failure);
  } catch (std::exception const& e) {
    why += std::string(" (") + e.what() + ")";
  } catch (...) {
  }
  throw_unknown(s, why);
}

// The answer has come back: what the caller is told.
save_outcome tell(saving const& s, answer const& a) {
  if (!a.outcome)
    throw_answer(s, a);
  if (s.core->with_attempts([&](open_attempts& open) { return open.tell(s.request, *a.outcome); }) == told::unknown)
    throw_unknown(s, "what was expected is not so, while an attempt that expected something else is unanswered");
  return *a.outcome;
}

// The answer never comes: how long the caller waits for it.
asio::awaitable<void> wait_in_vain(saving_ptr s) {
  co_await fault_core::travel(s->core, s->core->plan.answer_wait, s->call->deadline);
}

// The request is at the store behind. No answer: it is lost, or the request was.
asio::awaitable<std::optional<answer>> at_the_store(saving_ptr s, std::int64_t base) {
  fault_core& core = *s->core;
  std::optional<answer> out;
  fault const what = fault_core::take_fault(*s->call);
  if (what == fault::lose_request) {
    core.count(&fault_counts::lost_requests);
    co_return out;
  }
  if (what == fault::store_late) {
    core.count(&fault_counts::sent_late);
    store_later(*s, later(core.clock->now(), s->call->drawn.lateness), base);
    co_return out;
  }
  if (what == fault::conflict)
    co_await store_rival(s);
  answer got = co_await ask(s);
  auto const* as = got.outcome ? std::get_if<saved>(&*got.outcome) : nullptr;
  if (as != nullptr)
    core.with_attempts([&](open_attempts& open) { open.was_stored(s->request, *as); });
  if (what == fault::lose_acknowledgement && as != nullptr) {
    core.count(&fault_counts::lost_acknowledgements);
    co_return out;
  }
  out = std::move(got);
  co_return out;
}

// The way to the store behind. False: an outage took the request. When the caller does not wait so long, the request
// arrives all the same.
asio::awaitable<bool> on_the_way(saving_ptr s, std::int64_t base) {
  fault_core& core = *s->core;
  faulty_call& call = *s->call;
  core.enter(call, stage::under_way);
  time_point const arrives = later(core.clock->now(), call.drawn.there);
  bool in_time = false;
  std::exception_ptr cancelled;
  try {
    in_time = co_await fault_core::travel(s->core, call.drawn.there, call.deadline);
  } catch (...) {
    cancelled = std::current_exception();
  }
  if (!in_time && call.drawn.what != fault::lose_request && !core.is_away())
    store_later(*s, arrives, base);
  if (cancelled)
    std::rethrow_exception(cancelled);
  if (!in_time)
    throw_unknown(*s, "no answer in time");
  co_return !core.is_away();
}

// The way of the answer; an outage holds it up, as it has to be asked for again. False: it does not come in time.
asio::awaitable<bool> on_the_way_back(saving_ptr s) {
  s->core->enter(*s->call, stage::answering);
  bool in_time = co_await fault_core::travel(s->core, s->call->drawn.back, s->call->deadline);
  if (in_time)
    in_time = co_await fault_core::reach(s->core, s->call);
  co_return in_time;
}

// The actor's version, which says whether there is to be an attempt, and which it expects.
asio::awaitable<std::int64_t> base_of(saving_ptr s) {
  std::int64_t base = 0;
  answer refused;
  try {
    base = co_await current_version(s->core, s->request.actor_id(), s->core->left(*s->call));
  } catch (error const&) {
    refused.failure = std::current_exception();
  }
  if (refused.failure)
    throw_answer(*s, refused);
  co_return base;
}

// One attempt while the store behind can be reached. None: an outage took the request, so that there is to be another.
asio::awaitable<std::optional<save_outcome>> attempt_once(saving_ptr s) {
  fault_core& core = *s->core;
  std::optional<save_outcome> out;
  if (auto const known = core.with_attempts([&](open_attempts& open) { return open.known(s->request); })) {
    answer found;
    found.outcome = *known;
    out = tell(*s, found);
    co_return out;
  }
  std::int64_t const base = co_await base_of(s);
  attempt_under_way attempt(s);
  if (stands(s->request, base)) {
    attempt.hand_over(base);
    bool const arrived = co_await on_the_way(s, base);
    if (!arrived)
      co_return out;
  } else {
    s->call->drawn.what = fault::none; // nothing is handed over that could be lost
  }
  std::optional<answer> const got = co_await at_the_store(s, base);
  if (!got) {
    co_await wait_in_vain(s);
    throw_unknown(*s, "no answer");
  }
  bool const in_time = co_await on_the_way_back(s);
  if (!in_time)
    throw_unanswered(*s, errc::timed_out, "no answer in time");
  if (!is_failure(got->failure, make_error_code(errc::outcome_unknown)))
    attempt.answered();
  out = tell(*s, *got);
  co_return out;
}

} // namespace

asio::awaitable<save_outcome> save(core_ptr core, save_request request) {
  check_open(core);
  check(request);
  if (request.events.size() > 1 && !core->inner->supports_batches())
    throw error(errc::batch_not_supported, "the store behind takes no batches");
  auto const call = core->begin(operation::save, request.options.timeout, name_of(request));
  auto const s = std::make_shared<saving>(core, call, std::move(request));
  if (call->drawn.what == fault::fail) {
    core->count(&fault_counts::failures);
    throw_unanswered(*s, errc::connection_lost, "the connection was lost before anything was handed over");
  }
  for (;;) {
    bool const reached = co_await fault_core::reach(core, call);
    if (!reached)
      throw_unanswered(*s, errc::timed_out, "nothing answered in time");
    std::optional<save_outcome> const outcome = co_await attempt_once(s);
    if (outcome)
      co_return *outcome;
  }
}

} // namespace aether::testing::detail
