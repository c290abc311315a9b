// Simple exponential backoff: one client saves an event over a connection that is away for a while. docs/patterns.md
// shows the parts of this file.
#include "../program.hpp"

#include <aether/testing/fault_injecting_store.hpp>

#include <iostream>
#include <string>
#include <utility>

using example::store_ptr;
namespace testing = aether::testing;

/// Saves until it is known how that ended. It is the same event each time: it is stored once.
aether::awaitable<aether::save_outcome> save_surely(store_ptr store, aether::event e) {
  auto options = aether::exponential_backoff(); // 10 ms, 20 ms, 40 ms ... up to 1 s, ten attempts in 30 s
  options.decide = [](aether::failed_attempt const& failed) {
    std::cout << "attempt " << failed.number << ": " << failed.code.message() << '\n';
    return aether::retry_decision::usual();
  };
  aether::retry_policy const policy(std::move(options));
  auto const save = [&] { return store->try_save_event(e); };
  co_return co_await aether::retry(policy, save);
}

/// The store over a bad connection: three calls do not reach it, and of the fourth the answer is lost.
aether::awaitable<std::shared_ptr<testing::fault_injecting_store>> over_a_bad_connection(store_ptr store) {
  auto executor = co_await boost::asio::this_coro::executor;
  testing::virtual_clock const clock;
  auto bad = std::make_shared<testing::fault_injecting_store>(executor, clock, store);
  using testing::fault;
  bad->script(testing::operation::save, {fault::fail, fault::fail, fault::fail, fault::lose_acknowledgement});
  co_return bad;
}

aether::awaitable<void> tour(store_ptr store) {
  auto const order_id = example::new_order_id();
  auto const bad = co_await over_a_bad_connection(store);
  boost::json::object data{{"customer", "Ada"}};
  auto placed = aether::make_event("OrderPlaced", order_id, 1, std::move(data));
  auto const outcome = co_await save_surely(bad, placed);

  auto const* done = std::get_if<aether::saved>(&outcome);
  example::expect(done && done->already_saved, "the fourth attempt had stored it, and the fifth learned of it");
  auto const events = co_await store->get_events(order_id);
  example::expect(events.size() == 1, "it is stored once");
  std::cout << "saved once, as number " << done->sequence << '\n';
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
