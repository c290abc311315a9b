// What is sent, byte by byte.
#include <nats/header_block.hpp>
#include <nats/outgoing_message.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(outgoing_messages)

using namespace aether::nats;
using namespace aether::nats::detail;

namespace {

std::string wire_of(outgoing_message const& m) {
  std::string out = "before|";
  append_wire(out, m.parts());
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_message_as_the_protocol_has_it) {
  BOOST_TEST(wire_of(outgoing_message("a.b", {}, "xyz")) == "before|PUB a.b 3\r\nxyz\r\n");
  BOOST_TEST(wire_of(outgoing_message("a.b", "r.1", "")) == "before|PUB a.b r.1 0\r\n\r\n");
  BOOST_TEST(wire_of(outgoing_message("a", "r", "x\r\ny", {{"K", "v"}})) ==
             "before|HPUB a r 18 22\r\nNATS/1.0\r\nK: v\r\n\r\nx\r\ny\r\n");
  BOOST_TEST(wire_of(outgoing_message("a", {}, "x", {{"K", "v"}, {"Long", ""}})) ==
             "before|HPUB a 26 27\r\nNATS/1.0\r\nK: v\r\nLong: \r\n\r\nx\r\n");
}

BOOST_AUTO_TEST_CASE(a_header_added_later_stands_behind_the_others) {
  outgoing_message m("a", "r", "data");
  m.add_header({"First", "1"});
  m.add_header({"Second", "2"});
  outgoing_message const at_once("a", "r", "data", {{"First", "1"}, {"Second", "2"}});
  BOOST_TEST(wire_of(m) == wire_of(at_once));
  auto const parts = m.parts();
  BOOST_TEST(parts.subject == "a");
  BOOST_TEST(parts.reply == "r");
  BOOST_TEST(parts.data == "data");
  BOOST_TEST(parts.size() == parts.headers.size() + 4);
  BOOST_TEST(*(parts.subject.data() + 1) == '\0'); // for cnats
  BOOST_TEST(*(parts.reply.data() + 1) == '\0');
}

// An event id may hold a line break, and becomes a header's value.
BOOST_AUTO_TEST_CASE(a_line_break_in_a_value_ends_no_header) {
  outgoing_message const m("a", {}, "x", {{"Nats-Msg-Id", "one\r\nNats-Rollup: all"}, {"Other", "\n"}});
  header_block read;
  BOOST_TEST(parse_header_block(m.parts().headers, read));
  BOOST_REQUIRE(read.headers.size() == 2u);
  BOOST_TEST(read.headers[0].second == "one  Nats-Rollup: all");
  BOOST_TEST(read.headers[1].second == "");
}

BOOST_AUTO_TEST_CASE(a_users_headers_keep_their_order) {
  message m("s", "x");
  m.headers = {{"userId", "1"}, {"user", "2"}, {"userId", "3"}};
  header_block read;
  BOOST_TEST(parse_header_block(outgoing_message(m, "r").parts().headers, read));
  BOOST_TEST((read.headers == m.headers));
}

BOOST_AUTO_TEST_CASE(one_that_was_not_made_is_empty) {
  auto const parts = outgoing_message().parts();
  BOOST_TEST(parts.subject.empty());
  BOOST_TEST(parts.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
