// Streams made and removed by the library itself.
#include "benchmark/session.hpp"

namespace aether::benchmark {
namespace {

struct nothing {};

awaitable<double> do_nothing(nats::connection, nats::jetstream_event_store, nothing&) { co_return 0.0; }

awaitable<double> ask_to_remove(std::string url, std::string stream) {
  auto on = co_await nats::connection::connect(std::move(url));
  nats::message question("$JS.API.STREAM.DELETE." + stream, "");
  auto const answer = co_await on.request(std::move(question));
  co_await on.close();
  if (answer.data.find("\"success\":true") == std::string::npos)
    throw std::runtime_error("stream " + stream + " cannot be removed: " + answer.data);
  co_return 0.0;
}

} // namespace

void make_stream(std::string const& url, std::string const& stream) {
  nothing no_arguments;
  with_store(url, stream, &do_nothing, no_arguments);
}

void remove_stream(std::string const& url, std::string const& stream) {
  boost::asio::io_context context(1);
  run_on(context, ask_to_remove(url, stream));
}

} // namespace aether::benchmark
