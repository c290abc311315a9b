// Asking a group's consumer for messages, by virtual time.
#include "nats/group_pulls.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(group_pulls_rules)

using namespace aether::nats::detail;
using namespace std::chrono_literals;
using when = group_pulls::time;

namespace {

constexpr std::size_t bytes = 1000;
when const start = when() + 1h;

std::uint64_t asked(group_pulls& p, std::size_t wanted, when now = start) {
  auto const pull = p.next(wanted, bytes, now, now + 1h);
  return pull ? pull->batch : 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(only_what_is_missing_is_asked_for) {
  group_pulls p;
  BOOST_TEST(asked(p, 0) == 0u);
  BOOST_TEST(asked(p, 2) == 2u);
  BOOST_TEST(asked(p, 2) == 0u);
  BOOST_TEST(asked(p, 3) == 1u);
  p.on_message();
  BOOST_TEST(asked(p, 3) == 1u);
  BOOST_TEST(asked(p, 100'000) == 1000u); // at once
}

BOOST_AUTO_TEST_CASE(a_pull_ends_when_who_waits_does) {
  group_pulls p;
  auto const one = p.next(1, bytes, start, start + 2s);
  BOOST_TEST_REQUIRE(one.has_value());
  BOOST_TEST((one->expires == 2s));
  BOOST_TEST(one->max_bytes == 0u); // one message alone is not limited
  auto const two = p.next(3, bytes, start, start + 1h);
  BOOST_TEST_REQUIRE(two.has_value());
  BOOST_TEST((two->expires == 5s));
  BOOST_TEST(two->max_bytes == bytes);
  auto const three = p.next(4, bytes, start, start);
  BOOST_TEST_REQUIRE(three.has_value());
  BOOST_TEST((three->expires == 100ms));
}

BOOST_AUTO_TEST_CASE(an_end_makes_room_for_another) {
  for (int const status : {404, 408, 409}) {
    group_pulls p;
    BOOST_TEST(asked(p, 5) == 5u);
    p.on_message();
    p.on_status(status, 4);
    BOOST_TEST(!p.needs_check(start));
    BOOST_TEST(asked(p, 5) == 5u);
  }
  group_pulls p;
  BOOST_TEST(asked(p, 5) == 5u);
  p.on_status(100, std::nullopt); // a heartbeat
  BOOST_TEST(asked(p, 5) == 0u);
}

BOOST_AUTO_TEST_CASE(a_message_too_large_is_asked_for_alone) {
  group_pulls p;
  BOOST_TEST(asked(p, 5) == 5u);
  p.on_status(409, 5); // at once, for its bytes
  auto const alone = p.next(5, bytes, start, start + 1h);
  BOOST_TEST_REQUIRE(alone.has_value());
  BOOST_TEST(alone->batch == 1u);
  BOOST_TEST(alone->max_bytes == 0u);
  BOOST_TEST(asked(p, 5) == 0u);
  p.on_message();
  BOOST_TEST(asked(p, 5) == 5u);
  group_pulls q;
  BOOST_TEST(asked(q, 1) == 1u);
  q.on_status(409, 1); // it was not for the bytes
  BOOST_TEST(q.needs_check(start));
}

BOOST_AUTO_TEST_CASE(in_doubt_nothing_is_asked_until_it_is_known_to_be_there) {
  for (int const how : {0, 1, 2}) {
    group_pulls p;
    BOOST_TEST(asked(p, 1) == 1u);
    if (how == 0)
      p.doubt();
    else
      p.on_status(how == 1 ? 409 : 503, std::nullopt);
    BOOST_TEST(p.needs_check(start));
    BOOST_TEST((p.due() <= start));
    BOOST_TEST(asked(p, 1) == 0u);
    p.on_unknown(start);
    BOOST_TEST(!p.needs_check(start)); // not at once again
    BOOST_TEST((p.due() > start && p.due() <= start + 1s));
    auto const later = p.due();
    BOOST_TEST(p.needs_check(later));
    p.on_there(later);
    BOOST_TEST(!p.needs_check(later));
  }
}

BOOST_AUTO_TEST_CASE(found_again_and_again_it_is_asked_less_often) {
  group_pulls p;
  auto now = start;
  std::chrono::nanoseconds longest{};
  for (int i = 0; i < 20; ++i) {
    auto const begun = now;
    while (asked(p, 1, now) == 0) {
      BOOST_TEST_REQUIRE((p.due() != when::max()));
      now = std::max(now, p.due());
    }
    longest = std::max<std::chrono::nanoseconds>(longest, now - begun);
    p.doubt();
    p.on_there(now);
  }
  BOOST_TEST((longest > 500ms && longest <= 1s));
  while (asked(p, 1, now) == 0)
    now = p.due();
  p.on_message();
  p.doubt();
  p.on_there(now);
  BOOST_TEST(asked(p, 1, now) == 1u); // a message has come: at once
}

BOOST_AUTO_TEST_CASE(silence_beyond_the_end_of_a_pull_is_a_doubt) {
  group_pulls p;
  BOOST_TEST((p.due() == when::max()));
  BOOST_TEST(asked(p, 1) == 1u);
  BOOST_TEST(!p.needs_check(start + 5s));
  BOOST_TEST((p.due() == start + 6s));
  BOOST_TEST(p.needs_check(start + 6s));
  p.stop();
  BOOST_TEST(!p.needs_check(start + 6s));
}

BOOST_AUTO_TEST_SUITE_END()
