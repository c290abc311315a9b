// A program that uses the core alone: saves an event in memory and reads it back.
#include <aether/memory_event_store.hpp>
#include <aether/version.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>

aether::awaitable<void> save_and_read(aether::memory_event_store store) {
  auto placed = aether::make_event("OrderPlaced", "order-42", 1);
  co_await store.save_event(placed);
  auto const events = co_await store.get_events("order-42");
  if (events.size() != 1 || events.front() != placed)
    throw std::runtime_error("the event did not come back");
}

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, save_and_read(aether::memory_event_store(context.get_executor())),
                        [](std::exception_ptr error) {
                          if (error)
                            std::rethrow_exception(error);
                        });
  context.run();
  std::cout << "aether " << AETHER_VERSION_STRING << ", core\n";
}
