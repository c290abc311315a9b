// A program that uses the testing aids: a save loses its acknowledgement, on virtual time.
#include <aether/testing/fault_injecting_store.hpp>
#include <aether/testing/virtual_clock.hpp>
#include <aether/version.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>

using namespace aether::testing;

aether::awaitable<bool> save_twice(fault_injecting_store store, virtual_clock clock) {
  auto const placed = aether::make_event("OrderPlaced", "order-42", 1);
  try {
    co_await store.save_event(placed);
  } catch (aether::error const& e) {
    if (e.code() != aether::errc::outcome_unknown)
      throw;
  }
  co_await clock.sleep_for(std::chrono::hours(1));
  auto const again = co_await store.save_event(placed);
  co_return again.already_saved;
}

int main() {
  boost::asio::io_context context(1);
  virtual_clock clock;
  fault_injecting_store store(context.get_executor(), clock);
  store.script(operation::save, {fault::lose_acknowledgement});
  if (!run(clock, context, save_twice(store, clock)))
    throw std::runtime_error("the event was not recognised");
  std::cout << "aether " << AETHER_VERSION_STRING << ", testing\n";
}
