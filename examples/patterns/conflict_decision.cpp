// Deciding from a conflict's details: which versions met, how often, and whether anybody reads again. docs/patterns.md
// shows the parts of this file.
#include "../program.hpp"

#include <aether/retry.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using example::store_ptr;

aether::event item_added(std::string const& order_id, std::int64_t version) {
  boost::json::object data{{"sku", "tea"}, {"cents", 450}};
  return aether::make_event("ItemAdded", order_id, version, std::move(data));
}

/// Somebody else saves so many events.
aether::awaitable<void> others_save(store_ptr store, std::string order_id, std::int64_t count) {
  auto version = co_await store->latest_version(order_id);
  for (; count > 0; --count)
    co_await store->save_event(item_added(order_id, ++version));
}

/// A conflict with one event is decided again at once. Who missed many asks first whether it still makes sense.
aether::retry_decision decide(aether::failed_attempt const& failed) {
  if (!failed.conflict)
    return aether::retry_decision::usual();
  auto const missed = failed.conflict->current_version - failed.conflict->attempted_version + 1;
  std::cout << "version " << failed.conflict->attempted_version << " is taken, " << missed << " events were missed\n";
  if (missed > 10)
    return aether::retry_decision::stop();
  return failed.conflicts_at_version < 2 ? aether::retry_decision::after(0ms) : aether::retry_decision::usual();
}

aether::retry_policy by_details() {
  aether::retry_options options;
  options.retry_conflicts = true; // what follows reads again each time
  options.decide = decide;
  return aether::retry_policy(std::move(options));
}

/// Adds an item behind what the order has. `meanwhile` events are saved by others between the first read and the save.
aether::awaitable<aether::retry_end> add_item(store_ptr store, std::string order_id, std::int64_t meanwhile) {
  auto const read_and_save = [&]() -> aether::awaitable<aether::save_outcome> {
    auto const version = co_await store->latest_version(order_id);
    co_await others_save(store, order_id, std::exchange(meanwhile, 0));
    auto outcome = co_await store->try_save_event(item_added(order_id, version + 1));
    co_return outcome;
  };
  auto const policy = by_details();
  auto const result = co_await aether::try_retry(policy, read_and_save);
  co_return result.ended;
}

/// A mistake: the version is read once, and what is tried again is what was refused. It is told from bad luck.
aether::awaitable<aether::retry_end> add_item_and_never_read_again(store_ptr store, std::string order_id) {
  auto const version = co_await store->latest_version(order_id);
  co_await others_save(store, order_id, 1);
  auto const save = [&] { return store->try_save_event(item_added(order_id, version + 1)); };
  auto const policy = by_details();
  auto const result = co_await aether::try_retry(policy, save);
  std::cout << "given up after " << result.attempts << " attempts\n";
  co_return result.ended;
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  auto ended = co_await add_item(store, order_id, 1);
  example::expect(ended == aether::retry_end::succeeded, "it was decided again");
  ended = co_await add_item(store, order_id, 30);
  example::expect(ended == aether::retry_end::decider_stopped, "too much had happened");
  ended = co_await add_item_and_never_read_again(store, order_id);
  example::expect(ended == aether::retry_end::thrashing, "nobody read again");
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
