// What of an actor's events a reader hands out: a table.
#include "read_rules.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(read_rules_table)

using namespace aether;
using aether::detail::read_rules;
using aether::detail::read_verdict;

namespace {

read_options with(std::int64_t after, std::int64_t up_to, std::size_t most, bool backwards = false) {
  read_options options;
  options.after_version = after;
  options.up_to_version = up_to;
  options.max_events = most;
  options.direction = backwards ? read_direction::backwards : read_direction::forwards;
  return options;
}

/// One letter a version: delivered, passed, out of order, end; `.` behind it when nothing more is wanted.
std::string verdicts(read_options const& options, std::vector<std::int64_t> const& versions) {
  read_rules rules(options);
  std::string text = rules.wants_more() ? "" : ".";
  for (std::int64_t const version : versions) {
    switch (rules.on_event(version)) {
    case read_verdict::deliver:
      text += 'd';
      break;
    case read_verdict::pass:
      text += 'p';
      break;
    case read_verdict::out_of_order:
      text += 'o';
      break;
    case read_verdict::end:
      text += 'e';
      break;
    }
    if (!rules.wants_more())
      text += '.';
  }
  return text;
}

BOOST_AUTO_TEST_CASE(forwards) {
  BOOST_TEST(verdicts(with(0, 0, 0), {1, 2, 5}) == "ddd");
  BOOST_TEST(verdicts(with(2, 0, 0), {1, 2, 3}) == "ppd");
  BOOST_TEST(verdicts(with(0, 3, 0), {1, 3}) == "dd.");
  BOOST_TEST(verdicts(with(0, 3, 0), {1, 4}) == "de.");
  BOOST_TEST(verdicts(with(1, 3, 0), {1, 2, 3}) == "pdd.");
  BOOST_TEST(verdicts(with(0, 0, 2), {4, 5}) == "dd.");
  BOOST_TEST(verdicts(with(2, 5, 1), {1, 3}) == "pd.");
  BOOST_TEST(verdicts(with(3, 3, 0), {}) == ".");
  BOOST_TEST(verdicts(with(4, 3, 0), {}) == ".");
}

BOOST_AUTO_TEST_CASE(backwards) {
  BOOST_TEST(verdicts(with(0, 0, 0, true), {9, 8, 2}) == "ddd");
  BOOST_TEST(verdicts(with(0, 0, 0, true), {2, 1}) == "dd.");
  BOOST_TEST(verdicts(with(0, 5, 0, true), {9, 6, 5}) == "ppd");
  BOOST_TEST(verdicts(with(3, 0, 0, true), {9, 4}) == "dd.");
  BOOST_TEST(verdicts(with(3, 0, 0, true), {9, 3}) == "de.");
  BOOST_TEST(verdicts(with(3, 0, 0, true), {9, 1}) == "de.");
  BOOST_TEST(verdicts(with(0, 0, 2, true), {9, 7}) == "dd.");
  BOOST_TEST(verdicts(with(3, 6, 0, true), {6, 5, 4}) == "ddd.");
}

BOOST_AUTO_TEST_CASE(the_wrong_way) {
  BOOST_TEST(verdicts(with(0, 0, 0), {1, 3, 2, 3, 4}) == "ddood");
  BOOST_TEST(verdicts(with(0, 0, 0), {1, 1}) == "do");
  BOOST_TEST(verdicts(with(5, 0, 0), {3, 2, 6}) == "pod"); // also among those that are passed
  BOOST_TEST(verdicts(with(0, 0, 2), {1, 1, 2}) == "dod."); // and they do not count
  BOOST_TEST(verdicts(with(0, 0, 0, true), {5, 6, 5, 4}) == "dood");
}

BOOST_AUTO_TEST_CASE(the_ends_of_the_range_of_versions) {
  auto const highest = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST(verdicts(with(0, 0, 0), {highest}) == "d.");
  BOOST_TEST(verdicts(with(highest - 1, 0, 0), {highest}) == "d.");
  BOOST_TEST(verdicts(with(highest, 0, 0), {}) == ".");
  BOOST_TEST(verdicts(with(0, highest, 0, true), {highest, 1}) == "dd.");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
