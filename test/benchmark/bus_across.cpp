// Events heard in another process, beside cnats' own publishing and subscribing with and without Boost.JSON.
#include "benchmark/own_thread.hpp"
#include "benchmark/raw_connection.hpp"
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/json.hpp>
#include <aether/nats/event_bus.hpp>

#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace aether::benchmark {
namespace {

constexpr std::size_t window = 1'000;
constexpr char const* name_space = "shop.orders";
constexpr char const* subject = "raw.order_line_added.order-1.ns.shop.orders";

/// Keeps who publishes at most a window ahead of who receives: core NATS drops what a slow receiver does not take.
class receipts {
public:
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::seconds(30), [&] { return received_ >= count; }))
      throw std::runtime_error("events are missing: " + std::to_string(received_) + " came");
  }
  void add() {
    if (++mine_ % (window / 4) != 0)
      return;
    std::lock_guard lock(mutex_);
    received_ = mine_;
    came_.notify_one();
  }

private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::size_t received_ = 0;
  std::size_t mine_ = 0; // the receiver's
};

awaitable<nats::event_bus> open_bus(std::string url) {
  auto on = co_await nats::connection::connect(std::move(url));
  auto bus = co_await nats::event_bus::open(std::move(on));
  co_return bus;
}

awaitable<bus_subscription> subscribe_to(nats::event_bus bus) {
  bus_filter filter;
  filter.pattern = name_space;
  filter.buffer_events = 4 * window;
  auto subscription = co_await bus.subscribe(std::move(filter));
  co_return subscription;
}

awaitable<void> receive_all(bus_subscription from, std::size_t count, receipts& told) {
  for (std::size_t i = 0; i < count; ++i) {
    auto const item = co_await from.receive();
    if (!std::holds_alternative<broadcast>(*item))
      throw std::runtime_error("the bus lost something");
    told.add();
  }
}

double over_the_bus(std::string const& url, std::size_t count) {
  own_thread here, there;
  auto publisher = here.wait_for(open_bus(url));
  auto heard = there.wait_for(open_bus(url));
  auto subscription = there.wait_for(subscribe_to(heard));
  receipts told;
  auto const end =
      boost::asio::co_spawn(there.context, receive_all(std::move(subscription), count, told), boost::asio::use_future);
  stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= window && i % (window / 4) == 0)
      told.wait_for(i - window + window / 4);
    publisher.publish(name_space, sample_event("order-1", static_cast<std::int64_t>(i + 1)));
  }
  told.wait_for(count);
  return watch.per_second(count);
}

struct raw_receiver {
  receipts told;
  bool parses = false;
  std::size_t bytes = 0;

  raw_receiver() = default;
};

/// As a program without this library writes the same event: straight into Boost.JSON's object.
std::string json_of(std::int64_t version) {
  auto e = sample_event("order-1", version);
  boost::json::object o;
  o["id"] = std::move(e.id);
  o["eventType"] = std::move(e.event_type);
  o["actorId"] = std::move(e.actor_id);
  o["version"] = version;
  o["data"] = std::move(e.data);
  o["timestamp"] = format_time(e.timestamp);
  return boost::json::serialize(o);
}

void on_message(natsConnection*, natsSubscription*, natsMsg* m, void* closure) {
  auto& self = *static_cast<raw_receiver*>(closure);
  std::string_view const text(natsMsg_GetData(m), static_cast<std::size_t>(natsMsg_GetDataLength(m)));
  if (self.parses)
    self.bytes += boost::json::parse(text).at("actorId").as_string().size();
  else
    self.bytes += text.size();
  natsMsg_Destroy(m);
  self.told.add();
}

double over_cnats(std::string const& url, std::size_t count, bool json) {
  raw_connection here(url, false), there(url, false);
  raw_receiver receiver;
  receiver.parses = json;
  check_cnats(natsConnection_Subscribe(&there.subscription, there.connection, subject, &on_message, &receiver),
              "subscribe");
  check_cnats(natsConnection_Flush(there.connection), "flush");
  auto text = json_of(1);
  stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= window && i % (window / 4) == 0)
      receiver.told.wait_for(i - window + window / 4);
    if (json)
      text = json_of(static_cast<std::int64_t>(i + 1));
    check_cnats(natsConnection_Publish(here.connection, subject, text.data(), static_cast<int>(text.size())),
                "publish");
  }
  receiver.told.wait_for(count);
  return watch.per_second(count);
}

} // namespace

void measure_bus_across(server_run const& run) {
  auto const count = run.wanted.scaled(200'000, 50'000);
  auto const url = run.server.url();
  side const aether = [&](std::size_t) { return over_the_bus(url, count); };
  side const raw = [&](std::size_t) { return over_cnats(url, count, true); };
  side const plain = [&](std::size_t) { return over_cnats(url, count, false); };
  auto const medians = interleaved(run.wanted.rounds, {aether, raw, plain});
  auto r = run.make_row("bus across processes, beside cnats with Boost.JSON", "events/s");
  r.aether = medians[0];
  r.raw = medians[1];
  r.target = target{bound::at_least, 0.8, compared_with::raw};
  run.out.add(r);
  r.work = "bus across processes, beside cnats without JSON";
  r.raw = medians[2];
  r.target.reset();
  run.out.add(r);
}

} // namespace aether::benchmark
