// A program that uses everything: it connects to a port where nobody listens, and is told so.
#include <aether/aether.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <stdexcept>

aether::awaitable<void> connect_in_vain(bool& told) {
  try {
    co_await aether::nats::connection::connect("nats://127.0.0.1:1");
  } catch (aether::error const& e) {
    told = e.code() == aether::errc::connect_failed;
    if (!told)
      throw;
  }
}

int main() {
  boost::asio::io_context context;
  bool told = false;
  boost::asio::co_spawn(context, connect_in_vain(told), [](std::exception_ptr error) {
    if (error)
      std::rethrow_exception(error);
  });
  context.run();
  if (!told)
    throw std::runtime_error("connecting to nobody succeeded");
  std::cout << "aether " << AETHER_VERSION_STRING << ", NATS\n";
}
