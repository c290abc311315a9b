// The bus of one process, on one thread: prebuilt events, every one received.
#include "benchmark/rounds.hpp"
#include "benchmark/session.hpp"
#include "benchmark/workload.hpp"
#include "benchmark/works.hpp"

#include <aether/event_bus.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <malloc.h>
#include <time.h>

#include <memory>
#include <stdexcept>

namespace aether::benchmark {
namespace {

namespace asio = boost::asio;
using io_executor = asio::io_context::executor_type;
using events = std::vector<std::shared_ptr<event const>>;

events prebuilt(std::size_t count) {
  events made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back(std::make_shared<event const>(sample_event("order-1", static_cast<std::int64_t>(i + 1))));
  return made;
}

bus_filter filter_of(std::string pattern) {
  bus_filter f;
  f.pattern = std::move(pattern);
  return f;
}

bus_subscription subscribe(event_bus& bus, std::string pattern) {
  asio::io_context context(1);
  return run_on(context, bus.subscribe(filter_of(std::move(pattern))));
}

bool is_event(std::optional<bus_item> const& item) { return item && std::holds_alternative<broadcast>(*item); }

void check_received(std::size_t received, std::size_t count) {
  if (received != count)
    throw std::runtime_error("the bus lost " + std::to_string(count - received) + " events");
}

awaitable<void> receive_each(bus_subscription& s, std::size_t count, std::size_t& received) {
  for (std::size_t i = 0; i < count; ++i) {
    auto const item = co_await s.receive();
    received += is_event(item);
  }
}

/// Yields after each, so that who waits is woken each time, and waits again.
awaitable<void> publish_each(event_bus& bus, events const& what, std::size_t count, io_executor executor) {
  for (std::size_t i = 0; i < count; ++i) {
    bus.publish("tenant.a", what[i % what.size()]);
    co_await asio::post(executor, asio::deferred);
  }
}

awaitable<void> yield_each(std::size_t count, io_executor executor) {
  for (std::size_t i = 0; i < count; ++i)
    co_await asio::post(executor, asio::deferred);
}

double woken_each_time(events const& what, std::size_t count) {
  asio::io_context context(1);
  event_bus bus;
  auto s = subscribe(bus, "tenant.a");
  std::size_t received = 0;
  asio::co_spawn(context, receive_each(s, count, received), asio::detached);
  asio::co_spawn(context, publish_each(bus, what, count, context.get_executor()), asio::detached);
  stopwatch watch;
  context.run();
  auto const rate = watch.per_second(count);
  check_received(received, count);
  return rate;
}

/// Two coroutines that take turns and do nothing else.
double taking_turns(std::size_t count) {
  asio::io_context context(1);
  for (int i = 0; i < 2; ++i)
    asio::co_spawn(context, yield_each(count, context.get_executor()), asio::detached);
  stopwatch watch;
  context.run();
  return watch.per_second(count);
}

awaitable<bool> publish_and_receive(event_bus& bus, bus_subscription& s, events const& what, std::size_t count) {
  std::size_t received = 0;
  for (std::size_t done = 0; done < count; done += what.size()) {
    for (auto const& e : what)
      bus.publish("tenant.a", e);
    for (std::size_t i = 0; i < what.size(); ++i) {
      auto const item = co_await s.receive();
      received += is_event(item);
    }
  }
  co_return received == count;
}

double buffered(events const& what, std::size_t count) {
  asio::io_context context(1);
  event_bus bus;
  auto s = subscribe(bus, "tenant.a");
  stopwatch watch;
  auto const all = run_on(context, publish_and_receive(bus, s, what, count));
  auto const rate = watch.per_second(count);
  check_received(all ? count : 0, count);
  return rate;
}

/// Of the processor, so that whoever else wants it changes nothing.
double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// A bus with 100 subscribers of one namespace, and others.
class crowd {
public:
  explicit crowd(std::size_t other_namespaces, std::size_t wildcards) {
    for (int i = 0; i < 100; ++i)
      here_.push_back(subscribe(bus_, "tenant.a"));
    for (std::size_t i = 0; i < other_namespaces; ++i)
      others_.push_back(subscribe(bus_, "tenant.n" + std::to_string(i)));
    for (std::size_t i = 0; i < wildcards; ++i)
      others_.push_back(subscribe(bus_, (i % 2 == 0 ? "*.x" : "tenant.y") + std::to_string(i) + ".>"));
  }

