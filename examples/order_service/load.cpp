// Loads an order service: N connections place, pay, read and ship orders one after the other, as fast as they are
// answered, and what came of it is printed.
//   order_load --port 8080 [--address 127.0.0.1] [--connections 64] [--seconds 10]
#include <aether/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using clock_type = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

struct options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;
  int connections = 64;
  std::chrono::seconds duration{10};

  options() = default;
};

struct results {
  std::map<std::string, std::vector<double>> took; ///< ms, by what was asked
  std::map<unsigned, std::uint64_t> statuses;
};

/// One connection. Requests are awaited one by one.
class client {
public:
  client(asio::any_io_executor executor, results& into) : stream_(std::move(executor)), results_(into) {}

  aether::awaitable<void> connect(options given) {
    asio::ip::tcp::endpoint const to(asio::ip::make_address(given.address), given.port);
    co_await stream_.async_connect(to, asio::use_awaitable);
    stream_.socket().set_option(asio::ip::tcp::no_delay(true));
  }

  aether::awaitable<boost::json::value> ask(std::string what, http::verb method, std::string target, std::string body) {
    http::request<http::string_body> request(method, target, 11);
    request.set(http::field::host, "order-service");
    request.body() = std::move(body);
    request.prepare_payload();
    auto const begun = clock_type::now();
    co_await http::async_write(stream_, request, asio::use_awaitable);
    http::response<http::string_body> response;
    co_await http::async_read(stream_, buffer_, response, asio::use_awaitable);
    results_.took[what].push_back(milliseconds(clock_type::now() - begun).count());
    ++results_.statuses[response.result_int()];
    boost::system::error_code ec;
    co_return boost::json::parse(response.body(), ec);
  }

private:
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  results& results_;
};

std::string id_in(boost::json::value const& answer) {
  auto const* const object = answer.if_object();
  auto const* const id = object ? object->if_contains("id") : nullptr;
  return id && id->is_string() ? std::string(id->as_string()) : std::string();
}

constexpr int articles = 100;

aether::awaitable<void> load(options given, int number, clock_type::time_point end, results& into) {
  client one(co_await asio::this_coro::executor, into);
  co_await one.connect(given);
  std::deque<std::string> to_ship;
  for (int n = number; clock_type::now() < end; ++n) {
    auto const article = "article-" + std::to_string(n % articles);
    auto const answer =
        co_await one.ask("place", http::verb::post, "/orders",
                         R"({"customer":"Ada","quantity":1,"cents":1250,"article":")" + article + "\"}");
    auto const id = id_in(answer);
    if (id.empty())
      continue; // it was refused, and counted as such
    co_await one.ask("pay", http::verb::post, "/orders/" + id + "/pay", R"({"reference":"card"})");
    co_await one.ask("read", http::verb::get, "/orders/" + id, "");
    to_ship.push_back(id);
    if (to_ship.size() <= 20)
      continue; // stock is reserved in the background: the oldest has most likely got its pieces
    co_await one.ask("ship", http::verb::post, "/orders/" + to_ship.front() + "/ship", R"({"tracking":"by-bike"})");
    to_ship.pop_front();
  }
}

aether::awaitable<void> deliver(options given, results& into) {
  client one(co_await asio::this_coro::executor, into);
  co_await one.connect(given);
  for (int i = 0; i < articles; ++i)
    co_await one.ask("deliver", http::verb::post, "/stock/article-" + std::to_string(i), R"({"quantity":1000000})");
}

double percentile(std::vector<double> const& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(static_cast<double>(sorted.size()) * part))];
}

void line(std::string const& what, std::vector<double> all, double seconds) {
  std::sort(all.begin(), all.end());
  std::cout << std::left << std::setw(8) << what << std::right << std::fixed << std::setprecision(0) << std::setw(8)
            << static_cast<double>(all.size()) / seconds << " requests/s" << std::setprecision(1) << "  p50 "
            << std::setw(7) << percentile(all, 0.5) << " ms  p99 " << std::setw(7) << percentile(all, 0.99) << " ms\n";
}

void print(results const& all, double seconds) {
  std::vector<double> together;
  for (auto const& [what, took] : all.took) {
    line(what, took, seconds);
    together.insert(together.end(), took.begin(), took.end());
  }
  if (!together.empty())
    line("all", together, seconds);
  for (auto const& [status, times] : all.statuses)
    std::cout << "answers " << status << ": " << times << '\n';
}

options parse(int argc, char** argv) {
  options given;
  for (int i = 1; i < argc; ++i) {
    std::string const option = argv[i];
    if (i + 1 == argc)
      throw std::invalid_argument("unknown or incomplete: " + option);
    else if (option == "--address")
      given.address = argv[++i];
    else if (option == "--port")
      given.port = static_cast<std::uint16_t>(std::stoul(argv[++i]));
    else if (option == "--connections")
      given.connections = std::stoi(argv[++i]);
    else if (option == "--seconds")
      given.duration = std::chrono::seconds(std::stol(argv[++i]));
    else
      throw std::invalid_argument("unknown or incomplete: " + option);
  }
  return given;
}

void run(asio::io_context& context, std::vector<aether::awaitable<void>> all) {
  std::exception_ptr failure;
  for (auto& one : all)
    asio::co_spawn(context, std::move(one), [&](std::exception_ptr e) { failure = e ? e : failure; });
  context.restart();
  context.run();
  if (failure)
    std::rethrow_exception(failure);
}

int main(int argc, char** argv) {
  try {
    auto const given = parse(argc, argv);
    asio::io_context context(1);
    results before, all;
    std::vector<aether::awaitable<void>> work;
    work.push_back(deliver(given, before));
    run(context, std::exchange(work, {}));
    auto const begun = clock_type::now();
    for (int i = 0; i < given.connections; ++i)
      work.push_back(load(given, i, begun + given.duration, all));
    run(context, std::move(work));
    print(all, std::chrono::duration<double>(clock_type::now() - begun).count());
    return EXIT_SUCCESS;
  } catch (std::exception const& e) {
    std::cerr << "error: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
