// A subscriber that takes nothing while others publish as fast as they can: it stays within its bound, and everything
// it did not get is counted.
#include "fault/campaign/campaign.hpp"

#include <aether/event_bus.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/event_bus.hpp>

#include <support/events.hpp>
#include <support/nats_server.hpp>
#include <support/run.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

BOOST_AUTO_TEST_SUITE(flood)

using namespace aether;
using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::event_of;
using aether::test::has_nats_server;
using aether::test::nats_server;
using aether::test::run;

namespace {

constexpr std::size_t buffer = 1'024;

bus_filter bounded(overflow_policy policy) {
  bus_filter f;
  f.pattern = "flood";
  f.buffer_events = buffer;
  f.overflow = policy;
  return f;
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// Publishes new events on a thread of its own while it lives.
class flooding_thread {
public:
  explicit flooding_thread(event_broadcaster& into)
      : thread_([this, &into] {
          while (!stop_)
            into.publish("flood", event_of("order-1", static_cast<std::int64_t>(++published_)));
        }) {}
  ~flooding_thread() { end(); }

  std::uint64_t published() const noexcept { return published_; }
  std::uint64_t end() {
    stop_ = true;
    if (thread_.joinable())
      thread_.join();
    return published_;
  }

private:
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> published_ = 0;
  std::thread thread_;
};

awaitable<void> let_pass(std::chrono::steady_clock::duration time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// What a subscriber had, up to an event that marks the end.
struct account {
  std::uint64_t came = 0;
  std::uint64_t counted = 0; ///< as missed
  bool uncounted = false;    ///< the server gave up on the connection, which is told so
  std::uint64_t end_mark = 0;
};

/// `marks`: so many were published.
awaitable<account> take_to_the_end(event_broadcaster& from, bus_subscription s, std::int64_t& marks) {
  account had;
  while (had.end_mark == 0) {
    auto const item = co_await s.receive(call_options{.timeout = 100ms});
    if (!item) { // the last mark may have met a full buffer
      from.publish("flood", make_event("End", "order-1", ++marks));
    } else if (auto const* gap = std::get_if<missed>(&*item)) {
      had.counted += gap->count.value_or(0);
      had.uncounted = had.uncounted || !gap->count;
    } else {
      auto const& e = *std::get<broadcast>(*item).event;
      ++had.came;
      if (e.event_type == "End")
        had.end_mark = static_cast<std::uint64_t>(e.version);
    }
  }
  co_return had;
}

/// Everything that was published, the marks among it, has come or was told as missed.
void check(account const& had, std::uint64_t published) {
  BOOST_TEST(had.came >= buffer);
  auto const all = published + had.end_mark;
  if (had.uncounted)
    BOOST_TEST(had.came + had.counted <= all);
  else
    BOOST_TEST(had.came + had.counted == all);
}

awaitable<void> flood_and_account(event_broadcaster& from, event_broadcaster& to, std::string what) {
  auto newest = co_await to.subscribe(bounded(overflow_policy::drop_oldest));
  auto oldest = co_await to.subscribe(bounded(overflow_policy::drop_newest));
  flooding_thread publisher(from);
  co_await let_pass(1s); // the buffers are full, and what is made once is made
  auto const before = resident_megabytes();
  co_await let_pass(std::chrono::seconds(in_full_or(60, 2)));
  auto const grown = resident_megabytes() - before;
  auto const published = publisher.end();
  BOOST_TEST(published > 4 * buffer);
#ifndef AETHER_TEST_SANITIZED
  BOOST_TEST(grown < 24); // what is on its way between two connections comes and goes
#endif
  std::int64_t marks = 0;
  auto const first = co_await take_to_the_end(from, std::move(oldest), marks);
  check(first, published);
  auto const last = co_await take_to_the_end(from, std::move(newest), marks);
  check(last, published);
  record("flood, " + what + ": " + std::to_string(published) + " events published, " +
         std::to_string(static_cast<int>(grown)) + " MB more at the end, " +
         (first.uncounted ? "a lost connection was told" : "all came or were counted"));
}

} // namespace

BOOST_AUTO_TEST_CASE(in_one_process) {
  run(
      [](boost::asio::io_context&) -> awaitable<void> {
        event_bus bus;
        co_await flood_and_account(bus, bus, "in one process");
      },
      {.limit = 180s});
}

BOOST_AUTO_TEST_CASE(across_connections, *boost::unit_test::precondition(aether::test::has_nats_server)) {
  aether::test::nats_server_options settings;
  settings.jetstream = false;
  nats_server server(settings);
  run(
      [&](boost::asio::io_context&) -> awaitable<void> {
        nats::connection_options options;
        options.servers.push_back(server.url());
        options.max_pending_bytes = 1'000'000;
        auto here = co_await nats::connection::connect(options);
        auto there = co_await nats::connection::connect(options);
        auto from = co_await nats::event_bus::open(here);
        auto to = co_await nats::event_bus::open(there);
        co_await flood_and_account(from, to, "across connections");
        BOOST_TEST(to.metrics().malformed == 0u);
      },
      {.limit = 180s});
}

BOOST_AUTO_TEST_SUITE_END()
