// A service that takes orders over HTTP, keeps them as events, and fulfils them with a durable workflow.
//   order_service --memory | --url nats://host:port
//     [--address 127.0.0.1] [--port 8080] [--threads 2] [--max-requests 256] [--pay-within 900] [--name order-service]
// docs/order-service.md describes it; examples/order_service/try.sh tries all of it.
#include "dispatcher.hpp"
#include "fulfilment.hpp"
#include "order_api.hpp"

#include <aether/aether.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace orders {

using namespace std::chrono_literals;
namespace asio = boost::asio;

struct options {
  bool memory = false;
  std::string url;
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080; ///< 0: any that is free
  int threads = 2;
  std::chrono::seconds pay_within{900};
  std::string name = "order-service"; ///< of this process's workflow host: the same after a restart, and no other's
  http::limits limits;

  options() = default;
};

class line_logger final : public aether::logger {
  void write(aether::log_level level, std::string_view message,
             std::span<aether::log_field const> fields) noexcept override {
    try {
      std::cerr << std::string(to_string(level)) + ": " + aether::to_line(message, fields) + '\n';
    } catch (std::exception const&) { // no memory: the record is lost
    }
  }
};
using logger_ptr = std::shared_ptr<aether::logger>;

/// What is closed at the end, in the order of its members.
struct parts {
  std::shared_ptr<http::server> server;
  aether::workflow_host workflows;
  aether::actor_host actors;
  std::shared_ptr<metrics> counts;
  std::shared_ptr<aether::event_store> store;
  aether::nats::connection connection; ///< none in memory

  parts() = default;
};

/// Who asks over HTTP does not wait long: a store that is away is told as such after two seconds.
aether::awaitable<void> open_store(parts& opened, options const& given, logger_ptr log) {
  if (given.memory) {
    opened.store = std::make_shared<aether::memory_event_store>(co_await asio::this_coro::executor);
    co_return;
  }
  aether::nats::connection_options to;
  to.servers = {given.url};
  to.name = given.name;
  to.operation_timeout = 2s;
  to.log = log; // the store's too
  opened.connection = co_await aether::nats::connection::connect(to);
  aether::nats::jetstream_config config;
  config.operation_timeout = 2s;
  config.request_timeout = 500ms;
  auto store = co_await aether::nats::jetstream_event_store::open(opened.connection, "orders", std::move(config));
  opened.store = std::make_shared<aether::nats::jetstream_event_store>(std::move(store));
}

aether::awaitable<void> open_hosts(parts& opened, asio::any_io_executor executor, options const& given,
                                   logger_ptr log) {
  aether::actor_host_options actor_options;
  actor_options.command_timeout = 2s;
  actor_options.max_waiting_commands = 4096;
  actor_options.log = log;
  opened.actors = aether::actor_host(executor, opened.store, actor_options);
  aether::workflow_host_options workflow_options;
  workflow_options.name = given.name;
  workflow_options.log = log;
  opened.workflows = aether::workflow_host(executor, opened.store, workflow_options);
  auto const code = [actors = opened.actors](aether::workflow w, fulfilment_input in) {
    return fulfil(actors, std::move(w), std::move(in));
  };
  opened.workflows.add(fulfilments, code);
  co_await opened.workflows.open();
}

std::shared_ptr<http::server> make_server(parts const& opened, asio::any_io_executor executor, options const& given,
                                          logger_ptr log) {
  auto const in = std::make_shared<service>();
  in->store = opened.store;
  in->actors = opened.actors;
  in->workflows = opened.workflows.client();
  in->counts = opened.counts;
  in->log = log;
  in->pay_within = given.pay_within;
  in->is_connected = [connection = opened.connection] {
    return !connection || connection.state() == aether::nats::connection_state::connected;
  };
  asio::ip::tcp::endpoint const at(asio::ip::make_address(given.address), given.port);
  auto const answers = [in](http::request r) { return respond(in, std::move(r)); };
  auto const refuses = [limits = given.limits](unsigned status) { return refuse(status, limits); };
  return std::make_shared<http::server>(executor, at, given.limits, answers, refuses);
}

