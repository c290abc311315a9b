// Implementation of what reads and snapshots share, and of snapshots.
#include "testing/faulty_calls.hpp"

#include "json_writer.hpp"

namespace aether::testing::detail {

void throw_unanswered(fault_core& core, faulty_call const& call) {
  core.count(&fault_counts::timed_out);
  throw error(errc::timed_out, call.what + ": nothing answered in time (an injected fault)");
}

void fail_if_drawn(fault_core& core, faulty_call const& call) {
  if (call.drawn.what != fault::fail)
    return;
  core.count(&fault_counts::failures);
  throw error(errc::connection_lost, call.what + ": the connection was lost (an injected fault)");
}

asio::awaitable<bool> ask_behind(core_ptr core, call_ptr call) {
  bool in_time = co_await fault_core::reach(core, call);
  if (in_time) {
    core->enter(*call, stage::under_way);
    in_time = co_await fault_core::travel(core, call->drawn.there, call->deadline);
  }
  if (!in_time)
    throw_unanswered(*core, *call);
  co_return !core->is_away();
}

asio::awaitable<bool> answer_back(core_ptr core, call_ptr call) {
  core->enter(*call, stage::answering);
  bool const in_time = co_await fault_core::travel(core, call->drawn.back, call->deadline);
  if (!in_time)
    throw_unanswered(*core, *call);
  co_return !core->is_away();
}

namespace {

asio::awaitable<void> arrive_late(core_ptr core, actor_snapshot s) {
  call_options options;
  options.timeout = core->plan.operation_timeout;
  co_await core->inner->save_snapshot(std::move(s), options);
  core->count(&fault_counts::stored_late);
}

// The snapshot is at the store behind. False: nobody will say what became of it.
asio::awaitable<bool> at_the_store(core_ptr core, call_ptr call, actor_snapshot s) {
  fault const what = fault_core::take_fault(*call);
  if (what == fault::lose_request) {
    core->count(&fault_counts::lost_requests);
    co_return false;
  }
  if (what == fault::store_late) {
    core->count(&fault_counts::sent_late);
    auto arrive = [s = std::move(s)](core_ptr c) { return arrive_late(std::move(c), s); };
    core->do_later(later(core->clock->now(), call->drawn.lateness), std::move(arrive));
    co_return false;
  }
  call_options options;
  options.timeout = core->left(*call);
  co_await core->inner->save_snapshot(std::move(s), options);
  if (what == fault::lose_acknowledgement)
    core->count(&fault_counts::lost_acknowledgements);
  co_return what != fault::lose_acknowledgement;
}

} // namespace

asio::awaitable<void> save_snapshot(core_ptr core, actor_snapshot s, call_options options) {
  check_open(core);
  aether::detail::check_snapshot(s, options);
  (void)aether::detail::json_size(s); // refuses what JSON cannot hold
  auto const call = core->begin(operation::save_snapshot, options.timeout, "saving a snapshot of " + s.actor_id);
  call_end const end(core);
  fail_if_drawn(*core, *call);
  for (;;) {
    bool const asked = co_await ask_behind(core, call);
    if (!asked)
      continue;
    bool const will_be_answered = co_await at_the_store(core, call, s);
    if (!will_be_answered) {
      co_await fault_core::travel(core, core->plan.answer_wait, call->deadline);
      throw_unanswered(*core, *call);
    }
    bool const answered = co_await answer_back(core, call);
    if (answered)
      co_return;
  }
}

} // namespace aether::testing::detail
