// Groups: workers that share the events, and what becomes of those that cannot be handled. docs/groups.md shows the
// parts of this file.
#include "order.hpp"
#include "program.hpp"

#include <aether/task_group.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using example::store_ptr;
using namespace std::chrono_literals;

aether::group_options invoicing() {
  aether::group_options options;
  options.name = "invoicing";
  options.filter.actor_types = {"order"};
  options.filter.event_types = {"OrderPlaced"};
  options.ack_timeout = 30s;
  options.max_attempts = 3;
  return options;
}

/// What a worker does with an event: false, when it may go better later.
bool write_invoice(aether::event const& e) {
  if (!e.data.contains("customer"))
    throw std::invalid_argument("an order without a customer");
  std::cout << "an invoice for " << e.actor_id << '\n';
  return true;
}

aether::awaitable<void> handle(aether::group_event e) {
  bool done = false;
  std::string wrong;
  try {
    done = write_invoice(e.event());
  } catch (std::exception const& failure) { // it will never go better
    wrong = failure.what();
  }
  if (done)
    co_await e.acknowledge();
  else if (wrong.empty())
    co_await e.retry_later(10s);
  else
    co_await e.reject(wrong);
}

/// One of as many workers as there are, in this process and in others.
aether::awaitable<void> work(store_ptr store) {
  auto group = co_await store->join_group(invoicing());
  for (;;) {
    auto e = co_await group.next(aether::call_options{1s});
    if (!e)
      break; // here: nothing came for a second; a service goes on until it is cancelled
    co_await handle(std::move(*e));
  }
}

/// Something that takes longer than ack_timeout says so from time to time.
aether::awaitable<void> handle_slowly(aether::group_event e) {
  for (int part = 0; part < 3; ++part) {
    std::cout << "part " << part << " of " << e.event().actor_id << '\n';
    co_await e.extend();
  }
  co_await e.acknowledge();
}

/// What the group gave up on: looked at by a person, or retried once the cause is mended.
aether::awaitable<std::size_t> retry_rejected(store_ptr store) {
  std::size_t retried = 0;
  auto letters = store->dead_letters("invoicing");
  while (auto letter = co_await letters.next()) {
    std::cout << "given up after " << letter->attempts << " attempts: " << letter->reason << '\n';
    if (letter->cause != aether::dead_letter_cause::rejected)
      continue;
    auto const there = co_await store->retry_dead_letter(*letter);
    retried += there ? 1 : 0;
  }
  co_return retried;
}

aether::awaitable<void> tour(store_ptr store) {
  for (int i = 0; i < 5; ++i) {
    boost::json::object data;
    if (i != 3)
      data["customer"] = "Grace";
    auto placed = aether::make_event("OrderPlaced", example::new_order_id(), 1, std::move(data));
    co_await store->save_event(std::move(placed));
  }
  aether::task_group workers(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < 3; ++i)
    workers.spawn(work(store));
  co_await workers.join();

  auto const retried = co_await retry_rejected(store);
  example::expect(retried == 1, "one order has no customer");
  auto group = co_await store->join_group(invoicing());
  auto e = co_await group.next(aether::call_options{5s});
  example::expect(e.has_value(), "the retried event did not come");
  co_await handle_slowly(std::move(*e));
  co_await store->delete_group("invoicing");
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
