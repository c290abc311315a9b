// Where reading begins and whether it can go on: times, pages, links and the stream's state, decided on values.
#include "nats/previous_link.hpp"
#include "nats/stream_state.hpp"
#include "nats/subject_pages.hpp"
#include "nats/time_search.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(stream_places)

using namespace aether;
using namespace aether::nats::detail;
using namespace std::chrono_literals;

namespace {

time_point at(int second) { return time_point(std::chrono::seconds(second)); }

stored_message message(std::uint64_t sequence, nats::header_list headers) {
  stored_message m;
  m.sequence = sequence;
  m.headers = std::move(headers);
  return m;
}

} // namespace

BOOST_AUTO_TEST_CASE(finds_the_first_message_of_a_time) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::map<std::uint64_t, int> stored; // sequence to second, with holes and equal times
    std::uint64_t const first = 1 + random() % 50;
    std::uint64_t last = first - 1;
    int second = 100;
    for (int i = static_cast<int>(random() % 40); i > 0; --i) {
      last += 1 + (random() % 4 == 0 ? random() % 10 : 0);
      second += static_cast<int>(random() % 3);
      stored.emplace(last, second);
    }
    auto const wanted = 98 + static_cast<int>(random() % 50);
    auto expected = last + 1;
    for (auto const& [sequence, when] : stored)
      if (when >= wanted) {
        expected = sequence;
        break;
      }
    time_search search(at(wanted), first, last);
    int probes = 0;
    while (auto const from = search.probe()) {
      auto const found = stored.lower_bound(*from);
      search.on_probe(found != stored.end() ? found->first : 0, at(found != stored.end() ? found->second : 0));
      BOOST_REQUIRE(++probes < 20);
    }
    BOOST_TEST(search.found() == expected, "seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(whether_reading_goes_on) {
  stream_state const now{at(1), 10, 20};
  struct {
    time_point created;
    std::uint64_t next;
    continuity expected;
  } const cases[] = {
      {at(1), 10, continuity::goes_on},        {at(1), 21, continuity::goes_on},
      {at(1), 22, continuity::shorter},        {at(1), 9, continuity::expired},
      {at(1), 1, continuity::expired},         {at(2), 10, continuity::another_stream},
      {at(2), 22, continuity::another_stream},
  };
  for (auto const& c : cases)
    BOOST_TEST((judge(now, c.created, c.next) == c.expected), c.next);
  stream_state const empty{at(1), 21, 20}; // everything expired
  BOOST_TEST((judge(empty, at(1), 21) == continuity::goes_on));
  BOOST_TEST((judge(empty, at(1), 20) == continuity::expired));
}

BOOST_AUTO_TEST_CASE(what_a_message_tells_of_the_one_before_it) {
  struct {
    std::uint64_t sequence;
    nats::header_list headers;
    link_kind kind;
    std::uint64_t at;
    std::string batch;
  } const cases[] = {
      {9, {{"Nats-Expected-Last-Subject-Sequence", "4"}}, link_kind::at, 4, ""},
      {9, {{"Nats-Expected-Last-Subject-Sequence", "0"}}, link_kind::none, 0, ""},
      {9, {}, link_kind::untold, 0, ""},
      {9, {{"Nats-Expected-Last-Subject-Sequence", "9"}}, link_kind::untold, 0, ""}, // nonsense
      {9, {{"Nats-Expected-Last-Subject-Sequence", "x"}}, link_kind::untold, 0, ""},
      {9,
       {{"Nats-Expected-Last-Subject-Sequence", "4"}, {"Nats-Expected-Last-Subject-Sequence-Subject", "S.events.a.b"}},
       link_kind::untold,
       0,
       ""},
      {9, {{"Nats-Batch-Id", "b"}, {"Nats-Batch-Sequence", "2"}}, link_kind::at, 8, "b"},
      {9, {{"Nats-Batch-Id", "b"}, {"Nats-Batch-Sequence", "1"}}, link_kind::untold, 0, ""},
      {9,
       {{"Nats-Batch-Id", "b"}, {"Nats-Batch-Sequence", "1"}, {"Nats-Expected-Last-Subject-Sequence", "3"}},
       link_kind::at,
       3,
       ""},
      {1, {{"Nats-Batch-Id", "b"}, {"Nats-Batch-Sequence", "2"}}, link_kind::untold, 0, ""},
  };
  for (auto const& c : cases) {
    auto const m = message(c.sequence, c.headers);
    auto const link = link_of(m);
    BOOST_TEST((link.kind == c.kind));
    BOOST_TEST(link.sequence == c.at);
    BOOST_TEST(link.batch == c.batch);
  }
}

// Subjects come and go between the pages: those that stay come once.
BOOST_AUTO_TEST_CASE(pages_of_a_changing_list) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    std::set<std::string> list;
    std::set<std::string> stays;
    auto const name = [&] { return std::to_string(1'000'000 + random() % 9'000'000); };
    for (int i = 0; i < 20'000; ++i) {
      auto const subject = name();
      list.insert(subject);
      if (random() % 2 == 0)
        stays.insert(subject);
    }
    std::multiset<std::string> got;
    subject_pages pages;
    int asked = 0;
    while (!pages.ended()) {
      BOOST_REQUIRE(++asked < 200);
      auto const offset = std::min<std::size_t>(pages.offset(), list.size());
      std::size_t const size = std::min<std::size_t>(5'000, list.size() - offset);
      std::vector<std::string> const page(std::next(list.begin(), static_cast<std::ptrdiff_t>(offset)),
                                          std::next(list.begin(), static_cast<std::ptrdiff_t>(offset + size)));
      if (pages.on_page(page.empty() ? "" : page.front(), page.size(), list.size())) {
        for (auto const& subject : page)
          if (pages.is_new(subject))
            got.insert(subject);
        if (!page.empty())
          pages.reached(page.back());
      }
      for (auto i = random() % 3'000; i > 0; --i) { // more than pages overlap by
        if (random() % 2 == 0)
          list.insert(name());
        else if (auto const gone = list.lower_bound(name()); gone != list.end() && !stays.contains(*gone))
          list.erase(gone);
      }
    }
    for (auto const& subject : stays)
      BOOST_REQUIRE_MESSAGE(got.count(subject) == 1,
                            "seed " << seed << ": " << subject << " came " << got.count(subject) << " times");
  }
}

BOOST_AUTO_TEST_SUITE_END()
