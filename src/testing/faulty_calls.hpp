// Reads and snapshots on a fault_injecting_store.
#pragma once

#include "testing/fault_core.hpp"

#include "store_checks.hpp"

#include <functional>
#include <string>
#include <utility>

namespace aether::testing::detail {

/// Throws what a call of a kind ends with that is not answered: timed_out, as a snapshot knows no unknown outcome.
[[noreturn]] void throw_unanswered(fault_core& core, faulty_call const& call);
/// Throws connection_lost when that is what becomes of the call.
void fail_if_drawn(fault_core& core, faulty_call const& call);

/// Until the question is at the store behind. False: an outage took it, and it is to be asked again.
asio::awaitable<bool> ask_behind(core_ptr core, call_ptr call);
/// Until its answer is back; false as before.
asio::awaitable<bool> answer_back(core_ptr core, call_ptr call);

template <class T> using question = std::function<asio::awaitable<T>(event_store&, call_options)>;

/// One question that meets the faults of a read, asked until it is answered. `ask` is called for each time.
template <class T>
asio::awaitable<T> ask_through(core_ptr core, std::chrono::nanoseconds timeout, std::string what, question<T> ask) {
  auto const call = core->begin(operation::read, timeout, std::move(what));
  call_end const end(core);
  fail_if_drawn(*core, *call);
  for (;;) {
    bool const asked = co_await ask_behind(core, call);
    if (!asked)
      continue;
    call_options options;
    options.timeout = core->left(*call);
    T value = co_await ask(*core->inner, options);
    bool const answered = co_await answer_back(core, call);
    if (answered)
      co_return value;
  }
}

/// The same about one actor.
template <class T> asio::awaitable<T> read(core_ptr core, std::string actor_id, call_options options, question<T> ask) {
  check_open(core);
  aether::detail::check_actor(actor_id, options);
  co_return co_await ask_through<T>(core, options.timeout, "reading of " + actor_id, std::move(ask));
}

asio::awaitable<void> save_snapshot(core_ptr core, actor_snapshot s, call_options options);

} // namespace aether::testing::detail
