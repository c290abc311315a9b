// aether-add-streams as a program: a store that grows, and command lines that are wrong.
#include "run_cli.hpp"

#include <integration/store_support.hpp>

#include <aether/nats/sharded_store.hpp>

BOOST_AUTO_TEST_SUITE(cli_add_streams, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;

namespace {

cli_result add_streams(std::string const& arguments) { return run_beside_cli("aether-add-streams", arguments); }

awaitable<sharded_event_store> opened(std::string name, std::size_t streams) {
  auto on = co_await nats::connection::connect(shared_server().url());
  nats::sharded_config config;
  config.stream_count = streams;
  config.stream.name_space = "tenant";
  co_return co_await nats::open_sharded_store(std::move(on), std::move(name), config);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_store_grows) {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await opened(name, 2);
    for (int i = 0; i < 40; ++i)
      co_await store.save_event(event_of("order-" + std::to_string(i), 1));
  });
  auto const around = " --namespace tenant --url " + shared_server().url();
  auto const grown = add_streams(name + " --streams 4" + around);
  BOOST_TEST(grown.code == 0, grown.err);
  BOOST_TEST(contains(grown.out, "40 events read, "), grown.out);
  BOOST_TEST(contains(grown.out, name + " has 4 streams now"), grown.out);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto store = co_await opened(name, 4);
    for (int i = 0; i < 40; ++i) {
      auto const version = co_await store.latest_version("order-" + std::to_string(i));
      BOOST_TEST(version == 1);
    }
  });
  auto const fewer = add_streams(name + " --streams 3" + around);
  BOOST_TEST(fewer.code == 3);
  BOOST_TEST(contains(fewer.err, "streams cannot be taken away"), fewer.err);
  auto const none = add_streams("nothing --streams 3" + around);
  BOOST_TEST(none.code == 3);
  BOOST_TEST(contains(none.err, "is not there"), none.err);
}

BOOST_AUTO_TEST_CASE(command_lines_that_are_wrong) {
  check_command_lines("aether-add-streams",
                      {"", "orders", "orders --streams", "orders --streams 0", "orders --streams x", "--streams 4",
                       "a b --streams 4", "orders --streams 4 --what", "orders --streams 4 --json"},
                      "Stop every program");
}

BOOST_AUTO_TEST_SUITE_END()
