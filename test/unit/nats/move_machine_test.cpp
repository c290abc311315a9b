// Moving a stream: what is done after each answer, and what is told meanwhile.
#include "nats/move_machine.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>
#include <vector>

namespace aether::nats::detail {

inline std::ostream& operator<<(std::ostream& out, move_action a) {
  constexpr char const* names[] = {"look", "look_soon", "update", "end", "fail"};
  return out << names[static_cast<int>(a)];
}

} // namespace aether::nats::detail

BOOST_AUTO_TEST_SUITE(moving_a_stream)

using namespace aether;
using namespace aether::nats::detail;
using namespace std::chrono_literals;
using nats::stream_placement;

namespace {

move_machine::time at(std::chrono::milliseconds t) { return move_machine::time(1h + t); }

constexpr auto limit = 60'000ms;

stream_placement tagged(std::vector<std::string> tags, std::string cluster = {}) {
  stream_placement p;
  p.tags = std::move(tags);
  p.cluster = std::move(cluster);
  return p;
}

move_machine to_new() { return move_machine("orders", tagged({"disk:new", "row:2"}), at(limit), false); }

constexpr char const* old_place = R"({"tags":["disk:old"]})";
constexpr char const* new_place = R"({"tags":["row:2","disk:new"]})"; // another order
constexpr char const* three_old =
    R"("leader":"a","replicas":[{"name":"b","current":true},{"name":"c","current":true}])";
constexpr char const* three_new =
    R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":true}])";
constexpr char const* on_the_way = R"("leader":"a","replicas":[{"name":"b","current":true},{"name":"c","current":true},
  {"name":"d","current":false,"lag":7},{"name":"e","current":false,"offline":true},{"name":"f","current":false}])";

answer_of<stream_facts> info(std::string placement, std::string servers, int replicas = 3) {
  return parse_stream_facts(R"({"config":{"name":"orders","num_replicas":)" + std::to_string(replicas) +
                            R"(,"a_setting_of_tomorrow":17,"placement":)" + placement +
                            R"(},"state":{"messages":0},"cluster":{"name":"C",)" + servers + "}}");
}

answer_of<stream_facts> refused(int code, int err_code, std::string const& text) {
  api_error e;
  e.code = code;
  e.err_code = err_code;
  e.description = text;
  return e;
}

api_error error_in(answer_of<stream_facts> const& answer) { return std::get<api_error>(answer); }

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

void is_waiting(move_machine const& m, move_step const& step, std::string const& for_what) {
  BOOST_TEST(step.what == move_action::look_soon);
  BOOST_TEST(contains(m.progress().missing, for_what), m.progress().missing);
}

void has_failed(move_step const& step, errc code, std::string const& text) {
  BOOST_TEST_REQUIRE(step.what == move_action::fail);
  BOOST_TEST_REQUIRE(step.failure.has_value());
  BOOST_TEST((step.failure->code() == code), step.failure->what());
  BOOST_TEST(contains(step.failure->what(), text), step.failure->what());
  BOOST_TEST(contains(step.failure->what(), "moving stream \"orders\""), step.failure->what());
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_moves) {
  auto m = to_new();
  auto step = m.seen(info(old_place, three_old), at(0ms));
  BOOST_TEST(step.what == move_action::update);
  BOOST_TEST(boost::json::serialize(step.config) == R"({"name":"orders","num_replicas":3,"a_setting_of_tomorrow":17,)"
                                                    R"("placement":{"tags":["disk:new","row:2"]}})");
  BOOST_TEST(!m.progress().was_asked);
  is_waiting(m, m.updated(std::nullopt, at(1ms)), "were asked");
  BOOST_TEST(m.progress().was_asked);
  is_waiting(m, m.seen(info(new_place, on_the_way), at(100ms)),
             "wanted 3, there are a (leads), b, c, d (7 behind), e (offline), f (not up to date)");
  BOOST_TEST(m.progress().copies.size() == 6u);
  BOOST_TEST(m.progress().copies[3].behind == 7u);
  is_waiting(m, m.unanswered("silence", at(200ms)), "no answer: silence");
  is_waiting(m, m.seen(refused(503, 10008, "no quorum"), at(300ms)), "no leader answers");
  step = m.seen(info(new_place, three_new), at(400ms)); // was seen on more servers: no need to wait
  BOOST_TEST(step.what == move_action::end);
  BOOST_TEST(m.progress().missing == "");
  BOOST_TEST(m.progress().copies.front().server == "d");
  BOOST_TEST(m.progress().copies.front().leads);
}