void watch(parts const& opened) {
  opened.counts->watch(opened.server);
  opened.counts->watch(opened.store);
  if (opened.connection)
    opened.counts->watch(opened.connection);
  opened.counts->watch(opened.actors, opened.workflows);
}

/// From the outside in: answers first, then steps under way, then commands. What is not done is in the store, and goes
/// on with the next process.
aether::awaitable<void> close(parts opened, logger_ptr log) {
  co_await http::server::join(opened.server, 10s);
  co_await opened.workflows.close();
  co_await opened.actors.close();
  opened.counts->forget();
  auto const report = co_await opened.store->close();
  for (auto const& save : report.unknown)
    log->log(aether::log_level::warning, "a save was cut off", {{"actor_id", save.actor_id}, {"id", save.event_id}});
  if (opened.connection)
    co_await opened.connection.close();
}

aether::awaitable<void> run(asio::any_io_executor executor, options given) {
  auto const log = std::make_shared<line_logger>();
  parts opened;
  opened.counts = std::make_shared<metrics>();
  co_await open_store(opened, given, log);
  co_await open_hosts(opened, executor, given, log);
  opened.server = make_server(opened, executor, given, log);
  watch(opened);

  auto const strand = asio::make_strand(executor);
  aether::task_group dispatching(strand), listener(executor);
  aether::workflow_client const workflows = opened.workflows.client();
  std::vector<std::shared_ptr<dispatcher>> dispatchers;
  for (int i = 0; i < 16; ++i) {
    dispatchers.push_back(std::make_shared<dispatcher>(opened.store, workflows, log));
    dispatching.spawn(dispatcher::run(dispatchers.back()));
  }
  listener.spawn(http::server::run(opened.server));
  std::cout << "listening on http://" << given.address << ':' << opened.server->port() << std::endl;

  {
    asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
    co_await signals.async_wait(asio::use_awaitable);
  } // a second one ends the process at once
  std::cout << "ending" << std::endl;
  opened.server->stop();
  co_await listener.join();
  asio::post(strand, [&] {
    for (auto const& one : dispatchers)
      one->stop();
  });
  co_await dispatching.join();
  co_await close(std::move(opened), log);
  std::cout << "ended" << std::endl;
}

options parse(int argc, char** argv) {
  options given;
  for (int i = 1; i < argc; ++i) {
    std::string const option = argv[i];
    auto const has_value = i + 1 < argc;
    if (option == "--memory")
      given.memory = true;
    else if (option == "--url" && has_value)
      given.url = argv[++i];
    else if (option == "--address" && has_value)
      given.address = argv[++i];
    else if (option == "--port" && has_value)
      given.port = static_cast<std::uint16_t>(std::stoul(argv[++i]));
    else if (option == "--threads" && has_value)
      given.threads = std::stoi(argv[++i]);
    else if (option == "--max-requests" && has_value)
      given.limits.requests = std::stoul(argv[++i]);
    else if (option == "--pay-within" && has_value)
      given.pay_within = std::chrono::seconds(std::stol(argv[++i]));
    else if (option == "--name" && has_value)
      given.name = argv[++i];
    else
      throw std::invalid_argument("unknown or incomplete: " + option);
  }
  if (given.memory == !given.url.empty())
    throw std::invalid_argument("either --memory or --url nats://host:port");
  return given;
}

int serve(options given) {
  asio::io_context context;
  std::exception_ptr failure;
  asio::co_spawn(asio::make_strand(context), run(context.get_executor(), given), [&](std::exception_ptr e) {
    failure = e;
    if (e)
      context.stop();
  });
  std::vector<std::jthread> others;
  for (int i = 1; i < given.threads; ++i)
    others.emplace_back([&] { context.run(); });
  context.run();
  others.clear(); // waits for them
  if (failure)
    std::rethrow_exception(failure);
  return EXIT_SUCCESS;
}

} // namespace orders

int main(int argc, char** argv) {
  try {
    return orders::serve(orders::parse(argc, argv));
  } catch (std::exception const& e) {
    std::cerr << "error: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
