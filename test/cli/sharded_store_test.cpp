// The inspector on a sharded store: each of its streams by itself, and which one an actor is in.
#include "run_cli.hpp"

#include <integration/store_support.hpp>

#include <aether/nats/sharded_store.hpp>

BOOST_AUTO_TEST_SUITE(cli_sharded_store, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether;
using namespace aether::test;

namespace {

constexpr std::size_t streams = 3;

/// One event of each of ten actors.
std::string filled_store() {
  auto const name = new_stream();
  run([&](boost::asio::io_context&) -> awaitable<void> {
    auto on = co_await nats::connection::connect(shared_server().url());
    nats::sharded_config config;
    config.stream_count = streams;
    config.stream.name_space = "tenant";
    auto store = co_await nats::open_sharded_store(std::move(on), name, config);
    for (int i = 0; i < 10; ++i)
      co_await store.save_event(event_of("order-" + std::to_string(i), 1));
  });
  return name;
}

cli_result inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--namespace", "tenant", "--url", shared_server().url()});
  return run_cli(std::move(arguments));
}

} // namespace

BOOST_AUTO_TEST_CASE(each_stream_by_itself) {
  auto const name = filled_store();
  auto const own = nats::sharded_stream_name(name, stream_of_actor("order-7", streams));
  auto const history = inspect({"history", own, "order-7"});
  BOOST_TEST(history.code == 0, history.err);
  BOOST_TEST(history.lines().size() == 2u, history.out);
  std::size_t actors = 0;
  for (std::size_t i = 0; i < streams; ++i) {
    auto const part = nats::sharded_stream_name(name, i);
    auto const listed = inspect({"actors", part, "--json"});
    BOOST_TEST(listed.code == 0, listed.err);
    actors += listed.objects().size();
    auto const checked = inspect({"check", part});
    BOOST_TEST(checked.code == 0, checked.out << checked.err);
    auto const examined = inspect({"doctor", part});
    BOOST_TEST(examined.code == 0, examined.out << examined.err);
    BOOST_TEST(contains(examined.out, "0 critical, "), examined.out);
  }
  BOOST_TEST(actors == 10u);
}

BOOST_AUTO_TEST_CASE(the_store_s_name_leads_to_its_streams) {
  auto const name = filled_store();
  auto const own = "tenant_" + nats::sharded_stream_name(name, stream_of_actor("order-7", streams));
  auto const history = inspect({"history", name, "order-7"});
  BOOST_TEST(history.code == 3);
  BOOST_TEST(contains(history.err, "is in " + own), history.err);
  for (auto const* of_all : {"check", "doctor"}) {
    auto const result = inspect({of_all, name});
    BOOST_TEST(result.code == 3);
    BOOST_TEST(contains(result.err, "tenant_" + name + "-0000 to tenant_" + name + "-0002"), result.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()