BOOST_AUTO_TEST_CASE(one_copy_moves_when_nobody_writes) {
  constexpr char const* alone = R"("leader":"a")";
  auto m = to_new();
  has_failed(m.seen(info(old_place, alone, 1), at(0ms)), errc::invalid_argument, "writers_are_stopped");
  auto there = to_new(); // nothing is moved
  is_waiting(there, there.seen(info(new_place, alone, 1), at(0ms)), "if it stays there");
  move_machine stopped("orders", tagged({"disk:new"}), at(limit), true);
  BOOST_TEST(stopped.seen(info(old_place, alone, 1), at(0ms)).what == move_action::update);
}

BOOST_AUTO_TEST_CASE(what_keeps_a_stream_from_being_there) {
  struct {
    char const* servers;
    char const* told;
  } const cases[] = {
      {R"("leader":"d","replicas":[{"name":"e","current":true}])", "its servers change"},
      {R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":false}])",
       "not all of its servers are up to date: wanted 3, there are d (leads), e, f (not up to date)"},
      {R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":true,"offline":true}])",
       "f (offline)"},
      {R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":true,"lag":2}])", "f (2 behind)"},
      {R"("replicas":[{"name":"d","current":true},{"name":"e","current":true},{"name":"f","current":true}])",
       "it has no leader"},
      {R"("replicas":[])", "it has no leader: wanted 3, there are none"},
      {R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":true}],"desired":{})", "change"},
      {R"("leader":"d","replicas":[{"name":"e","current":true},{"name":"f","current":true}],
          "desired":{"status":{"description":"waiting for peers to catch up"}})",
       "the server says: waiting for peers to catch up"},
  };
  for (auto const& c : cases) {
    auto m = to_new();
    is_waiting(m, m.seen(info(new_place, c.servers), at(0ms)), c.told);
    BOOST_TEST(!m.progress().was_asked);
    has_failed(m.seen(info(new_place, c.servers), at(limit)), errc::timed_out, c.told);
  }
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_there_has_to_stay_for_a_while) {
  auto m = to_new();
  is_waiting(m, m.seen(info(new_place, three_new), at(0ms)), "if it stays there");
  is_waiting(m, m.seen(info(new_place, three_new), at(1'999ms)), "if it stays there");
  is_waiting(m, m.unanswered("silence", at(2'000ms)), "no answer");
  is_waiting(m, m.seen(info(new_place, three_new), at(2'100ms)), "if it stays there"); // from the beginning
  auto const step = m.seen(info(new_place, three_new), at(4'100ms));
  BOOST_TEST(step.what == move_action::end);
  BOOST_TEST(!m.progress().was_asked);

  auto late = to_new(); // a server before 2.15, which shows its new peers late
  late.seen(info(old_place, three_old), at(0ms));
  late.updated(std::nullopt, at(1ms));
  is_waiting(late, late.seen(info(new_place, three_old), at(10ms)), "if it stays there");
  is_waiting(late, late.seen(info(new_place, on_the_way), at(20ms)), "change");
  BOOST_TEST(late.seen(info(new_place, three_new), at(30ms)).what == move_action::end);
}

BOOST_AUTO_TEST_CASE(one_replica) {
  move_machine m("orders", tagged({"disk:new", "row:2"}), at(limit), true);
  auto const alone = R"("leader":"d")";
  BOOST_TEST(m.seen(info("null", R"("leader":"a")", 1), at(0ms)).what == move_action::update);
  m.updated(std::nullopt, at(0ms));
  is_waiting(m, m.seen(info(new_place, R"("leader":"a","replicas":[{"name":"d"}])", 1), at(1ms)), "wanted 1");
  BOOST_TEST(m.seen(info(new_place, alone, 1), at(2ms)).what == move_action::end);
}

BOOST_AUTO_TEST_CASE(placements_that_are_others) {
  struct {
    char const* actual;
    bool is_same;
  } const cases[] = {
      {new_place, true},
      {R"({"cluster":"","tags":["disk:new","row:2","row:2"]})", true},
      {R"({"cluster":"C","tags":["disk:new","row:2"]})", false},
      {R"({"tags":["disk:new"]})", false},
      {R"({"tags":["disk:new","row:3"]})", false},
      {R"({"tags":["disk:new","row:2",5]})", false},
      {"null", false},
      {"17", false},
      {"{}", false},
  };
  for (auto const& c : cases) {
    auto m = to_new();
    auto const step = m.seen(info(c.actual, three_old), at(0ms));
    BOOST_TEST((step.what != move_action::update) == c.is_same, c.actual);
  }
  move_machine by_cluster("orders", tagged({}, "east"), at(limit), false);
  auto const step = by_cluster.seen(info(old_place, three_old), at(0ms));
  BOOST_TEST(boost::json::serialize(step.config.at("placement")) == R"({"cluster":"east"})");
  is_waiting(by_cluster, by_cluster.updated(std::nullopt, at(0ms)), "were asked");
  auto const shown = info(R"({"cluster":"east"})", three_old); // with the new placement, in the old cluster
  is_waiting(by_cluster, by_cluster.seen(shown, at(1ms)), "in cluster \"C\" still");
  is_waiting(by_cluster, by_cluster.seen(shown, at(5'000ms)), "in cluster \"C\" still");
}

BOOST_AUTO_TEST_CASE(an_earlier_move_is_let_end) {
  auto m = to_new();
  is_waiting(m, m.seen(info(old_place, on_the_way), at(0ms)), "an earlier move has to end first");
  is_waiting(m, m.seen(info(old_place, std::string(three_old) + R"(,"desired":{})"), at(1ms)), "an earlier move");
  BOOST_TEST(m.seen(info(old_place, three_old), at(2ms)).what == move_action::update);
  is_waiting(m, m.updated(error_in(refused(400, 10124, "stream move already in progress")), at(3ms)), "10124");
  BOOST_TEST(m.seen(info(old_place, three_old), at(4ms)).what == move_action::update);
  is_waiting(m, m.updated(error_in(refused(400, 10226, "reconfiguration already in progress")), at(5ms)), "10226");
  BOOST_TEST(!m.progress().was_asked);
  has_failed(m.seen(info(old_place, on_the_way), at(limit)), errc::timed_out, "an earlier move has to end first");
  has_failed(m.seen(info(old_place, three_old), at(limit)), errc::timed_out, "call again");
}

BOOST_AUTO_TEST_CASE(a_dead_server_is_no_reason_to_stay) {
  auto m = to_new();
  auto const one_is_dead =
      R"("leader":"a","replicas":[{"name":"b","current":true},{"name":"c","current":false,"offline":true}])";
  BOOST_TEST(m.seen(info(old_place, one_is_dead), at(0ms)).what == move_action::update);
}

BOOST_AUTO_TEST_CASE(an_update_without_an_answer_may_have_been_taken) {
  auto m = to_new();
  BOOST_TEST(m.seen(info(old_place, three_old), at(0ms)).what == move_action::update);
  is_waiting(m, m.unanswered("silence", at(2'000ms)), "silence");
  is_waiting(m, m.seen(info(new_place, on_the_way), at(2'100ms)), "change");
  auto lost = to_new();
  lost.seen(info(old_place, three_old), at(0ms));
  lost.unanswered("silence", at(2'000ms));
  BOOST_TEST(lost.seen(info(old_place, three_old), at(2'100ms)).what == move_action::update);
}

BOOST_AUTO_TEST_CASE(somebody_else_changes_the_placement) {
  auto m = to_new();
  m.seen(info(old_place, three_old), at(0ms));
  m.updated(std::nullopt, at(1ms));
  is_waiting(m, m.seen(info(old_place, three_old), at(10ms)), "still"); // an answer from before
  is_waiting(m, m.seen(info(new_place, on_the_way), at(5'000ms)), "change");
  is_waiting(m, m.seen(info(old_place, three_old), at(6'000ms)), "still");
  has_failed(m.seen(info(old_place, three_old), at(16'000ms)), errc::stream_settings_differ,
             R"(its placement is {"tags":["disk:old"]}, which somebody else has set meanwhile)");
}

BOOST_AUTO_TEST_CASE(what_cannot_be) {
  auto m = to_new();
  has_failed(m.seen(refused(404, 10059, "stream not found"), at(0ms)), errc::stream_not_found, "stream not found");
  has_failed(m.seen(api_error(), at(0ms)), errc::protocol_error, "not understood");
  has_failed(m.seen(parse_stream_facts(R"({"config":{"name":"orders"},"state":{},"cluster":{"leader":"a"}})"), at(0ms)),
             errc::not_enough_replicas, "in no cluster");
  has_failed(m.seen(parse_stream_facts(R"({"config":{"name":"orders"},"state":{}})"), at(0ms)),
             errc::not_enough_replicas, "in no cluster");
  has_failed(m.seen(parse_stream_facts(R"({"config":{"name":"others"},"state":{},"cluster":{"name":"C"}})"), at(0ms)),
             errc::protocol_error, "another stream");
  auto const no_peers = error_in(refused(400, 10005, "no suitable peers for placement, tags not matched ['disk:new']"));
  has_failed(m.updated(no_peers, at(0ms)), errc::not_enough_replicas,
             R"(placement {"tags":["disk:new","row:2"]}: no suitable peers for placement, tags not matched)");
  has_failed(m.updated(error_in(refused(500, 10052, "mirror")), at(0ms)), errc::server_error, "mirror");
}

BOOST_AUTO_TEST_SUITE_END()
