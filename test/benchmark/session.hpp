// A program that uses the JetStream store: one io_context, one thread, one connection.
#pragma once

#include <aether/nats/connection.hpp>
#include <aether/nats/jetstream_event_store.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace aether::benchmark {

/// Runs a coroutine on the context until nothing is left to do there; returns what it returned, or throws that.
template <class T> T run_on(boost::asio::io_context& context, awaitable<T> body) {
  std::optional<T> result;
  std::exception_ptr error;
  boost::asio::co_spawn(context, std::move(body), [&](std::exception_ptr e, T value) {
    error = e;
    if (!e)
      result.emplace(std::move(value));
  });
  context.restart();
  context.run();
  if (error)
    std::rethrow_exception(error);
  if (!result)
    throw std::runtime_error("the coroutine has not ended");
  return std::move(*result);
}

namespace detail {
template <class Arguments>
awaitable<double> on_store(std::string url, std::string stream,
                           awaitable<double> (*work)(nats::connection, nats::jetstream_event_store, Arguments&),
                           Arguments& arguments) {
  auto on = co_await nats::connection::connect(std::move(url));
  auto store = co_await nats::jetstream_event_store::open(on, std::move(stream));
  auto const figure = co_await work(on, store, arguments);
  co_await store.close();
  co_await on.close();
  co_return figure;
}
} // namespace detail

/// Connects, opens the stream, runs `work` and closes again. Only `work` measures.
template <class Arguments>
double with_store(std::string const& url, std::string const& stream,
                  awaitable<double> (*work)(nats::connection, nats::jetstream_event_store, Arguments&),
                  Arguments& arguments) {
  boost::asio::io_context context(1);
  return run_on(context, detail::on_store(url, stream, work, arguments));
}

/// Makes the stream as the store does, so that all sides use the same one; and removes it.
void make_stream(std::string const& url, std::string const& stream);
void remove_stream(std::string const& url, std::string const& stream);

} // namespace aether::benchmark
