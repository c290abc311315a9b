// Adaptive backoff: busy writers compete for an order, and one comes with state that is old. docs/patterns.md shows the
// parts of this file.
#include "../program.hpp"

#include <aether/retry.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using example::store_ptr;

/// How far behind whoever met a conflict was, and the longest pause that this made.
struct pauses_made {
  int close_races = 0;
  int far_behind = 0;
  std::chrono::nanoseconds longest_far_behind{};
};

/// A conflict's pause is divided by the distance: who was beaten to the very version keeps out of the others' way, and
/// who is far behind reads again at once.
aether::retry_policy by_distance(pauses_made& made) {
  auto options = aether::adaptive_backoff();
  options.max_attempts = 100;
  options.decide = [&made](aether::failed_attempt const& failed) { // it only looks
    auto const distance = failed.conflict ? failed.conflict->current_version - failed.conflict->attempted_version : 0;
    if (distance < 20) {
      ++made.close_races;
    } else {
      ++made.far_behind;
      made.longest_far_behind = std::max(made.longest_far_behind, failed.delay);
    }
    return aether::retry_decision::usual();
  };
  return aether::retry_policy(std::move(options));
}

/// Begins with the version it knows, if it knows one, and reads again after each conflict.
aether::awaitable<void> add_item(store_ptr store, std::string order_id, std::optional<std::int64_t> known,
                                 aether::retry_policy policy) {
  auto const decide_and_save = [&]() -> aether::awaitable<aether::save_outcome> {
    if (!known)
      known = co_await store->latest_version(order_id);
    co_await aether::machine_time()->sleep_for(2ms);
    boost::json::object data{{"sku", "tea"}, {"cents", 450}};
    auto added = aether::make_event("ItemAdded", order_id, *known + 1, std::move(data));
    auto outcome = co_await store->try_save_event(std::move(added));
    known.reset(); // whatever it says, what was known is old now
    co_return outcome;
  };
  auto const result = co_await aether::try_retry(policy, decide_and_save);
  example::expect(result.ended == aether::retry_end::succeeded, "everybody gets a turn");
}

aether::awaitable<void> tour(store_ptr store) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto const order_id = example::new_order_id();
  for (std::int64_t version = 1; version <= 50; ++version)
    co_await store->save_event(aether::make_event("ItemAdded", order_id, version));

  pauses_made made;
  aether::task_group group(executor);
  group.spawn(add_item(store, order_id, 3, by_distance(made))); // as it was in a cache
  for (int i = 0; i < 10; ++i)
    group.spawn(add_item(store, order_id, std::nullopt, by_distance(made)));
  co_await group.join();

  auto const version = co_await store->latest_version(order_id);
  example::expect(version == 61, "everybody added one item");
  example::expect(made.far_behind == 1, "the old state was noticed once");
  example::expect(made.longest_far_behind < 1ms, "and cost no pause to speak of");
  std::cout << made.close_races << " close races\n";
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
