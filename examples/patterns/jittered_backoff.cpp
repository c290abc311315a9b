// Backoff with jitter: twenty writers want the same order at the same moment. docs/patterns.md shows the parts of this
// file.
#include "../program.hpp"

#include <aether/retry.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using example::store_ptr;

constexpr int writers = 20;

aether::retry_policy among_many() {
  auto options = aether::jittered_backoff(); // each pause is anything from zero to 10 ms, 20 ms, 40 ms ...
  options.retry_conflicts = true;            // what is tried reads again
  options.max_attempts = 100;
  return aether::retry_policy(std::move(options));
}

/// Reads the order, decides for two milliseconds, and saves behind what it read; again until it was the first to save.
aether::awaitable<void> add_item(store_ptr store, std::string order_id, aether::retry_policy policy, int& attempts) {
  auto const read_and_save = [&]() -> aether::awaitable<aether::save_outcome> {
    auto const version = co_await store->latest_version(order_id);
    co_await aether::machine_time()->sleep_for(2ms);
    boost::json::object data{{"sku", "tea"}, {"cents", 450}};
    auto added = aether::make_event("ItemAdded", order_id, version + 1, std::move(data));
    auto outcome = co_await store->try_save_event(std::move(added));
    co_return outcome;
  };
  auto const result = co_await aether::try_retry(policy, read_and_save);
  example::expect(result.ended == aether::retry_end::succeeded, "everybody gets a turn");
  attempts += result.attempts;
}

aether::awaitable<void> tour(store_ptr store) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto const order_id = example::new_order_id();
  int attempts = 0;
  aether::task_group group(executor);
  for (int i = 0; i < writers; ++i)
    group.spawn(add_item(store, order_id, among_many(), attempts));
  co_await group.join();

  auto const events = co_await store->get_events(order_id);
  example::expect(events.size() == writers, "nobody's item was lost or added twice");
  std::cout << writers << " writers, " << attempts << " attempts\n";
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
