// The harness is proved: on a real server it goes red on each wrong writer, and stays green on a right one that meets
// the same.
#include "fault/check_run.hpp"
#include "fault/nats_cluster.hpp"
#include "fault/proxy.hpp"
#include "fault/raw_writer.hpp"
#include "fault/read_stream.hpp"

#include <support/nats_server.hpp>
#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <future>
#include <thread>

BOOST_AUTO_TEST_SUITE(self_test, *boost::unit_test::precondition(aether::test::has_nats_server))

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;
using aether::test::nats_server_options;
using aether::test::temporary_directory;

namespace {

// What two writers of one kind do, one with the proxy between.
using scene = std::function<void(raw_writer& first, raw_writer& second, proxy& way_there, wire_client& stream)>;

void another_actors_event_has_the_id(raw_writer& first, raw_writer& second, proxy&, wire_client&) {
  first.save("order-1", 1, "a", 0);
  second.save("order-2", 1, "a", 0);
}

void the_answer_does_not_come(raw_writer& first, raw_writer&, proxy& way_there, wire_client&) {
  first.save("order-1", 1, "a", 0);
  way_there.delay(way::to_client, 300ms); // connecting waits for it, the save does not
  first.save("order-1", 2, "b", 1, 100ms);
  way_there.delay(way::to_client, 0ms);
}

void both_believe_the_actor_new(raw_writer& first, raw_writer& second, proxy&, wire_client&) {
  first.save("order-1", 1, "a", 0);
  second.save("order-1", 1, "b", 0);
}

void the_server_cannot_be_reached_for_a_while(raw_writer& first, raw_writer&, proxy& way_there, wire_client&) {
  way_there.refuse(true);
  first.save("order-1", 1, "a", 0);
  way_there.refuse(false);
  first.save("order-2", 1, "b", 0);
}

void another_follows_before_it_is_looked_up(raw_writer& first, raw_writer& second, proxy& way_there,
                                            wire_client& stream) {
  first.save("order-1", 1, "a", 0);
  way_there.delay(way::to_client, 900ms);
  auto unanswered = std::async(std::launch::async, [&] { return first.save("order-1", 2, "b", 1, 600ms); });
  while (read_stream(stream, "S").size() < 2)
    std::this_thread::sleep_for(1ms);
  second.save("order-1", 3, "c", 2);
  unanswered.wait();
  way_there.delay(way::to_client, 0ms);
}

std::vector<rule> rules_of(verdict const& v) {
  std::vector<rule> broken;
  for (auto const& one : v.violations)
    broken.push_back(one.broken);
  return broken;
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
  play(first, second, way_there, client);
  auto history = read_history(directory.path() / "1");
  auto const more = read_history(directory.path() / "2");
  history.insert(history.end(), more.begin(), more.end());
  return rules_of(check_history(history, stored_events(read_stream(client, "S"))));
}

// Two writers on two of three servers want each version of an actor at the same time.
std::vector<rule> broken_on_three_replicas(mistake m) {
  nats_cluster_options options;
  options.nodes = 3;
  nats_cluster cluster(options);
  temporary_directory const directory;
  wire_client client(cluster.node(0).port());
  client.request("$JS.API.STREAM.CREATE.S",
                 R"({"name":"S","subjects":["S.>"],"storage":"file","num_replicas":3,"allow_direct":true})");
  cluster.wait_until_whole("S");
  history_writer first_log(directory.path() / "1", 1), second_log(directory.path() / "2", 2);
  raw_writer first(cluster.node(1).port(), "S", first_log, m), second(cluster.node(2).port(), "S", second_log, m);
  std::uint64_t last = 0;
  for (std::int64_t version = 1; version <= 60; ++version) {
    auto const save = [&](raw_writer& w, char const* name) {
      return w.save("order-1", version, name + std::to_string(version), last);
    };
    auto other = std::async(std::launch::async, [&] { return save(second, "b"); });
    auto const one = save(first, "a");
    last = std::max(one.sequence, other.get().sequence);
  }
  run_record run;
  run.operations = read_history(directory.path() / "1");
  auto const more = read_history(directory.path() / "2");
  run.operations.insert(run.operations.end(), more.begin(), more.end());
  cluster.wait_until_whole("S");
  run.replicas.push_back(stored_events(read_stream(client, "S")));
  return rules_of(check_run(run));
}

bool server_is(std::function<bool(nats_server const&)> const& that) {
  nats_server_options without_jetstream;
  without_jetstream.jetstream = false;
  return that(nats_server(without_jetstream));
}

// What a server of this version lets several writers do; the library refuses replicas there.
boost::test_tools::assertion_result lets_several_win(boost::unit_test::test_unit_id) {
  return server_is([](auto const& s) { return !s.at_least(2, 9, 21); });
}
// From here on a write in flight answers others with 10164.
boost::test_tools::assertion_result knows_writes_in_flight(boost::unit_test::test_unit_id) {
  return server_is([](auto const& s) { return s.at_least(2, 11); });
}

bool has(std::vector<rule> const& rules, rule r) { return std::find(rules.begin(), rules.end(), r) != rules.end(); }

} // namespace

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

BOOST_AUTO_TEST_CASE(a_writer_that_looks_only_at_the_last_message_is_found) {
  BOOST_TEST(has(broken_by(mistake::looks_only_at_the_last_message, another_follows_before_it_is_looked_up),
                 rule::no_conflict_with_oneself));
}

BOOST_AUTO_TEST_CASE(a_writer_that_sends_later_what_it_called_failed_is_found) {
  BOOST_TEST(has(broken_by(mistake::sends_what_was_not_sent, the_server_cannot_be_reached_for_a_while),
                 rule::refused_is_not_stored));
}

BOOST_AUTO_TEST_CASE(a_writer_that_knows_only_10071_is_found, *boost::unit_test::precondition(knows_writes_in_flight)) {
  BOOST_TEST(has(broken_on_three_replicas(mistake::knows_only_10071), rule::no_failure_without_a_fault));
  BOOST_TEST(broken_on_three_replicas(mistake::none).empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_lets_several_writers_win_is_found,
                     *boost::unit_test::precondition(lets_several_win)) {
  auto const broken = broken_on_three_replicas(mistake::none);
  BOOST_TEST(has(broken, rule::stored_once));
  BOOST_TEST(has(broken, rule::one_success_per_version));
}

BOOST_AUTO_TEST_CASE(a_right_writer_passes_where_they_fail) {
  BOOST_TEST(broken_by(mistake::none, another_actors_event_has_the_id).empty());
  BOOST_TEST(broken_by(mistake::none, the_answer_does_not_come).empty());
  BOOST_TEST(broken_by(mistake::none, both_believe_the_actor_new).empty());
  BOOST_TEST(broken_by(mistake::none, another_follows_before_it_is_looked_up).empty());
  BOOST_TEST(broken_by(mistake::none, the_server_cannot_be_reached_for_a_while).empty());
}

BOOST_AUTO_TEST_SUITE_END()
