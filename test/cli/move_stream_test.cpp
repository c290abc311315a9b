// aether-move-stream as a program: a stream that moves, and command lines that are wrong.
#include "run_cli.hpp"

#include <fault/nats_cluster.hpp>
#include <integration/store_support.hpp>

BOOST_AUTO_TEST_SUITE(cli_move_stream, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;

namespace {

cli_result move_stream(std::string const& arguments) { return run_beside_cli("aether-move-stream", arguments); }

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_moves) {
  fault::nats_cluster_options two;
  two.nodes = 2;
  two.node_configs = {R"(server_tags: ["disk:old"])", R"(server_tags: ["disk:new", "row:2"])"};
  fault::nats_cluster cluster(std::move(two));
  run([&](boost::asio::io_context&) -> awaitable<void> {
    nats::jetstream_config config;
    config.name_space = "tenant";
    config.placement.tags.push_back("disk:old");
    auto store = co_await open_store(cluster.node(0).url(), "orders", config);
    for (int version = 1; version <= 20; ++version)
      co_await store.save_event(event_of("order-1", version));
  });
  auto const around = " --namespace tenant --url " + cluster.urls();
  auto const unsaid = move_stream("orders --tag disk:new" + around);
  BOOST_TEST(unsaid.code == 3);
  BOOST_TEST(contains(unsaid.err, "one replica"), unsaid.err);
  auto const moved = move_stream("orders --tag disk:new --tag row:2 --cluster c --writers-stopped" + around);
  BOOST_TEST(moved.code == 0, moved.err);
  BOOST_TEST(contains(moved.out, "orders is on n1 (leads)"), moved.out);
  run([&](boost::asio::io_context&) -> awaitable<void> {
    nats::jetstream_config config;
    config.name_space = "tenant";
    auto store = co_await open_store(cluster.node(0).url(), "orders", config);
    auto const version = co_await store.latest_version("order-1");
    BOOST_TEST(version == 20);
  });
  auto const nowhere = move_stream("orders --tag disk:gone --writers-stopped" + around);
  BOOST_TEST(nowhere.code == 3);
  BOOST_TEST(contains(nowhere.err, "disk:gone"), nowhere.err);
}

BOOST_AUTO_TEST_CASE(command_lines_that_are_wrong) {
  check_command_lines("aether-move-stream",
                      {"", "orders", "--tag disk:new", "orders --tag", "orders --tag ''", "orders --tag --cluster",
                       "orders --cluster", "orders --cluster c --cluster d", "a b --tag disk:new",
                       "orders --tag disk:new --what", "orders --tag disk:new --json",
                       "orders --tag disk:new --monitoring-url http://127.0.0.1:1", "a.b --tag disk:new"},
                      "--tag TAG");
}

BOOST_AUTO_TEST_SUITE_END()
