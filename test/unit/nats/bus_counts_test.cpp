// Numbers of messages, and the gaps they tell of.
#include "nats/bus_counts.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(bus_counting)

using namespace aether::nats::detail;

namespace {

bus_mark mark_of(std::string_view publisher, std::uint64_t count) {
  bus_mark m;
  m.publisher = publisher;
  m.count = count;
  return m;
}

std::string latest(published_counts const& counts, std::size_t at_most) {
  std::string all;
  counts.latest(at_most, [&](std::string_view name, std::uint64_t count) {
    all += std::string(name) + ':' + std::to_string(count) + ' ';
  });
  return all;
}

BOOST_AUTO_TEST_CASE(marks_read_back_and_others_are_told) {
  bus_mark m;
  std::string reply = "what was there";
  write_reply(reply, mark_of("0aZ", 17));
  BOOST_TEST(reply == "aether-bus.0aZ.17");
  BOOST_REQUIRE(bus_mark::parse(reply, m));
  BOOST_TEST(m.publisher == "0aZ");
  BOOST_TEST(m.count == 17u);
  BOOST_REQUIRE(bus_mark::parse("aether-bus.x.999999999999999", m));
  BOOST_TEST(m.count == 999'999'999'999'999u);
  BOOST_REQUIRE(bus_mark::parse("_GR_.cluster.server.aether-bus.y.3", m)); // through a gateway
  BOOST_TEST(m.publisher == "y");
  for (auto const* bad : {"", ".", "x", "x.", ".1", "x.0", "x.-1", "x.+1", "x.1.", "x..1", "x.1a", "x.y.1", "x\xC3.1",
                          "x 1", "x.1000000000000000", "x.18446744073709551616"})
    BOOST_TEST(!bus_mark::parse("aether-bus." + std::string(bad), m), bad);
  BOOST_TEST(!bus_mark::parse("aether-bus." + std::string(65, 'x') + ".1", m));
  for (auto const* bad : {"x.1", "_INBOX.x.1", "aether-bus", "aether-buses.x.1", "my-aether-bus.x.1"})
    BOOST_TEST(!bus_mark::parse(bad, m), bad);
}

BOOST_AUTO_TEST_CASE(each_namespace_is_counted_for_itself) {
  published_counts counts(10);
  BOOST_TEST(counts.next("a") == 1u);
  BOOST_TEST(counts.next("a") == 2u);
  BOOST_TEST(counts.next("") == 1u);
  BOOST_TEST(counts.next("b") == 1u);
  BOOST_TEST(counts.next("a") == 3u);
  BOOST_TEST(latest(counts, 10) == "a:3 b:1 :1 ");
  BOOST_TEST(latest(counts, 2) == "a:3 b:1 ");
}

BOOST_AUTO_TEST_CASE(the_namespace_published_in_longest_ago_is_forgotten) {
  published_counts counts(2);
  counts.next("a");
  counts.next("b");
  counts.next("a");
  counts.next("c");
  BOOST_TEST(latest(counts, 10) == "c:1 a:2 ");
  BOOST_TEST(counts.next("b") == 1u); // anew
}

BOOST_AUTO_TEST_CASE(jumps_are_gaps) {
  struct step {
    char kind; // m: a message, c: a count alone
    std::string publisher, name_space;
    std::uint64_t count, gap;
  };
  std::vector<step> const steps{
      {'m', "p", "a", 5, 0},  // the first that is heard
      {'m', "p", "a", 6, 0},  //
      {'m', "p", "a", 9, 2},  // 7 and 8
      {'m', "p", "b", 3, 0},  // another namespace
      {'m', "q", "a", 1, 0},  // another publisher
      {'m', "q", "a", 2, 0},  //
      {'m', "p", "a", 10, 0}, //
      {'c', "p", "a", 10, 0}, // nothing is missing
      {'c', "p", "a", 12, 2}, // 11 and 12
      {'m', "p", "a", 13, 0}, // not counted twice
      {'m', "p", "a", 15, 1}, //
      {'m', "p", "a", 1, 0},  // it has begun anew
      {'m', "p", "a", 3, 1},  //
      {'c', "p", "a", 2, 0},  // likewise
      {'m', "p", "a", 3, 0},  //
      {'c', "r", "a", 7, 0},  // first heard of by its count
      {'m', "r", "a", 8, 0},  //
      {'m', "pa", "", 1, 0},  // no name runs into another
      {'m', "p", "", 9, 0},   //
  };
  heard_counts counts(100);
  for (auto const& s : steps) {
    auto const mark = mark_of(s.publisher, s.count);
    auto const gap = s.kind == 'm' ? counts.on_message(mark, s.name_space) : counts.on_count(mark, s.name_space);
    BOOST_TEST(gap == s.gap, s.kind << ' ' << s.publisher << ' ' << s.name_space << ' ' << s.count << ": " << gap);
  }
}

BOOST_AUTO_TEST_CASE(what_was_forgotten_is_not_counted) {
  heard_counts counts(100);
  counts.on_message(mark_of("p", 5), "a");
  counts.forget();
  BOOST_TEST(counts.on_message(mark_of("p", 9), "a") == 0u);
  BOOST_TEST(counts.on_message(mark_of("p", 11), "a") == 1u);
}

BOOST_AUTO_TEST_CASE(pairs_beyond_the_bound_are_forgotten) {
  heard_counts counts(2);
  counts.on_message(mark_of("p", 1), "a");
  counts.on_message(mark_of("p", 1), "b");
  counts.on_message(mark_of("p", 2), "a");
  counts.on_message(mark_of("p", 1), "c"); // b goes
  BOOST_TEST(counts.size() == 2u);
  BOOST_TEST(counts.on_message(mark_of("p", 4), "a") == 1u);
  BOOST_TEST(counts.on_message(mark_of("p", 9), "b") == 0u);
  BOOST_TEST(counts.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
