// Testing code that saves: against lost acknowledgements, other writers and outages, on virtual time and without a
// server. docs/testing.md shows the parts of this file.
#include "order.hpp"

#include <aether/testing/fault_injecting_store.hpp>
#include <aether/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace testing = aether::testing;
using store_ptr = std::shared_ptr<aether::event_store>;

// What is tested. It is given its store, and how it pauses: in the program by a timer, here by the virtual clock.

using pause_function = std::function<aether::awaitable<void>(std::chrono::nanoseconds)>;

/// Saves until it is known how that ended, five times at most.
aether::awaitable<aether::save_outcome> save_surely(store_ptr store, pause_function pause, aether::event e) {
  for (int attempt = 1;; ++attempt) {
    try {
      auto outcome = co_await store->try_save_event(e); // the same event each time: it is stored once
      co_return outcome;
    } catch (aether::error const& failure) {
      if (!aether::is_retryable(failure.code()) || attempt == 5)
        throw;
    }
    co_await pause(attempt * 100ms);
  }
}

/// Adds an item behind whatever the order has by then.
aether::awaitable<void> add_item(store_ptr store, pause_function pause, std::string order_id, std::string sku) {
  for (;;) {
    auto const version = co_await store->latest_version(order_id);
    boost::json::object data{{"sku", sku}, {"cents", 450}};
    auto added = aether::make_event("ItemAdded", order_id, version + 1, std::move(data));
    auto const outcome = co_await save_surely(store, pause, std::move(added));
    if (std::holds_alternative<aether::saved>(outcome))
      co_return;
  }
}

// The tests.

void expect(bool holds, std::string const& what) {
  if (!holds)
    throw std::logic_error("failed: " + what);
}

/// What every test has: a context that nobody else runs, a clock, and a store that does as it is told.
struct fixture {
  boost::asio::io_context context{1};
  testing::virtual_clock clock;
  std::shared_ptr<testing::fault_injecting_store> store;

  explicit fixture(testing::fault_plan plan = testing::fault_plan())
      : store(std::make_shared<testing::fault_injecting_store>(context.get_executor(), clock, std::move(plan))) {}

  pause_function pause() const {
    return [c = clock](std::chrono::nanoseconds duration) { return c.sleep_for(duration); };
  }
  /// Without the faults: what is really there.
  std::vector<aether::event> stored() { return testing::run(clock, context, store->inner()->get_events("order-1")); }
};

void a_lost_acknowledgement_adds_one_item() {
  fixture f;
  f.store->script(testing::operation::save, {testing::fault::lose_acknowledgement});
  testing::run(f.clock, f.context, add_item(f.store, f.pause(), "order-1", "tea"));
  expect(f.stored().size() == 1, "the item was added once");
  expect(f.clock.elapsed() == 100ms, "it paused before it tried again"); // and the test took no time
  expect(f.store->counts().lost_acknowledgements == 1, "an acknowledgement was lost");
}

void another_writer_is_not_overwritten() {
  testing::fault_plan plan;
  plan.rival_type = "OrderPaid"; // what the other writer saves, at the version that is tried here
  fixture f(plan);
  f.store->script(testing::operation::save, {testing::fault::conflict});
  testing::run(f.clock, f.context, add_item(f.store, f.pause(), "order-1", "tea"));
  auto const events = f.stored();
  expect(events.size() == 2 && events[0].event_type == "OrderPaid", "the other writer was first");
  expect(events[1].event_type == "ItemAdded", "and the item came behind it");
}

void an_outage_is_outlasted() {
  testing::fault_plan plan;
  plan.outages.push_back({0s, 25s}); // longer than a call's timeout, 10 s
  fixture f(plan);
  auto const add = [&]() -> aether::awaitable<void> {
    auto const placed = aether::make_event("OrderPlaced", "order-1", 1, {{"customer", "Ada"}});
    co_await save_surely(f.store, f.pause(), placed);
  };
  testing::run(f.clock, f.context, add());
  expect(f.clock.elapsed() == 25s, "it was saved when the outage was over");
  expect(f.store->counts().timed_out == 2, "two calls ran into their deadlines");
}

/// Whatever goes wrong, and however often: an item that was added is there once, one that was not is not there twice.
void a_thousand_runs() {
  testing::fault_plan plan;
  plan.lose_acknowledgement = plan.lose_request = plan.store_late = plan.conflict = plan.fail_save = 0.15;
  plan.outage = 0.05;
  plan.max_delay = 3s;
  std::uint64_t unknown = 0, given_up = 0;
  for (plan.seed = 1; plan.seed <= 1000; ++plan.seed) {
    fixture f(plan);
    bool added = true;
    try {
      testing::run(f.clock, f.context, add_item(f.store, f.pause(), "order-1", "tea"));
    } catch (aether::error const& e) {
      expect(aether::is_retryable(e.code()), std::string("only such errors are to be had: ") + e.what());
      added = false;
      ++given_up;
    }
    std::size_t items = 0;
    for (auto const& e : f.stored())
      items += !e.id.starts_with("rival-");
    expect(added ? items == 1 : items <= 1, "seed " + std::to_string(plan.seed)); // which repeats the run
    unknown += f.store->counts().unknown;
  }
  expect(unknown > 100, "there were faults");
  std::cout << unknown << " saves ended unknown, and " << given_up << " of 1000 runs gave up\n";
}

} // namespace

int main() {
  try {
    a_lost_acknowledgement_adds_one_item();
    another_writer_is_not_overwritten();
    an_outage_is_outlasted();
    a_thousand_runs();
    std::cout << "all tests passed\n";
    return EXIT_SUCCESS;
  } catch (std::exception const& e) {
    std::cerr << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
