// The search for the first event of a version: against brute force, and within its number of probes.
#include <nats/version_search.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(version_search_machine)

using namespace aether::nats::detail;

namespace {

constexpr std::int64_t largest_version = std::numeric_limits<std::int64_t>::max();

/// The messages of one subject: sequence → version, none: malformed.
using history = std::map<std::uint64_t, std::optional<std::int64_t>>;

std::optional<probed_message> first_from(history const& h, std::uint64_t sequence) {
  auto const it = h.lower_bound(sequence);
  return it == h.end() ? std::nullopt : std::optional(probed_message{it->first, it->second});
}

std::optional<probed_message> brute_force(history const& h, std::int64_t version) {
  for (auto const& [sequence, v] : h)
    if (v && *v >= version)
      return probed_message{sequence, v};
  return std::nullopt;
}

probed_message last_well_formed(history const& h) {
  auto const it = std::find_if(h.rbegin(), h.rend(), [](auto const& m) { return m.second.has_value(); });
  return it == h.rend() ? probed_message{0, 0} : probed_message{it->first, it->second};
}

struct run_result {
  search_step end;
  std::size_t probes = 0;
  std::size_t malformed_twice = 0; ///< malformed messages that a probe went past more than once
};

run_result search(history const& h, std::int64_t version, std::uint64_t first_sequence = 1) {
  auto const last = last_well_formed(h);
  version_search s(version, first_sequence, last.sequence, *last.version);
  run_result r;
  std::set<std::uint64_t> passed;
  for (r.end = s.start(); r.end.what == search_do::probe && r.probes < 100'000; ++r.probes) {
    auto const m = first_from(h, r.end.sequence);
    auto const step = s.on_probe(m);
    if (m && !m->version && step.what == search_do::probe && step.sequence == m->sequence + 1)
      r.malformed_twice += !passed.insert(m->sequence).second;
    r.end = step;
  }
  return r;
}

void check(history const& h, std::int64_t version, std::size_t most_probes) {
  auto const expected = brute_force(h, version);
  auto const r = search(h, version);
  BOOST_TEST((r.end.what == (expected ? search_do::found : search_do::none)));
  if (expected) {
    BOOST_TEST(r.end.sequence == expected->sequence);
    BOOST_TEST(r.end.version == *expected->version);
  }
  BOOST_TEST(r.probes <= most_probes);
  BOOST_TEST(r.malformed_twice == 0u);
}

std::size_t most_probes(std::uint64_t last_sequence, std::size_t malformed) {
  return 2 * static_cast<std::size_t>(std::ceil(std::log2(static_cast<double>(last_sequence) + 1))) + 2 + malformed;
}

history random_history(std::mt19937_64& random) {
  auto const below = [&](std::uint64_t n) { return random() % n; };
  history h;
  std::uint64_t const gap = below(4) == 0 ? 1 : 1 + below(below(2) ? 5 : 5'000);
  std::uint64_t const jump = below(3) == 0 ? 1 : 1 + below(below(2) ? 3 : 1'000'000'000);
  std::uint64_t const malformed_of_10 = below(3) == 0 ? below(10) : 0;
  std::uint64_t sequence = below(1'000);
  std::uint64_t version = below(2) ? 0 : below(1'000'000);
  for (std::uint64_t count = below(200); count != 0; --count) {
    sequence += 1 + below(gap);
    bool const malformed = below(10) < malformed_of_10;
    if (!malformed)
      version += 1 + below(jump);
    h[sequence] = malformed ? std::nullopt : std::optional(static_cast<std::int64_t>(version));
  }
  return h;
}

} // namespace

BOOST_AUTO_TEST_CASE(finds_what_reading_everything_finds) {
  std::mt19937_64 random(20240501);
  for (int i = 0; i != 3'000; ++i) {
    history const h = random_history(random);
    auto const malformed = static_cast<std::size_t>(
        std::count_if(h.begin(), h.end(), [](auto const& m) { return !m.second.has_value(); }));
    auto const last = last_well_formed(h);
    std::size_t const most = most_probes(last.sequence, malformed);
    check(h, 1, most);
    check(h, *last.version, most);
    if (*last.version > 0)
      check(h, 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(*last.version)), most);
    check(h, *last.version + 1, 0);
  }
}

BOOST_AUTO_TEST_CASE(every_version_of_a_small_history) {
  history const h{{3, 2}, {4, std::nullopt}, {9, 3}, {10, std::nullopt}, {11, std::nullopt}, {40, 10}, {41, 11}};
  for (std::int64_t version = 1; version != 13; ++version)
    check(h, version, most_probes(41, 3));
}

BOOST_AUTO_TEST_CASE(an_even_history_takes_few_probes) {
  history h;
  for (std::int64_t v = 1; v <= 100'000; ++v)
    h[static_cast<std::uint64_t>(v) * 10] = v;
  for (std::int64_t const version : {1, 2, 777, 50'000, 99'999, 100'000})
    check(h, version, 3);
}

BOOST_AUTO_TEST_CASE(the_event_after_a_known_one_takes_one_probe) {
  // The first one stands right behind the beginning, wherever the others lie.
  check({{10, 1}, {999, 2}, {1'000, 3}, {1'000'000'000, 100}}, 1, 1);
}

BOOST_AUTO_TEST_CASE(an_uneven_history_stays_logarithmic) {
  history h;
  for (std::int64_t v = 1; v <= 50'000; ++v)
    h[static_cast<std::uint64_t>(v)] = v;
  h[1'000'000'000'000] = largest_version;
  for (std::int64_t const version : {std::int64_t(2), std::int64_t(49'999), std::int64_t(60'000), largest_version - 1})
    check(h, version, 82);
}

BOOST_AUTO_TEST_CASE(the_largest_numbers) {
  constexpr auto last = std::numeric_limits<std::uint64_t>::max();
  history const h{{1, 1}, {last - 1, largest_version - 1}, {last, largest_version}};
  for (std::int64_t const version : {std::int64_t(1), std::int64_t(2), largest_version - 1, largest_version})
    check(h, version, 130);
}

BOOST_AUTO_TEST_CASE(an_actor_without_events_has_none) {
  BOOST_TEST((search({}, 1).end.what == search_do::none));
  BOOST_TEST((search({{5, std::nullopt}}, 1).end.what == search_do::none));
}

BOOST_AUTO_TEST_CASE(the_wanted_event_being_the_last_needs_no_probe) {
  auto const r = search({{1, 1}, {5, 7}}, 7);
  BOOST_TEST((r.end.what == search_do::found));
  BOOST_TEST(r.end.sequence == 5u);
  BOOST_TEST(r.probes == 0u);
}

BOOST_AUTO_TEST_CASE(a_long_run_of_malformed_messages_is_read_once) {
  history h{{1, 1}};
  for (std::uint64_t s = 2; s != 1'000; ++s)
    h[s] = std::nullopt;
  h[1'000] = 9;
  check(h, 5, most_probes(1'000, 998));
}

BOOST_AUTO_TEST_CASE(a_history_that_vanishes_meanwhile_ends_the_search) {
  version_search s(5, 1, 1'000, 10);
  BOOST_TEST((s.start().what == search_do::probe));
  auto step = s.on_probe(std::nullopt);
  for (int i = 0; step.what == search_do::probe && i != 100; ++i)
    step = s.on_probe(std::nullopt);
  BOOST_TEST((step.what == search_do::none));
}

BOOST_AUTO_TEST_CASE(a_later_event_stands_in_for_one_that_went) {
  version_search s(5, 1, 1'000, 10);
  auto step = s.start();
  for (int i = 0; step.what == search_do::probe && i != 100; ++i)
    step = s.on_probe(probed_message{1'200, 12});
  BOOST_TEST((step.what == search_do::found));
  BOOST_TEST(step.sequence == 1'200u);
}

BOOST_AUTO_TEST_CASE(answers_that_make_no_sense_end_the_search) {
  for (auto const& nonsense : {probed_message{0, 1}, probed_message{0, 20}, probed_message{0, std::nullopt},
                               probed_message{std::numeric_limits<std::uint64_t>::max(), 1}}) {
    version_search s(5, 1, 1'000, 10);
    auto step = s.start();
    int probes = 0;
    for (; step.what == search_do::probe && probes != 1'100; ++probes)
      step = s.on_probe(nonsense);
    BOOST_TEST((step.what != search_do::probe));
  }
}

BOOST_AUTO_TEST_SUITE_END()
