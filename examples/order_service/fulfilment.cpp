// The fulfilment of an order: waits for the payment, reserves stock, waits until it is shipped, and undoes the rest.
#include "fulfilment.hpp"

#include "order.hpp"
#include "stock.hpp"

#include <aether/retry.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

namespace orders {

using namespace std::chrono_literals;

namespace {

/// A step's key is the id of its command, so a step that runs again after a crash counts once.
aether::command_options with_key(aether::step_info const& info) {
  aether::command_options options;
  options.command_id = info.key;
  return options;
}

/// Steps wait for a store that is away, as long as somebody may take to mend it.
aether::step_options patient() {
  aether::retry_options again;
  again.max_attempts = 10'000;
  again.max_elapsed = 24h;
  aether::step_options options;
  options.retry = aether::retry_policy(again);
  return options;
}

/// False: there are not so many pieces.
aether::awaitable<bool> reserve(aether::actor<stock> from, fulfilment_input in) {
  auto const outcome = co_await from.try_execute<reserve_pieces>(in.order, in.quantity);
  co_return std::holds_alternative<aether::command_result>(outcome);
}

aether::awaitable<void> release(aether::actor<stock> to, std::string order) {
  co_await to.execute<release_pieces>(order);
}

/// False: it was paid, or cancelled, at the last moment.
aether::awaitable<bool> expire(aether::actor<order> which) {
  auto const result = co_await which.execute<expire_order>();
  co_return result.first_version != 0;
}

/// False: it was cancelled meanwhile.
aether::awaitable<bool> confirm(aether::actor<order> which) {
  auto const outcome = co_await which.try_execute<confirm_stock>();
  co_return std::holds_alternative<aether::command_result>(outcome);
}

aether::awaitable<void> give_up(aether::actor<order> which) {
  co_await which.try_execute<cancel_order>("sold out", canceller::fulfilment); // or the customer was faster
}

aether::awaitable<void> take(aether::actor<stock> from, std::string order) {
  co_await from.execute<take_pieces>(order);
}

} // namespace

aether::awaitable<std::string> fulfil(aether::actor_host actors, aether::workflow w, fulfilment_input in) {
  auto const ordered = actors.get<order>(in.order);
  auto const pieces = actors.get<stock>("stock-" + in.article);

  auto paid = co_await w.signal_until<std::string>("paid", in.pay_by);
  if (!paid) {
    auto const too_late = [&](aether::step_info const& info) { return expire(ordered.with(with_key(info))); };
    bool const expired = co_await w.step("expire", too_late, patient());
    if (expired)
      co_return "expired";
    paid = co_await w.signal<std::string>("paid"); // it is on its way, or the cancellation is
  }

  // Also when the order is cancelled from here on: whether the step below was reached or not.
  auto const undo = [pieces, id = in.order](aether::step_info const& info) {
    return release(pieces.with(with_key(info)), id);
  };
  w.on_failure("release stock", undo, patient());
  auto const from_stock = [&](aether::step_info const& info) { return reserve(pieces.with(with_key(info)), in); };
  bool const reserved = co_await w.step("reserve stock", from_stock, patient());
  if (!reserved) {
    auto const sold_out = [&](aether::step_info const& info) { return give_up(ordered.with(with_key(info))); };
    co_await w.step("give up", sold_out, patient());
    co_return "sold out";
  }
  auto const tell = [&](aether::step_info const& info) { return confirm(ordered.with(with_key(info))); };
  co_await w.step("confirm", tell, patient()); // refused: it was cancelled, and that comes here too

  co_await w.signal<std::string>("shipped");
  auto const remove = [&](aether::step_info const& info) { return take(pieces.with(with_key(info)), in.order); };
  co_await w.step("take from stock", remove, patient());
  co_return "shipped";
}

} // namespace orders
