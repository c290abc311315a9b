// Logging and tracing: a logger that hands on to spdlog, and a tracer where OpenTelemetry's spans would be. Runs with
// --memory too. docs/logging.md and docs/tracing.md show the parts of this file.
#include "program.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>

using example::store_ptr;

spdlog::level::level_enum level_for_spdlog(aether::log_level level) {
  switch (level) {
  case aether::log_level::trace:
    return spdlog::level::trace;
  case aether::log_level::debug:
    return spdlog::level::debug;
  case aether::log_level::info:
    return spdlog::level::info;
  case aether::log_level::warning:
    return spdlog::level::warn;
  case aether::log_level::error:
    return spdlog::level::err;
  case aether::log_level::off:
    break;
  }
  return spdlog::level::off;
}

class spdlog_adapter final : public aether::logger {
public:
  spdlog_adapter(std::shared_ptr<spdlog::logger> to, aether::log_level least) : logger(least), to_(std::move(to)) {
    to_->set_level(level_for_spdlog(least));
  }

private:
  void write(aether::log_level level, std::string_view message,
             std::span<aether::log_field const> fields) noexcept override {
    try {
      to_->log(level_for_spdlog(level), aether::to_line(message, fields));
    } catch (std::exception const&) { // no memory: the record is lost
    }
  }

  std::shared_ptr<spdlog::logger> const to_;
};

/// Where an adapter to OpenTelemetry begins a span and ends it, this keeps one and writes it out.
class span_writer final : public aether::tracer {
public:
  aether::operation_span begin(aether::operation_begin const& what) noexcept override {
    aether::operation_span begun;
    try {
      auto kept = std::make_shared<span>();
      kept->name = to_string(what.what);
      kept->actor_id = what.actor_id; // the views live until this returns
      kept->parent = what.parent;
      kept->own = child_of(what.parent);
      begun.context = kept->own;
      begun.token = std::move(kept);
    } catch (std::exception const&) { // no memory: this operation has no span
    }
    return begun;
  }

  void end(aether::operation_span begun, aether::operation_end const& how) noexcept override {
    auto const kept = std::static_pointer_cast<span>(begun.token);
    if (!kept)
      return;
    try {
      auto const took = std::chrono::steady_clock::now() - kept->begun;
      std::cout << kept->name << ' ' << kept->actor_id << ": " << aether::to_traceparent(kept->own) << " of "
                << (kept->parent ? aether::to_traceparent(*kept->parent) : "none") << ", "
                << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " us, "
                << (how.error ? how.error.message() : "ok") << '\n';
    } catch (std::exception const&) {
    }
  }

private:
  struct span {
    std::string name;
    std::string actor_id;
    std::optional<aether::trace_context> parent;
    aether::trace_context own;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  };

  /// A new span of the parent's trace, or of a new one.
  static aether::trace_context child_of(std::optional<aether::trace_context> const& parent) {
    thread_local std::mt19937_64 random{std::random_device{}()};
    aether::trace_context own;
    own.flags = 1;
    if (parent)
      own = *parent;
    else
      for (auto& byte : own.trace_id)
        byte = static_cast<std::uint8_t>(random());
    for (auto& byte : own.span_id)
      byte = static_cast<std::uint8_t>(random());
    return own;
  }
};

/// An event that a request asked for belongs to the request's trace.
aether::event placed_by_request(std::string order_id, std::string const& traceparent) {
  auto placed = aether::make_event("OrderPlaced", std::move(order_id), 1, {});
  if (auto const parent = aether::parse_traceparent(traceparent))
    set_trace(placed.metadata, *parent);
  return placed;
}

struct observers {
  std::shared_ptr<aether::logger> log;
  std::shared_ptr<aether::tracer> tracer;

  observers() = default;
};

/// On a server the connection's logger is the store's too.
aether::awaitable<store_ptr> open_on_server(std::string url, observers told) {
  aether::nats::connection_options options;
  options.servers = {url};
  options.log = told.log;
  auto connection = co_await aether::nats::connection::connect(options);
  aether::nats::jetstream_config config;
  config.tracer = told.tracer;
  auto store = co_await aether::nats::jetstream_event_store::open(connection, "examples", config);
  co_return std::make_shared<aether::nats::jetstream_event_store>(std::move(store));
}

aether::awaitable<store_ptr> open_observed(example::arguments given, observers told) {
  if (!given.memory)
    co_return co_await open_on_server(given.url, told);
  aether::memory_config config;
  config.log = told.log;
  config.tracer = told.tracer;
  auto executor = co_await boost::asio::this_coro::executor;
  co_return std::make_shared<aether::memory_event_store>(executor, std::move(config));
}

/// Fails once, for a record in the log.
aether::awaitable<void> handle(std::shared_ptr<int> attempts, aether::event e) {
  if (++*attempts == 1)
    throw std::runtime_error("the printer is out of paper");
  auto const trace = aether::trace_of(e.metadata);
  std::cout << "handled " << e.event_type << " of " << (trace ? aether::to_traceparent(*trace) : "no trace") << '\n';
  co_return;
}

aether::awaitable<void> print_orders(store_ptr store, std::string order_id, std::shared_ptr<aether::logger> log) {
  aether::projection_options options;
  options.name = "printed";
  options.filter.actor_id = std::move(order_id);
  options.on_failure = aether::failed_event_policy::retry_then_stop;
  options.first_pause = std::chrono::milliseconds(10);
  options.log = log;
  auto const attempts = std::make_shared<int>(0);
  aether::projection printed(store, std::make_shared<aether::memory_checkpoint_store>(), std::move(options),
                             [attempts](aether::recorded_event const& e) { return handle(attempts, e.event); });
  aether::task_group running(co_await boost::asio::this_coro::executor);
  running.spawn(printed.run());
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (printed.progress().events_handled < 2) {
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  printed.stop();
  co_await running.join();
}

aether::awaitable<void> tour(example::arguments given) {
  auto const sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  auto const log =
      std::make_shared<spdlog_adapter>(std::make_shared<spdlog::logger>("aether", sink), aether::log_level::debug);
  observers told;
  told.log = log;
  told.tracer = std::make_shared<span_writer>();
  auto store = co_await open_observed(given, told);

  auto const order_id = example::new_order_id();
  auto placed = placed_by_request(order_id, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  co_await store->save_event(std::move(placed));
  auto const stored = co_await store->find_event(order_id, 1);
  auto paid = aether::make_event(*stored, "OrderPaid", order_id, 2, {}); // caused by it
  co_await store->save_event(std::move(paid));

  auto const events = co_await store->get_events(order_id);
  for (auto const& e : events)
    example::expect(e.metadata.trace_id() == "4bf92f3577b34da6a3ce929d0e0e4736", "an event is of another trace");
  co_await print_orders(store, order_id, log);
  co_await store->close();
}

int main(int argc, char** argv) { return example::run(tour(example::parse(argc, argv))); }
