// A program that keeps its read model in SQLite: checkpoints are taken over and stored.
#include <aether/sqlite/checkpoint_store.hpp>
#include <aether/version.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <stdexcept>

aether::awaitable<void> keep(aether::sqlite::checkpoint_store store) {
  auto session = co_await store.take_over("totals");
  aether::checkpoint next{aether::position()};
  co_await session->commit(std::move(next), {});
  auto const found = co_await store.find("totals");
  if (!found || !found->position)
    throw std::runtime_error("the checkpoint did not come back");
}

int main() {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, keep(aether::sqlite::checkpoint_store(aether::sqlite::open_database(":memory:"))),
                        [](std::exception_ptr error) {
                          if (error)
                            std::rethrow_exception(error);
                        });
  context.run();
  std::cout << "aether " << AETHER_VERSION_STRING << ", SQLite\n";
}
