// Order events become starts, signals and cancellations of fulfilments.
#include "dispatcher.hpp"

#include "fulfilment.hpp"
#include "order.hpp"

#include <aether/time_source.hpp>
#include <aether/typed_event.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace orders {

using namespace std::chrono_literals;

namespace {

aether::group_options what_to_dispatch() {
  aether::group_options options;
  options.name = "fulfilment";
  options.filter.actor_types = {"order"};
  options.filter.event_types = {"OrderPlaced", "OrderPaid", "OrderShipped", "OrderCancelled"};
  options.ordered_per_actor = true;
  options.max_attempts = 100;
  options.prefetch_events = 8;
  return options;
}

/// Each of these may be done again: starting twice is starting once, signals have an id, and so does cancelling have no
/// other effect.
aether::awaitable<void> tell(aether::workflow_client workflows, aether::event e) {
  auto const id = e.actor_id.substr(e.actor_id.find('-') + 1);
  auto const signal_id = e.id + "/signal";
  if (auto const placed = aether::event_if<order_placed>(e)) {
    fulfilment_input const in{e.actor_id, placed->article, placed->quantity, placed->pay_by};
    co_await workflows.start(fulfilments, id, in);
  } else if (auto const paid = aether::event_if<order_paid>(e)) {
    co_await workflows.signal(fulfilments, id, "paid", paid->reference, signal_id);
  } else if (auto const shipped = aether::event_if<order_shipped>(e)) {
    co_await workflows.signal(fulfilments, id, "shipped", shipped->tracking, signal_id);
  } else if (auto const cancelled = aether::event_if<order_cancelled>(e)) {
    if (cancelled->by == canceller::customer) // who cancels in the name of the fulfilment knows already
      co_await workflows.cancel(fulfilments, id, cancelled->reason);
  }
}

aether::awaitable<void> handle(aether::group_event e, aether::workflow_client workflows,
                               std::shared_ptr<aether::logger> log) {
  std::string wrong;
  bool again = false;
  try {
    co_await tell(workflows, e.event());
  } catch (aether::error const& failed) {
    // Not found: its beginning is handed out again, too. Finished: nobody waits for this any more.
    again = aether::is_retryable(failed.code()) || failed.code() == aether::errc::workflow_not_found;
    if (failed.code() != aether::errc::workflow_finished)
      wrong = failed.what();
  }
  if (wrong.empty()) {
    co_await e.acknowledge();
    co_return;
  }
  log->log(aether::log_level::warning, "a fulfilment was not told", {{"event", e.event().id}, {"error", wrong}});
  if (again)
    co_await e.retry_later(1s);
  else
    co_await e.reject(wrong);
}

} // namespace

aether::awaitable<void> dispatcher::work(std::shared_ptr<dispatcher> self) {
  auto joined = co_await self->store_->join_group(what_to_dispatch());
  self->group_ = std::move(joined);
  while (!self->stopping_) {
    auto e = co_await self->group_.next();
    if (e)
      co_await handle(std::move(*e), self->workflows_, self->log_);
  }
}

aether::awaitable<void> dispatcher::run(std::shared_ptr<dispatcher> self) {
  while (!self->stopping_) {
    try {
      co_await work(self);
    } catch (boost::system::system_error const& failed) {
      if (!self->stopping_)
        self->log_->log(aether::log_level::warning, "orders are dispatched anew", {{"error", failed.what()}});
    }
    if (!self->stopping_)
      co_await aether::machine_time()->sleep_for(500ms);
  }
}

void dispatcher::stop() {
  stopping_ = true;
  group_ = aether::event_group(); // ends the wait for an event
}

} // namespace orders
