// A process that projects from JetStream into SQLite is killed again and again: every event takes effect exactly once.
#include <integration/store_support.hpp>
#include <sqlite/read_model.hpp>
#include <support/child_process.hpp>
#include <support/projections.hpp>
#include <support/temporary_directory.hpp>

#include <boost/asio/steady_timer.hpp>

BOOST_AUTO_TEST_SUITE(projecting_process, *boost::unit_test::disabled())

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t all_events = 2000;

awaitable<projection> open_projection(std::string url, std::string stream, database_ptr database) {
  auto store = co_await open_store(std::move(url), std::move(stream));
  auto options = named("totals");
  options.checkpoint_events = 20;
  co_return projection(std::make_shared<nats::jetstream_event_store>(std::move(store)),
                       std::make_shared<sqlite::checkpoint_store>(database), std::move(options), adding_up(database));
}

/// Waits without spending the processor that the child needs.
template <class Condition> awaitable<void> until_soon(Condition const& holds) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  while (!holds()) {
    timer.expires_after(1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

awaitable<void> save_all(nats::jetstream_event_store store) {
  for (std::int64_t version = 1; version <= all_events; ++version)
    co_await store.save_event(event_of("order-1", version));
}

} // namespace

// Not a test but the program that the test below starts several times, from this very executable.

BOOST_AUTO_TEST_CASE(project) { // -- URL STREAM FILE
  auto const& suite = boost::unit_test::framework::master_test_suite();
  BOOST_TEST_REQUIRE(suite.argc == 4);
  std::string const url = suite.argv[1], stream = suite.argv[2], file = suite.argv[3];
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto p = co_await open_projection(url, stream, open_model(file));
    co_await p.run();
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(killed_projections, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace projecting_process;

BOOST_AUTO_TEST_CASE(each_event_takes_effect_once) {
  temporary_directory directory;
  auto const file = (directory.path() / "model.db").string();
  auto const output = directory.path() / "output";
  run([&](boost::asio::io_context& context) -> awaitable<void> {
    auto const stream = new_stream();
    auto const url = shared_server().url();
    auto store = co_await open_store(url, stream);
    auto const reader = open_model(file);
    task_group group(context.get_executor());
    group.spawn(save_all(store));
    int lives = 0;
    for (std::int64_t target = 100; target < all_events; target += 190) {
      child_process child({"/proc/self/exe", "--run_test=projecting_process", "--", url, stream, file}, output);
      co_await until_soon([&] { return count_in(reader) >= target || !child.running(); });
      BOOST_TEST(child.running(), read_file(output)); // it ends only by being killed
      child.kill();
      ++lives;
      // What is there is whole.
      auto const handled = count_in(reader);
      BOOST_TEST(sum_in(reader) == handled * (handled + 1) / 2);
    }
    BOOST_TEST(lives == 10);
    co_await group.join();
    auto last = co_await open_projection(url, stream, open_model(file));
    task_group running(context.get_executor());
    running.spawn(last.run());
    co_await until_soon([&] { return count_in(reader) >= all_events && last.progress().caught_up; });
    last.stop();
    co_await running.join();
    BOOST_TEST(count_in(reader) == all_events);
    BOOST_TEST(sum_in(reader) == all_events * (all_events + 1) / 2);
    BOOST_TEST(number_of(reader, "select count(distinct version) from handled") == all_events);
  });
}

BOOST_AUTO_TEST_SUITE_END()
