// What the smaller examples share: a coroutine that is given a store, in memory or on a server, and is run to its end.
#pragma once

#include <aether/aether.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace example {

using store_ptr = std::shared_ptr<aether::event_store>;

struct arguments {
  bool memory = false;
  std::string url = "nats://127.0.0.1:4222";
};

inline arguments parse(int argc, char** argv) {
  arguments given;
  for (int i = 1; i < argc; ++i) {
    std::string const option = argv[i];
    if (option == "--memory")
      given.memory = true;
    else if (option == "--url" && i + 1 < argc)
      given.url = argv[++i];
    else
      throw std::invalid_argument("usage: " + std::string(argv[0]) + " [--memory | --url nats://host:port]");
  }
  return given;
}

/// Runs a coroutine to its end; its error ends the program with a message.
inline int run(aether::awaitable<void> body) {
  boost::asio::io_context context;
  std::exception_ptr failure;
  boost::asio::co_spawn(context, std::move(body), [&failure](std::exception_ptr e) { failure = e; });
  context.run();
  try {
    if (failure)
      std::rethrow_exception(failure);
    return EXIT_SUCCESS;
  } catch (std::exception const& e) {
    std::cerr << "error: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}

inline aether::awaitable<store_ptr> open_store(arguments given) {
  if (given.memory) {
    auto executor = co_await boost::asio::this_coro::executor;
    co_return std::make_shared<aether::memory_event_store>(executor);
  }
  auto connection = co_await aether::nats::connection::connect(given.url);
  auto store = co_await aether::nats::jetstream_event_store::open(connection, "examples");
  co_return std::make_shared<aether::nats::jetstream_event_store>(std::move(store));
}

inline aether::awaitable<void> with_store(arguments given, aether::awaitable<void> (*body)(store_ptr)) {
  auto store = co_await open_store(given);
  co_await body(store);
  co_await store->close();
}

/// The main() of an example that takes a store of either kind.
inline int run_with_store(int argc, char** argv, aether::awaitable<void> (*body)(store_ptr)) {
  return run(with_store(parse(argc, argv), body));
}

/// An id that no earlier run on the same server used.
inline std::string new_order_id() { return "order-" + aether::make_uuid().substr(0, 8); }

inline void expect(bool holds, char const* what) {
  if (!holds)
    throw std::logic_error(std::string("this should not happen: ") + what);
}

} // namespace example
