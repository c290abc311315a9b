// The program that README.md shows: reads, decides, saves and reads again. Its argument is the server's URL.
#include <aether/aether.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <iostream>

aether::awaitable<void> add_tea(std::string url) {
  auto connection = co_await aether::nats::connection::connect(url);
  auto store = co_await aether::nats::jetstream_event_store::open(connection, "shop");

  // Decide on what is there ...
  auto const version = co_await store.latest_version("order-42");
  boost::json::object data{{"sku", "tea"}, {"cents", 450}};
  auto added = aether::make_event("ItemAdded", "order-42", version + 1, data);

  // ... and save it, unless somebody else was faster: each version is won once.
  auto const outcome = co_await store.try_save_event(added);
  if (auto const* lost = std::get_if<aether::version_conflict>(&outcome))
    std::cout << "conflict: the order is at version " << lost->current_version << " by now\n";

  auto const events = co_await store.get_events("order-42"); // the order is what its events say
  for (auto const& e : events)
    std::cout << e.version << ' ' << e.event_type << ' ' << e.data << '\n';
}

int main(int argc, char** argv) {
  boost::asio::io_context context;
  auto done = boost::asio::co_spawn(context, add_tea(argc > 1 ? argv[1] : "nats://127.0.0.1"), boost::asio::use_future);
  context.run();
  done.get(); // throws what the coroutine threw
}
