// A circuit breaker: a store that does not answer is left alone for a while, and callers hear of it at once.
// docs/patterns.md shows the parts of this file.
#include "../program.hpp"

#include <aether/circuit_breaker.hpp>
#include <aether/retry.hpp>
#include <aether/testing/fault_injecting_store.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using example::store_ptr;
namespace testing = aether::testing;

/// One for each store, shared by all who use it.
aether::circuit_breaker make_breaker() {
  aether::circuit_breaker_options options;
  options.name = "orders";
  options.failure_threshold = 3;
  options.open_for = 1s; // 30 s unless chosen
  options.on_change = [](aether::circuit_state state) {
    char const* const words[] = {"closed", "open", "half-open"};
    std::cout << "the circuit is " << words[static_cast<int>(state)] << '\n';
  };
  return aether::circuit_breaker(std::move(options));
}

/// Conflicts and refusals pass through: they say that the store works.
aether::awaitable<aether::save_outcome> save(aether::circuit_breaker breaker, store_ptr store, aether::event e) {
  auto const guarded = [&] { return store->try_save_event(e); };
  co_return co_await breaker.run(guarded);
}

/// With a retry around it: the circuit is asked for each attempt, and while it is open the retry waits for the trial.
aether::awaitable<aether::save_outcome> save_surely(aether::circuit_breaker breaker, store_ptr store, aether::event e) {
  aether::retry_policy const policy(aether::jittered_backoff());
  auto const attempt = [&] { return save(breaker, store, e); };
  co_return co_await aether::retry(policy, attempt);
}

aether::awaitable<void> tour(store_ptr store) {
  auto executor = co_await boost::asio::this_coro::executor;
  testing::virtual_clock const clock;
  auto const far = std::make_shared<testing::fault_injecting_store>(executor, clock, store);
  auto const breaker = make_breaker();
  auto const order_id = example::new_order_id();
  auto const placed = aether::make_event("OrderPlaced", order_id, 1);

  far->script(testing::operation::save, std::vector<testing::fault>(4, testing::fault::fail)); // it goes away
  int failed = 0, refused = 0;
  for (int i = 0; i < 10; ++i) {
    try {
      co_await save(breaker, far, placed);
    } catch (aether::circuit_open_error const& e) {
      ++refused;
    } catch (aether::error const&) {
      ++failed;
    }
  }
  example::expect(failed == 3 && refused == 7, "after three failures the store is left alone");
  example::expect(far->counts().saves == 3, "it did not even hear of the others");

  auto const outcome = co_await save_surely(breaker, far, placed); // the first trial fails, the second does not
  example::expect(std::holds_alternative<aether::saved>(outcome), "it is saved when the store is back");
  auto const told = breaker.metrics();
  example::expect(told.state == aether::circuit_state::closed && told.opened == 2, "it opened twice, and is closed");
  std::cout << told.failures << " failures, " << told.refused << " refused\n";
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
