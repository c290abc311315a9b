// A queue of saves: events are taken while the store is away, and saved in the background when it is back.
// docs/patterns.md shows the parts of this file.
#include "../program.hpp"

#include <aether/save_queue.hpp>
#include <aether/testing/fault_injecting_store.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using example::store_ptr;
namespace testing = aether::testing;

aether::event item_added(std::string const& order_id, std::int64_t version) {
  boost::json::object data{{"sku", "tea"}, {"cents", 450}};
  return aether::make_event("ItemAdded", order_id, version, std::move(data));
}

aether::save_queue make_queue(boost::asio::any_io_executor executor, store_ptr store) {
  aether::save_queue_options options;
  options.capacity = 1'000; // beyond it enqueue() throws `overloaded`: slow down, or refuse what comes in
  options.on_end = [](aether::queued_save_end const& end) {
    bool const stored = end.outcome && std::holds_alternative<aether::saved>(*end.outcome);
    std::cout << end.what.actor_id << " version " << end.what.version << (stored ? " is saved\n" : " is not saved\n");
  };
  return aether::save_queue(executor, store, std::move(options));
}

/// The next calls do not reach the store.
void go_away(testing::fault_injecting_store& store, std::size_t calls) {
  store.script(testing::operation::save, std::vector<testing::fault>(calls, testing::fault::fail));
}

/// Whoever takes the events does not wait for the store.
aether::awaitable<void> outlast_an_outage(std::shared_ptr<testing::fault_injecting_store> store, std::string order_id) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto queue = make_queue(executor, store);
  go_away(*store, 3);
  queue.enqueue(item_added(order_id, 1)); // the ticket may be dropped: on_end is told
  auto const ticket = queue.enqueue(item_added(order_id, 2));

  auto const outcome = co_await ticket.outcome(); // behind the first, which is tried until it is saved
  example::expect(std::holds_alternative<aether::saved>(outcome), "both are saved, in this order");
  auto const report = co_await queue.close();
  example::expect(report.not_saved.empty(), "nothing was left");
}

/// At the end of the program: what could not be saved in time comes back, and is kept elsewhere.
aether::awaitable<std::vector<aether::event>> shut_down(aether::save_queue queue) {
  aether::call_options options;
  options.timeout = 300ms;
  auto const report = co_await queue.close(options);
  std::vector<aether::event> left;
  for (auto const& unsaved : report.not_saved) {
    std::cout << unsaved.what.actor_id << " version " << unsaved.what.version
              << (unsaved.maybe_stored ? " may be stored\n" : " is not stored\n");
    left.push_back(unsaved.what); // the same event, with its id: it can be saved again whatever became of it
  }
  co_return left;
}

aether::awaitable<void> tour(store_ptr store) {
  auto executor = co_await boost::asio::this_coro::executor;
  testing::virtual_clock const clock;
  auto const far = std::make_shared<testing::fault_injecting_store>(executor, clock, store);
  auto const order_id = example::new_order_id();
  co_await outlast_an_outage(far, order_id);

  auto queue = make_queue(executor, far);
  go_away(*far, 1'000);
  queue.enqueue(item_added(order_id, 3));
  queue.enqueue(item_added(order_id, 4));
  auto const left = co_await shut_down(queue);
  example::expect(left.size() == 2, "nothing is lost silently");
  for (auto const& e : left)
    co_await store->save_event(e); // another day
  auto const version = co_await store->latest_version(order_id);
  example::expect(version == 4, "everything is there");
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
