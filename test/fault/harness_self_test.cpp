// The harness is proved: on a real server it goes red on each wrong writer, and stays green on a right one that meets
// the same.
#include "fault/check_history.hpp"
#include "fault/proxy.hpp"
#include "fault/raw_writer.hpp"
#include "fault/read_stream.hpp"

#include <support/nats_server.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;
using aether::test::temporary_directory;

namespace {

// What two writers of one kind do, one with the proxy between.
using scene = std::function<void(raw_writer& first, raw_writer& second, proxy& way_there)>;

void another_actors_event_has_the_id(raw_writer& first, raw_writer& second, proxy&) {
  first.save("order-1", 1, "a", 0);
  second.save("order-2", 1, "a", 0);
}

void the_answer_does_not_come(raw_writer& first, raw_writer&, proxy& way_there) {
  first.save("order-1", 1, "a", 0);
  way_there.delay(way::to_client, 300ms); // connecting waits for it, the save does not
  first.save("order-1", 2, "b", 1, 100ms);
  way_there.delay(way::to_client, 0ms);
}

void both_believe_the_actor_new(raw_writer& first, raw_writer& second, proxy&) {
  first.save("order-1", 1, "a", 0);
  second.save("order-1", 1, "b", 0);
}

std::vector<rule> broken_by(mistake m, scene const& play) {
  nats_server server;
  proxy way_there(server.port());
  temporary_directory const directory;
  wire_client client(server.port());
  client.request("$JS.API.STREAM.CREATE.S",
                 R"({"name":"S","subjects":["S.>"],"storage":"file","duplicate_window":120000000000})");
  history_writer first_log(directory.path() / "1", 1), second_log(directory.path() / "2", 2);
  raw_writer first(way_there.port(), "S", first_log, m), second(server.port(), "S", second_log, m);
  play(first, second, way_there);
  auto history = read_history(directory.path() / "1");
  auto const more = read_history(directory.path() / "2");
  history.insert(history.end(), more.begin(), more.end());
  std::vector<rule> broken;
  for (auto const& v : check_history(history, stored_events(read_stream(client, "S"))).violations)
    broken.push_back(v.broken);
  return broken;
}

bool has(std::vector<rule> const& rules, rule r) { return std::find(rules.begin(), rules.end(), r) != rules.end(); }

} // namespace

BOOST_AUTO_TEST_SUITE(self_test, *boost::unit_test::precondition(has_nats_server))

BOOST_AUTO_TEST_CASE(a_writer_that_trusts_duplicate_is_found) {
  BOOST_TEST(has(broken_by(mistake::trusts_duplicate, another_actors_event_has_the_id), rule::saved_event_is_stored));
}

BOOST_AUTO_TEST_CASE(a_writer_that_takes_a_timeout_for_a_failure_is_found) {
  BOOST_TEST(
      has(broken_by(mistake::takes_a_timeout_for_a_failure, the_answer_does_not_come), rule::refused_is_not_stored));
}

BOOST_AUTO_TEST_CASE(a_writer_that_expects_nothing_of_a_new_actor_is_found) {
  BOOST_TEST(has(broken_by(mistake::expects_nothing_of_a_new_actor, both_believe_the_actor_new), rule::stored_once));
}

BOOST_AUTO_TEST_CASE(a_right_writer_passes_where_they_fail) {
  BOOST_TEST(broken_by(mistake::none, another_actors_event_has_the_id).empty());
  BOOST_TEST(broken_by(mistake::none, the_answer_does_not_come).empty());
  BOOST_TEST(broken_by(mistake::none, both_believe_the_actor_new).empty());
}

BOOST_AUTO_TEST_SUITE_END()
