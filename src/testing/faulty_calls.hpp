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

/// One question, asked until it is answered. `ask` is called for each time.
template <class T>
asio::awaitable<T> read(core_ptr core, std::string actor_id, call_options options,
                        std::function<asio::awaitable<T>(event_store&, call_options)> ask) {
  check_open(core);
  aether::detail::check_actor(actor_id, options);
  auto const call = core->begin(operation::read, options.timeout, "reading of " + actor_id);
  call_end const end(core);
  fail_if_drawn(*core, *call);
  for (;;) {
    bool const asked = co_await ask_behind(core, call);
    if (!asked)
      continue;
    options.timeout = core->left(*call);
    T value = co_await ask(*core->inner, options);
    bool const answered = co_await answer_back(core, call);
    if (answered)
      co_return value;
  }
}

asio::awaitable<void> save_snapshot(core_ptr core, actor_snapshot s, call_options options);

} // namespace aether::testing::detail