  /// Nanoseconds of the processor for each event that is published; taking them does not count.
  double publish(events const& what, std::size_t stretches) {
    double seconds = 0;
    std::size_t received = 0;
    for (std::size_t i = 0; i < stretches; ++i) {
      auto const begin = thread_seconds();
      for (auto const& e : what)
        bus_.publish("tenant.a", e);
      seconds += thread_seconds() - begin;
      for (auto& s : here_)
        while (is_event(s.try_receive()))
          ++received;
    }
    check_received(received, here_.size() * what.size() * stretches);
    return seconds * 1e9 / static_cast<double>(what.size() * stretches);
  }

private:
  event_bus bus_;
  std::vector<bus_subscription> here_;
  std::vector<bus_subscription> others_;
};

std::size_t bytes_in_use() {
  auto const m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

awaitable<void> wait_on(bus_subscription& s) { co_await s.receive(); }

/// The same coroutine waiting for nothing, its handler kept: what is the waiting coroutine's own.
struct shelf {
  std::vector<std::shared_ptr<void>> kept;

  awaitable<void> wait() {
    auto initiate = [this](auto handler) { kept.push_back(std::make_shared<decltype(handler)>(std::move(handler))); };
    co_await asio::async_initiate<asio::use_awaitable_t<> const, void()>(initiate, asio::use_awaitable);
  }
};

awaitable<void> wait_on_shelf(shelf& s) { co_await s.wait(); }

struct footprint {
  double subscriber = 0; ///< bytes of one that does not wait
  double waiting = 0;    ///< bytes that waiting adds
  double coroutine = 0;  ///< bytes of a coroutine that waits for nothing
};

footprint footprint_of(std::size_t count) {
  footprint f;
  auto const each = [&](std::size_t before) {
    return static_cast<double>(bytes_in_use() - before) / static_cast<double>(count);
  };
  {
    event_bus bus;
    std::vector<bus_subscription> all;
    all.reserve(count);
    auto before = bytes_in_use();
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(subscribe(bus, "tenant.a"));
    f.subscriber = each(before);
    asio::io_context context(1);
    before = bytes_in_use();
    for (auto& s : all)
      asio::co_spawn(context, wait_on(s), asio::detached);
    context.poll();
    f.waiting = each(before);
  }
  shelf nothing;
  nothing.kept.reserve(count);
  asio::io_context context(1);
  auto const before = bytes_in_use();
  for (std::size_t i = 0; i < count; ++i)
    asio::co_spawn(context, wait_on_shelf(nothing), asio::detached);
  context.poll();
  f.coroutine = each(before);
  return f;
}

/// Bytes that a subscriber that takes nothing holds once its buffer is full, and what a flood of events, each a new
/// one, adds to them.
struct flood {
  double full = 0;
  double growth = 0;
};

flood flood_of(std::size_t count) {
  event_bus bus;
  auto s = subscribe(bus, "tenant.a");
  auto const publish = [&](std::size_t how_many) {
    for (std::size_t i = 0; i < how_many; ++i)
      bus.publish("tenant.a", sample_event("order-1", static_cast<std::int64_t>(i + 1'000'000)));
  };
  auto const before = bytes_in_use();
  publish(1'024); // as many as fit
  auto const full = bytes_in_use();
  publish(count);
  check_received(bus.metrics().received + bus.metrics().dropped, 1'024 + count);
  return {static_cast<double>(full - before), static_cast<double>(bytes_in_use()) - static_cast<double>(full)};
}

void measure_speed(options const& wanted, report& out) {
  auto const what = prebuilt(1'000); // as many as a buffer holds by default, all but a few
  auto const woken = wanted.scaled(1'000'000, 200'000);
  auto const taken = wanted.scaled(2'000'000, 500'000);
  auto const medians = interleaved(wanted.rounds, {
                                                      [&](std::size_t) { return woken_each_time(what, woken); },
                                                      [&](std::size_t) { return taking_turns(woken); },
                                                      [&](std::size_t) { return buffered(what, taken); },
                                                  });
  row r;
  r.work = "bus, a waiting subscriber woken by each event, beside coroutines taking turns";
  r.unit = "events/s";
  r.aether = medians[0];
  r.floor = medians[1];
  r.target = target{bound::at_least, 1'000'000, compared_with::nothing};
  out.add(r);
  r.work = "bus, buffered";
  r.aether = medians[2];
  r.floor.reset();
  r.target = target{bound::at_least, 5'000'000, compared_with::nothing};
  out.add(r);
}

void measure_crowds(options const& wanted, report& out) {
  auto const what = prebuilt(50);
  auto const stretches = wanted.scaled(400, 100);
  crowd alone(0, 0), among(10'000, 0), alone_beside_wildcards(0, 20), among_wildcards(10'000, 20);
  auto const side_of = [&](crowd& c) { return side([&](std::size_t) { return c.publish(what, stretches); }); };
  auto const medians = interleaved(
      wanted.rounds, {side_of(among), side_of(alone), side_of(among_wildcards), side_of(alone_beside_wildcards)});
  row r;
  r.work = "bus, publishing to 100 subscribers among 10,000 other namespaces, beside without these";
  r.unit = "ns";
  r.aether = medians[0];
  r.floor = medians[1];
  r.target = target{bound::at_most, 1.1, compared_with::floor};
  out.add(r);
  r.work = "bus, the same with 20 subscribers of wildcards";
  r.aether = medians[2];
  r.floor = medians[3];
  out.add(r);
}

} // namespace

void measure_bus(options const& wanted, report& out) {
  measure_speed(wanted, out);
  measure_crowds(wanted, out);
  auto const f = footprint_of(100'000);
  row r;
  r.work = "bus, memory of one of 100,000 idle subscribers";
  r.unit = "bytes";
  r.aether = f.subscriber;
  r.target = target{bound::at_most, 1024, compared_with::nothing};
  out.add(r);
  r.work = "bus, memory of one that waits, without its coroutine";
  r.aether = f.subscriber + f.waiting - f.coroutine;
  out.add(r);
  r.work = "bus, the coroutine that waits, beside one that waits for nothing";
  r.aether = f.waiting;
  r.floor = f.coroutine;
  r.target.reset();
  out.add(r);
  auto const flooded = flood_of(wanted.scaled(5'000'000, 500'000));
  r.work = "bus, memory of one that takes nothing, its 1,024 events with it";
  r.aether = flooded.full;
  r.floor.reset();
  out.add(r);
  r.work = "bus, what a flood of new events adds to that";
  r.aether = flooded.growth;
  r.target = target{bound::at_most, 4'096, compared_with::nothing};
  out.add(r);
}

} // namespace aether::benchmark
