// A page that is read over HTTP while threads count.
#include <aether/event_bus.hpp>

#include "exposition.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <prometheus/exposer.h>

#include <atomic>
#include <iterator>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(scraping)

using namespace aether;
using namespace aether::test;

namespace {

/// The body of an answer to `GET /metrics`.
std::string scrape(int port) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port)});
  std::string const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  asio::write(socket, asio::buffer(request));
  std::string answer;
  boost::system::error_code ended;
  asio::read(socket, asio::dynamic_buffer(answer), ended);
  auto const head = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200") || head == std::string::npos)
    throw std::runtime_error("no answer: " + answer.substr(0, 200));
  return answer.substr(head + 4);
}

std::uint64_t published(std::string const& page) {
  return std::stoull(series_of(page).at(R"(aether_bus_published_total{bus="main"})"));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_page_is_whole_and_counts_go_up_while_threads_count) {
  constexpr int threads = 3;
  constexpr int at_least = 200;
  auto const bus = std::make_shared<event_bus>();
  auto const collector = std::make_shared<aether::prometheus::collector>();
  auto const kept = collector->add_bus("main", bus);
  ::prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(collector);
  auto const port = exposer.GetListeningPorts().at(0);

  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> counted = 0;
  std::vector<std::thread> counting;
  for (int i = 0; i < threads; ++i)
    counting.emplace_back([&] {
      auto const e = std::make_shared<event const>(make_event("OrderPlaced", "order-1", 1));
      for (int n = 0; n < at_least || !done; ++n) {
        bus->publish("", e);
        ++counted;
      }
    });

  std::vector<std::uint64_t> seen;
  std::vector<std::uint64_t> known; // what was counted for sure before each scrape
  for (int i = 0; i < 20; ++i) {
    known.push_back(counted);
    seen.push_back(published(scrape(port)));
  }
  done = true;
  for (auto& thread : counting)
    thread.join();

  for (std::size_t i = 0; i < seen.size(); ++i) {
    BOOST_TEST(seen[i] >= known[i]);
    BOOST_TEST((i == 0 || seen[i] >= seen[i - 1]));
  }
  auto const page = scrape(port);
  BOOST_TEST(published(page) == counted.load());
  BOOST_TEST(page.find("# TYPE aether_bus_published_total counter\n") != std::string::npos);
  BOOST_TEST(page.find("# HELP aether_bus_published_total ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_page_without_its_collector_is_still_answered) {
  auto collector = std::make_shared<aether::prometheus::collector>();
  ::prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(collector);
  auto const kept = collector->add_bus("main", std::make_shared<event_bus>());
  auto const port = exposer.GetListeningPorts().at(0);
  BOOST_TEST(scrape(port).find("aether_metric_source_errors_total") != std::string::npos);
  collector.reset();
  BOOST_TEST(scrape(port).find("aether_") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
