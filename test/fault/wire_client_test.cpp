// The harness's own eyes: the protocol by hand, against a real server.
#include "fault/read_stream.hpp"

#include <support/nats_server.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(wire)

using namespace aether::fault;
using namespace std::chrono_literals;
using aether::test::has_nats_server;
using aether::test::nats_server;

namespace {

void make_stream(wire_client& client, std::string const& name) {
  auto const made = client.request("$JS.API.STREAM.CREATE." + name,
                                   R"({"name":")" + name + R"(","subjects":[")" + name + R"(.>"],"storage":"file"})");
  BOOST_TEST_REQUIRE(made.has_value());
  BOOST_TEST_REQUIRE(made->data.find("\"error\"") == std::string::npos, made->data);
}

} // namespace

BOOST_AUTO_TEST_CASE(base64_as_rfc_4648_has_it) {
  BOOST_TEST(from_base64("") == "");
  BOOST_TEST(from_base64("Zg==") == "f");
  BOOST_TEST(from_base64("Zm8=") == "fo");
  BOOST_TEST(from_base64("Zm9vYmFy") == "foobar");
  BOOST_TEST(from_base64("/+8=") == "\xff\xef");
  BOOST_CHECK_THROW(from_base64("a b"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(headers_are_found) {
  wire_message m;
  m.headers = "NATS/1.0 404 No Messages\r\nA: 1\r\nAB:  2\r\nA: 3\r\n\r\n";
  BOOST_TEST(m.status() == 404);
  BOOST_TEST(m.header("A") == "3"); // the server writes its own last
  BOOST_TEST(m.header("AB") == "2");
  BOOST_TEST(m.header("B") == "");
  m.headers = "NATS/1.0\r\nA: 1\r\n\r\n";
  BOOST_TEST(m.status() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_published_is_read, *boost::unit_test::precondition(aether::test::has_nats_server)) {
  nats_server server;
  wire_client client(server.port());
  make_stream(client, "S");
  std::string const event = R"({"id":"a","actorId":"order-1","version":7})";
  auto const first = client.request("S.events.order-1", event, {{"Nats-Msg-Id", "a"}});
  BOOST_TEST_REQUIRE(first.has_value());
  BOOST_TEST(first->data.find("\"seq\":1") != std::string::npos, first->data);
  std::string const large(100'000, 'x');
  auto const second = client.request("S.events.order-2", large);
  BOOST_TEST_REQUIRE(second.has_value());
  auto const refused = client.request("S.events.order-1", "no", {{"Nats-Expected-Last-Subject-Sequence", "9"}});
  BOOST_TEST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->data.find("10071") != std::string::npos, refused->data);
  client.request("S.other", "not an event's subject");
  client.request("$JS.API.STREAM.MSG.DELETE.S", R"({"seq":3})");

  auto const messages = read_stream(client, "S");
  BOOST_TEST_REQUIRE(messages.size() == 2u);
  BOOST_TEST(messages[0].sequence == 1u);
  BOOST_TEST(messages[0].subject == "S.events.order-1");
  BOOST_TEST(messages[0].data == event);
  BOOST_TEST(messages[0].headers.find("Nats-Msg-Id: a") != std::string::npos, messages[0].headers);
  BOOST_TEST(messages[1].data == large);

  auto const stored = stored_events(messages);
  BOOST_TEST_REQUIRE(stored.size() == 2u);
  BOOST_TEST(stored[0].sequence == 1u);
  BOOST_TEST(stored[0].actor_id == "order-1");
  BOOST_TEST(stored[0].event.id == "a");
  BOOST_TEST(stored[0].event.version == 7);
  BOOST_TEST(stored[0].event.digest == digest_of(event));
  BOOST_TEST(stored[1].event.id == "");
  BOOST_CHECK_THROW(read_stream(client, "none"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(silence_and_an_end_are_told_apart,
                     *boost::unit_test::precondition(aether::test::has_nats_server)) {
  nats_server server;
  wire_client client(server.port(), 5s);
  auto const nobody = client.request("nobody.listens", "x");
  BOOST_TEST_REQUIRE(nobody.has_value());
  BOOST_TEST(nobody->status() == 503);
  server.pause();
  auto const reply = client.send("$JS.API.INFO", "");
  BOOST_TEST(!client.answer_to(reply, wire_client::clock::now() + 100ms));
  server.resume();
  BOOST_TEST(client.answer_to(reply, wire_client::clock::now() + 10s).has_value());
  server.kill();
  BOOST_CHECK_THROW(
      {
        for (int i = 0; i < 100; ++i)
          client.request("$JS.API.INFO", "");
      },
      std::runtime_error);
  BOOST_CHECK_THROW(wire_client(server.port(), 1s), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
