// A node of a shop that operators can look into. Saving nodes save orders, and their stores announce each event on a
// bus; reacting nodes hear of it at once. Each has a page that Prometheus reads and writes a log.
//   observability_node --role save|react [--name NAME] [--url nats://host:port] [--page host:port]
//   observability_node --memory: one process that saves, and reacts twice
// docs/metrics.md shows the parts of this example; examples/observability/try.sh runs it.
#include "page.hpp"
#include "react.hpp"
#include "save.hpp"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <stdexcept>

namespace shop {

struct options {
  bool memory = false;
  bool saves = false;
  std::vector<std::string> reacts; ///< the names of the reacting parts
  std::string name = "node";
  std::string url = "nats://127.0.0.1:4222";
  std::string page = "127.0.0.1:9464"; ///< port 0: any that is free
  int orders = 1000;                   ///< to save
  std::size_t buffer_events = 0;       ///< of announcements that have not been looked up; 0: the library's default

  options() = default;
};

/// What a node stands on.
struct parts {
  aether::nats::connection connection; ///< none in memory
  bus_ptr bus;
  store_ptr store;

  parts() = default;
};

/// The store tells the bus of each event that it stored, in the namespace `shop`.
aether::awaitable<parts> open_on_server(options given, logger_ptr log) {
  parts opened;
  aether::nats::connection_options to;
  to.servers = {given.url};
  to.name = given.name;
  to.log = log; // the store's too
  opened.connection = co_await aether::nats::connection::connect(to);
  aether::nats::event_bus_options bus_options;
  bus_options.log = log;
  auto bus = co_await aether::nats::event_bus::open(opened.connection, bus_options);
  opened.bus = std::make_shared<aether::nats::event_bus>(std::move(bus));
  aether::nats::jetstream_config config;
  config.name_space = "shop";
  config.announce_to = opened.bus;
  auto store = co_await aether::nats::jetstream_event_store::open(opened.connection, "orders", std::move(config));
  opened.store = std::make_shared<aether::nats::jetstream_event_store>(std::move(store));
  co_return opened;
}

/// The same in one process, without a server.
aether::awaitable<parts> open_in_memory(logger_ptr log) {
  parts opened;
  opened.bus = std::make_shared<aether::event_bus>();
  aether::memory_config config;
  config.name_space = "shop";
  config.announce_to = opened.bus;
  config.log = log;
  auto executor = co_await boost::asio::this_coro::executor;
  opened.store = std::make_shared<aether::memory_event_store>(executor, std::move(config));
  co_return opened;
}

aether::awaitable<parts> open(options given, logger_ptr log) {
  if (given.memory)
    co_return co_await open_in_memory(log);
  co_return co_await open_on_server(given, log);
}

aether::awaitable<void> end_on_signal(std::shared_ptr<aether::task_group> group) {
  boost::asio::signal_set signals(co_await boost::asio::this_coro::executor, SIGINT, SIGTERM);
  co_await signals.async_wait(boost::asio::use_awaitable);
  group->cancel();
}

/// What still runs was cancelled. A save that was cut off may be stored or not: whoever saves it again is told.
aether::awaitable<void> close(parts opened, logger_ptr log) {
  auto const report = co_await opened.store->close();
  for (auto const& save : report.unknown)
    log->log(aether::log_level::warning, "a save was cut off", {{"actor_id", save.actor_id}, {"id", save.event_id}});
  if (opened.connection)
    co_await opened.connection.close(); // sends what was announced
}

aether::awaitable<void> run(options given) {
  auto const log = std::make_shared<line_logger>(given.name);
  metrics_page page(given.page);
  auto const opened = co_await open(given, log);
  page.add_store(opened.store);
  page.add_bus(opened.bus);
  if (opened.connection)
    page.add_connection(opened.connection);

  auto const group = std::make_shared<aether::task_group>(co_await boost::asio::this_coro::executor);
  for (auto const& name : given.reacts) {
    reactor reacting;
    reacting.name = name;
    reacting.store = opened.store;
    reacting.bus = opened.bus;
    reacting.board = std::make_shared<order_board>(*page.own, name);
    reacting.log = log;
    reacting.buffer_events = given.buffer_events;
    auto audit = make_audit(reacting);
    page.add_projection(name + "-audit", audit);
    group->spawn(react(reacting));
    group->spawn(audit.run());
  }
  if (given.saves)
    group->spawn(save_orders(opened.store, given.orders, log));
  group->spawn(end_on_signal(group));
  std::cout << "metrics on " << page.url() << std::endl;

  co_await group->join();
  page.sources.clear(); // they hold what is closed now
  co_await close(opened, log);
}

options parse(int argc, char** argv) {
  options given;
  std::string role;
  for (int i = 1; i < argc; ++i) {
    std::string const option = argv[i];
    if (option == "--memory")
      given.memory = true;
    else if (option == "--role" && i + 1 < argc)
      role = argv[++i];
    else if (option == "--url" && i + 1 < argc)
      given.url = argv[++i];
    else if (option == "--name" && i + 1 < argc)
      given.name = argv[++i];
    else if (option == "--page" && i + 1 < argc)
      given.page = argv[++i];
    else if (option == "--orders" && i + 1 < argc)
      given.orders = std::stoi(argv[++i]);
    else if (option == "--buffer" && i + 1 < argc)
      given.buffer_events = std::stoul(argv[++i]);
    else
      throw std::invalid_argument("unknown or incomplete: " + option);
  }
  if (given.memory == (role == "save" || role == "react"))
    throw std::invalid_argument("either --memory or --role save|react");
  given.saves = given.memory || role == "save";
  if (given.memory)
    given.reacts = {"billing", "shipping"};
  else if (role == "react")
    given.reacts = {given.name};
  return given;
}

aether::awaitable<void> run_with(int argc, char** argv) { co_await run(parse(argc, argv)); }

} // namespace shop

int main(int argc, char** argv) { return example::run(shop::run_with(argc, argv)); }
