// The tests' own runner: it reports what went wrong instead of hanging.
#include <support/run.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>

BOOST_AUTO_TEST_SUITE(run_helper)

namespace asio = boost::asio;
using aether::test::run;

BOOST_AUTO_TEST_CASE(runs_the_body_to_its_end) {
  bool ended = false;
  run([&](asio::io_context&) -> asio::awaitable<void> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    ended = true;
  });
  BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(rethrows_what_the_body_threw) {
  auto const throwing = [](asio::io_context&) -> asio::awaitable<void> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    throw std::logic_error("seen");
  };
  BOOST_CHECK_THROW(run(throwing, {.threads = 3}), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_body_that_waits_too_long_fails) {
  auto const waiting = [](asio::io_context& context) -> asio::awaitable<void> {
    asio::steady_timer timer(context, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
  };
  BOOST_CHECK_EXCEPTION(
      run(waiting, {.threads = 2, .limit = std::chrono::seconds(1)}), std::runtime_error,
      [](std::exception const& e) { return std::string(e.what()).find("did not end") != std::string::npos; });
}

BOOST_AUTO_TEST_CASE(work_left_behind_fails) {
  auto const leaving = [](asio::io_context& context) -> asio::awaitable<void> {
    auto timer = std::make_shared<asio::steady_timer>(context, std::chrono::hours(1));
    timer->async_wait([timer](boost::system::error_code) {});
    co_return;
  };
  BOOST_CHECK_EXCEPTION(
      run(leaving, {.limit = std::chrono::seconds(1)}), std::runtime_error,
      [](std::exception const& e) { return std::string(e.what()).find("left work") != std::string::npos; });
}

BOOST_AUTO_TEST_SUITE_END()
