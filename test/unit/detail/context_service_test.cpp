// The service behind a context: who may still enter, who is told when it goes, and that it keeps nothing alive.
#include <detail/context_service.hpp>
#include <detail/wait.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(context_services)

using namespace aether::detail;

namespace {

struct member final : context_member {
  int told = 0;
  void context_shutdown() noexcept override { ++told; }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_gate_closes_when_everybody_has_left) {
  context_gate gate;
  BOOST_TEST(gate.enter());
  BOOST_TEST(gate.is_open());
  std::atomic<bool> closed = false;
  std::thread closing([&] {
    gate.close();
    closed = true;
  });
  while (gate.is_open())
    std::this_thread::yield();
  BOOST_TEST(!gate.enter()); // no longer, though close() still waits
  BOOST_TEST(!closed);
  gate.leave();
  closing.join();
  BOOST_TEST(closed);
  BOOST_TEST(!gate.enter());
}

BOOST_AUTO_TEST_CASE(members_are_told_once_when_the_context_goes) {
  auto const weak = std::make_shared<member>();
  auto const owned = std::make_shared<member>();
  auto const disowned = std::make_shared<member>();
  {
    asio::io_context context;
    auto& service = context_service::of(context.get_executor());
    BOOST_TEST(&service == &context_service::of(asio::make_strand(context)));
    service.add_member(weak);
    service.add_member(std::make_shared<member>()); // gone already
    BOOST_TEST(service.own_member(owned));
    BOOST_TEST(service.own_member(disowned));
    BOOST_TEST(disowned.use_count() == 2);
    service.disown_member(*disowned);
    service.disown_member(*disowned); // no error
    BOOST_TEST(disowned.use_count() == 1);
    BOOST_TEST(weak->told == 0);
  }
  BOOST_TEST(weak->told == 1);
  BOOST_TEST(owned->told == 1);
  BOOST_TEST(owned.use_count() == 1);
  BOOST_TEST(disowned->told == 0);
}

BOOST_AUTO_TEST_CASE(members_that_are_gone_do_not_pile_up) {
  asio::io_context context;
  auto& service = context_service::of(context.get_executor());
  std::vector<std::weak_ptr<member>> seen;
  for (int i = 0; i < 10'000; ++i) {
    auto const m = std::make_shared<member>();
    service.add_member(m);
    seen.push_back(m);
  }
  // A weak_ptr kept keeps the block of make_shared: the service has dropped all but few of its own.
  std::size_t kept = 0;
  for (auto const& w : seen)
    kept += w.expired() ? 0u : 1u;
  BOOST_TEST(kept == 0u);
}

BOOST_AUTO_TEST_CASE(a_wait_that_has_ended_keeps_no_timer) {
  asio::io_context context;
  std::shared_ptr<wait_state<int>> parked;
  auto const wait = [&]() -> asio::awaitable<void> {
    co_await wait_until<int>(std::chrono::steady_clock::now() + std::chrono::hours(1),
                             [&](std::shared_ptr<wait_state<int>> w) { parked = std::move(w); });
  };
  asio::co_spawn(context, wait(), asio::detached);
  context.poll();
  BOOST_TEST(!context.stopped()); // the deadline is work
  parked->complete(1);
  context.run(); // returns at once
  BOOST_TEST(context.stopped());
}

BOOST_AUTO_TEST_CASE(a_deadline_that_passed_while_the_context_was_stopped_ends_its_wait_later) {
  asio::io_context context;
  std::optional<wait_end> end;
  auto const wait = [&]() -> asio::awaitable<void> {
    auto const result = co_await wait_until<int>(std::chrono::steady_clock::now() + std::chrono::milliseconds(1),
                                                 [](std::shared_ptr<wait_state<int>>) {});
    end = result.end;
  };
  asio::co_spawn(context, wait(), asio::detached);
  context.poll_one();
  context.stop();
  context.restart();
  context.run();
  BOOST_REQUIRE(end.has_value());
  BOOST_CHECK(*end == wait_end::timed_out);
}

BOOST_AUTO_TEST_SUITE_END()
