// Which server is tried next, and after what pause.
#include <nats/server_pool.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(server_pools)

using namespace aether::nats::detail;
using namespace std::chrono_literals;

namespace {

server_pool make(std::vector<std::string> servers) { return server_pool(servers, 50ms, 2s); }

} // namespace

BOOST_AUTO_TEST_CASE(servers_take_turns_and_a_round_is_each_of_them_once) {
  auto pool = make({"a", "b", "c"});
  BOOST_TEST(pool.current().url == "a");
  BOOST_TEST(!pool.failed());
  BOOST_TEST(pool.current().url == "b");
  BOOST_TEST(!pool.failed());
  BOOST_TEST(pool.current().url == "c");
  BOOST_TEST(pool.failed());
  BOOST_TEST(pool.current().url == "a");
}

BOOST_AUTO_TEST_CASE(pauses_stand_between_rounds_and_double_to_their_maximum) {
  auto pool = make({"a", "b"});
  BOOST_CHECK(pool.pause(0) == 0ns);
  pool.failed();
  BOOST_CHECK(pool.pause(0) == 0ns); // within the round
  pool.failed();
  BOOST_CHECK(pool.pause(0) == 50ms);
  for (auto const expected : {100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    pool.failed();
    pool.failed();
    BOOST_CHECK(pool.pause(0) == expected);
  }
  pool.succeeded();
  BOOST_CHECK(pool.pause(0) == 0ns);
  pool.failed();
  pool.failed();
  BOOST_CHECK(pool.pause(0) == 50ms);
}

BOOST_AUTO_TEST_CASE(jitter_takes_up_to_half_away) {
  auto pool = make({"a"});
  BOOST_TEST(pool.failed());
  BOOST_CHECK(pool.pause(0) == 50ms);
  BOOST_CHECK(pool.pause(0.5) == 37'500us);
  BOOST_CHECK(pool.pause(0.999) > 25ms);
}

BOOST_AUTO_TEST_CASE(many_failed_rounds_do_not_overflow) {
  for (auto const longest : {std::chrono::nanoseconds::max() / 4, std::chrono::nanoseconds::max()}) {
    auto pool = server_pool({"a"}, 3ns, longest);
    for (int i = 0; i < 200; ++i) {
      pool.failed();
      BOOST_REQUIRE(pool.pause(0) >= 3ns);
    }
    BOOST_CHECK(pool.pause(0) == longest);
  }
}

BOOST_AUTO_TEST_CASE(what_the_cluster_tells_of_comes_behind_and_is_known_by_address) {
  auto pool = make({"nats://user:secret@a:1"});
  pool.discover({"nats://a:1", "nats://b:2", "nats://c:3"}, "a");
  BOOST_TEST(pool.size() == 3u);
  BOOST_TEST(pool.current().url == "nats://user:secret@a:1");
  BOOST_TEST(pool.current().tls_name == "");
  pool.failed();
  BOOST_TEST(pool.current().url == "nats://b:2");
  BOOST_TEST(pool.current().tls_name == "a");
}

BOOST_AUTO_TEST_CASE(servers_that_left_the_cluster_are_forgotten_but_never_ones_own) {
  auto pool = make({"nats://a:1", "nats://z:9"});
  pool.discover({"nats://b:2", "nats://c:3"}, "");
  BOOST_TEST(pool.size() == 4u);
  pool.failed();
  pool.failed();
  pool.failed();
  BOOST_TEST(pool.current().url == "nats://c:3");
  pool.discover({"nats://c:3", "nats://d:4"}, "");
  BOOST_TEST(pool.size() == 4u); // a, z, c, d
  BOOST_TEST(pool.current().url == "nats://c:3");
  pool.discover({}, "");
  BOOST_TEST(pool.size() == 2u);
  BOOST_TEST(pool.current().url == "nats://a:1");
  for (int i = 0; i < 100; ++i)
    pool.discover({"nats://b:" + std::to_string(i + 1)}, "");
  BOOST_TEST(pool.size() == 3u); // bounded, however often a cluster changes
}

BOOST_AUTO_TEST_SUITE_END()
