// Header blocks of stored messages, which any client may have written.
#include <nats/header_block.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>

BOOST_AUTO_TEST_SUITE(header_blocks)

using namespace aether::nats::detail;
using aether::nats::header_list;

namespace {

struct row {
  std::string text;
  bool well_formed;
  int status;
  std::string description;
  header_list headers;
};
std::ostream& operator<<(std::ostream& out, row const& r) { return out << r.text; }

row const rows[] = {
    {"NATS/1.0\r\n\r\n", true, 0, "", {}},
    {"NATS/1.0\r\nA: b\r\n\r\n", true, 0, "", {{"A", "b"}}},
    {"NATS/1.0\r\nA:b\r\nA: \t c d \t\r\na:\r\n\r\n", true, 0, "", {{"A", "b"}, {"A", "c d"}, {"a", ""}}},
    {"NATS/1.0\r\nA: b:c\r\n\r\n", true, 0, "", {{"A", "b:c"}}},
    {"NATS/1.0 404 No Messages\r\n\r\n", true, 404, "No Messages", {}},
    {"NATS/1.0 503\r\n\r\n", true, 503, "", {}},
    {"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Stream: 7\r\n\r\n",
     true,
     100,
     "Idle Heartbeat",
     {{"Nats-Last-Stream", "7"}}},
    {"NATS/1.0 40\r\nA: b\r\n\r\n", false, 0, "", {{"A", "b"}}},
    {"NATS/1.0 4040\r\n\r\n", false, 0, "", {}},
    {"NATS/1.0 -12\r\n\r\n", false, 0, "", {}},
    {"NATS/1.0\r\nno colon\r\n: no name\r\nA: b\r\n\r\n", false, 0, "", {{"A", "b"}}},
    {"NATS/1.0\r\nA: b\r\n", false, 0, "", {{"A", "b"}}},
    {"NATS/1.0\r\nA: b", false, 0, "", {}},
    {"NATS/1.0\r\nA: b\r\n\r\nC: d\r\n\r\n", false, 0, "", {{"A", "b"}}},
    {"NATS/1.0", false, 0, "", {}},
    {"HTTP/1.1\r\nA: b\r\n\r\n", false, 0, "", {}},
    {"\r\n", false, 0, "", {}},
    {"", false, 0, "", {}},
};

} // namespace

BOOST_DATA_TEST_CASE(what_can_be_read_is_read, boost::unit_test::data::make(rows), r) {
  header_block block;
  block.status = 7;
  block.description = "old";
  block.headers = {{"old", "old"}};
  BOOST_TEST(parse_header_block(r.text, block) == r.well_formed);
  BOOST_TEST(block.status == r.status);
  BOOST_TEST(block.description == r.description);
  BOOST_TEST((block.headers == r.headers));
}

BOOST_AUTO_TEST_SUITE_END()
