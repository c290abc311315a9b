// The rule that decides whether a version may follow, row by row.
#include "version_rules.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(version_rules)

using namespace aether;
using namespace aether::detail;

BOOST_AUTO_TEST_CASE(every_row) {
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  constexpr auto increasing = version_policy::increasing;
  constexpr auto contiguous = version_policy::contiguous;
  constexpr auto ok = version_verdict::ok;
  constexpr auto conflict = version_verdict::conflict;
  constexpr std::optional<std::int64_t> any;
  struct row {
    std::int64_t current;
    version_policy policy;
    std::optional<std::int64_t> expected;
    std::int64_t version;
    version_verdict verdict;
  };
  row const rows[] = {
      {0, increasing, any, 1, ok},
      {0, increasing, any, 7, ok},
      {7, increasing, any, 8, ok},
      {7, increasing, any, 100, ok},
      {7, increasing, any, 7, conflict},
      {7, increasing, any, 6, conflict},
      {highest - 1, increasing, any, highest, ok},
      {highest, increasing, any, highest, conflict},
      {highest, increasing, any, 1, conflict},
      {0, contiguous, any, 1, ok},
      {0, contiguous, any, 2, conflict},
      {7, contiguous, any, 8, ok},
      {7, contiguous, any, 9, conflict},
      {7, contiguous, any, 7, conflict},
      {highest - 1, contiguous, any, highest, ok},
      {highest, contiguous, any, highest, conflict},
      {0, increasing, 0, 5, ok},
      {3, increasing, 0, 5, conflict},
      {3, increasing, 3, 5, ok},
      {3, increasing, 2, 5, conflict},
      {3, increasing, 4, 5, conflict},
      {0, increasing, 4, 5, conflict},
      {5, increasing, 4, 5, conflict},
      {6, increasing, 4, 5, conflict},
      {3, contiguous, 3, 5, ok}, // an expectation stands in the policy's place
      {3, contiguous, 2, 4, conflict},
      {3, contiguous, 3, 4, ok},
  };
  for (row const& r : rows)
    BOOST_TEST((decide_version(r.current, {r.policy, r.expected}, r.version) == r.verdict),
               "current " << r.current << ", version " << r.version << ", expected " << r.expected.value_or(-1));
}

BOOST_AUTO_TEST_SUITE_END()
