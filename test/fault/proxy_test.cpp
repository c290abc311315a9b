// The proxy does to bytes what it is told, and nothing else.
#include "fault/proxy.hpp"
#include "fault/wire_client.hpp"

#include <support/child_process.hpp>
#include <support/nats_server.hpp>

#include <boost/test/unit_test.hpp>

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace {

auto in(std::chrono::milliseconds time) { return wire_client::clock::now() + time; }

bool answers(wire_client& client) {
  auto const answer = client.request("$JS.API.INFO", "");
  return answer && answer->data.find("account_info_response") != std::string::npos;
}

// Both directions of a client that is as good as gone: the next calls throw, or never have an answer.
bool is_cut(wire_client& client) {
  try {
    return !client.answer_to(client.send("$JS.API.INFO", ""), in(300ms)).has_value();
  } catch (std::runtime_error const&) {
    return true;
  }
}

struct behind_a_proxy {
  nats_server server;
  proxy way_there{server.port()};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(proxies, behind_a_proxy, *boost::unit_test::precondition(aether::test::has_nats_server))

BOOST_AUTO_TEST_CASE(bytes_pass) {
  wire_client client(way_there.port());
  BOOST_TEST(answers(client));
  auto const before = way_there.passed(way::to_server);
  client.send("a", std::string(200'000, 'x'));
  BOOST_TEST(answers(client));
  BOOST_TEST(way_there.passed(way::to_server) - before > 200'000u);
  BOOST_TEST(way_there.cuts() == 0);
}

BOOST_AUTO_TEST_CASE(they_are_held_back) {
  wire_client client(way_there.port());
  way_there.delay(way::to_client, 200ms);
  auto const start = wire_client::clock::now();
  BOOST_TEST(answers(client));
  BOOST_TEST((wire_client::clock::now() - start >= 200ms));
}

BOOST_AUTO_TEST_CASE(a_stalled_direction_loses_nothing) {
  for (auto const w : {way::to_server, way::to_client}) {
    wire_client client(way_there.port());
    way_there.stall(w);
    auto const reply = client.send("$JS.API.INFO", "");
    BOOST_TEST(!client.answer_to(reply, in(200ms)));
    way_there.go_on(w);
    BOOST_TEST(client.answer_to(reply, in(5s)).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_cut_link_is_gone_and_a_new_one_works) {
  for (auto const kind : {cut_kind::end, cut_kind::reset, cut_kind::mute}) {
    wire_client client(way_there.port());
    BOOST_TEST(answers(client));
    way_there.cut(kind);
    BOOST_TEST(is_cut(client));
    wire_client next(way_there.port());
    BOOST_TEST(answers(next));
  }
}

BOOST_AUTO_TEST_CASE(a_cut_is_seen_though_a_child_was_started) {
  wire_client client(way_there.port());
  BOOST_TEST(answers(client));
  aether::test::child_process child({"sleep", "60"}, "/dev/null");
  way_there.cut(cut_kind::reset);
  BOOST_CHECK_THROW(client.next_answer(in(10s)), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_stalled_link_can_be_cut) {
  wire_client client(way_there.port());
  way_there.stall(way::to_client);
  client.send("$JS.API.INFO", "");
  way_there.cut(cut_kind::reset);
  BOOST_TEST(is_cut(client));
  way_there.go_on(way::to_client);
  wire_client next(way_there.port());
  BOOST_TEST(answers(next));
}

BOOST_AUTO_TEST_CASE(so_many_bytes_pass_and_no_more) {
  for (auto const w : {way::to_server, way::to_client})
    for (std::uint64_t const bytes : {0u, 1u, 7u, 20u}) {
      wire_client client(way_there.port());
      BOOST_TEST(answers(client)); // by then the server's own PING has passed too
      auto const passed = way_there.passed(w);
      auto const cuts = way_there.cuts();
      way_there.cut_after(w, bytes, cut_kind::end);
      BOOST_TEST(is_cut(client));
      BOOST_TEST(way_there.passed(w) - passed == bytes);
      BOOST_TEST(way_there.cuts() - cuts == 1);
      wire_client next(way_there.port());
      BOOST_TEST(answers(next));
    }
}

BOOST_AUTO_TEST_CASE(who_is_refused_is_hung_up_on) {
  way_there.refuse(true);
  BOOST_CHECK_THROW(wire_client(way_there.port(), 1s), std::runtime_error);
  way_there.refuse(false);
  wire_client client(way_there.port());
  BOOST_TEST(answers(client));
}

BOOST_AUTO_TEST_SUITE_END()
