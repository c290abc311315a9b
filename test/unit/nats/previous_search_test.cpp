// The message before a known one, against a list of sequences: the right one, in few probes.
#include "nats/previous_search.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <random>
#include <vector>

BOOST_AUTO_TEST_SUITE(previous_search_rules)

using aether::nats::detail::previous_search;

namespace {

struct outcome {
  std::uint64_t found = 0;
  int probes = 0;
};

outcome run(std::vector<std::uint64_t> const& stored, std::uint64_t from) {
  outcome out;
  previous_search search(from);
  while (auto const probe = search.probe()) {
    ++out.probes;
    BOOST_REQUIRE_LE(out.probes, 200);
    BOOST_REQUIRE_GE(*probe, 1u);
    BOOST_REQUIRE_LT(*probe, from);
    auto const at = std::lower_bound(stored.begin(), stored.end(), *probe);
    search.on_probe(at == stored.end() ? std::nullopt : std::optional(*at));
  }
  out.found = search.found();
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(finds_the_neighbour_with_one_probe) {
  auto const out = run({1, 2, 3, 4, 5}, 5);
  BOOST_TEST(out.found == 4u);
  BOOST_TEST(out.probes == 1);
}

BOOST_AUTO_TEST_CASE(finds_nothing_below_the_first) {
  BOOST_TEST(run({1, 2}, 1).found == 0u);
  BOOST_TEST(run({7}, 7).found == 0u);
  BOOST_TEST(run({1'000'000'000}, 1'000'000'000).found == 0u);
  BOOST_TEST(run({}, 50).found == 0u); // what was known has expired meanwhile
  auto const most = std::numeric_limits<std::uint64_t>::max();
  BOOST_TEST(run({3, most}, most).found == 3u);
}

BOOST_AUTO_TEST_CASE(finds_the_right_one_in_few_probes_wherever_it_stands) {
  std::mt19937_64 random(20260131);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint64_t> stored;
    auto const spread = std::uint64_t(1) << (1 + random() % 30);
    for (std::uint64_t at = 0, n = 1 + random() % 40; stored.size() < n;)
      stored.push_back(at += 1 + random() % spread);
    auto const index = random() % stored.size();
    auto const out = run(stored, stored[index]);
    auto const expected = index == 0 ? 0 : stored[index - 1];
    BOOST_REQUIRE_EQUAL(out.found, expected);
    auto const distance = stored[index] - expected;
    BOOST_REQUIRE_LE(out.probes, 2 * std::bit_width(distance) + 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()
