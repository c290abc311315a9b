// Who of an embedded group's events is in flight, by virtual time.
#include "memory_group_state.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(memory_group_state_rules)

using namespace aether::detail;
using namespace std::chrono_literals;
using when = memory_group_state::time;

BOOST_AUTO_TEST_CASE(what_is_not_settled_is_due_again_and_counted) {
  memory_group_state s(10s, 2);
  when const now = when() + 1h;
  group_key const one{false, 1}, two{false, 2};
  BOOST_TEST(s.begin(one, now).attempt == 1u);
  s.begin(two, now + 1s);
  BOOST_TEST(!s.has_room());
  BOOST_TEST(!s.next(now + 9s).has_value());
  BOOST_TEST((s.due() == now + 10s));
  auto const again = s.next(now + 10s);
  BOOST_TEST_REQUIRE(again.has_value());
  BOOST_TEST((again->key == one));
  BOOST_TEST(again->attempt == 2u);
  BOOST_TEST((s.due() == now + 11s));
  BOOST_TEST(s.acknowledge(two));
  BOOST_TEST(!s.acknowledge(two));
  BOOST_TEST(s.has_room());
  BOOST_TEST((s.due() == now + 20s));
  BOOST_TEST(s.acknowledge(one));
  BOOST_TEST(!s.due().has_value());
  BOOST_TEST(!s.next(now + 1h).has_value());
}

BOOST_AUTO_TEST_CASE(extended_and_put_off) {
  memory_group_state s(10s, 5);
  when const now = when() + 1h;
  group_key const one{false, 1};
  s.begin(one, now);
  s.extend(one, now + 9s);
  BOOST_TEST(!s.next(now + 18s).has_value());
  s.retry_at(one, now + 18s);
  auto const again = s.next(now + 18s);
  BOOST_TEST_REQUIRE(again.has_value());
  BOOST_TEST(again->attempt == 2u);
  s.acknowledge(one);
  s.extend(one, now); // of what is settled: nothing happens
  s.retry_at(one, now);
  BOOST_TEST(s.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(a_retried_letter_is_a_message_of_its_own) {
  memory_group_state s(10s, 5);
  when const now = when() + 1h;
  s.begin(group_key{false, 1}, now);
  s.begin(group_key{true, 1}, now);
  BOOST_TEST(s.in_flight() == 2u);
  BOOST_TEST(s.all().size() == 2u);
  s.acknowledge(group_key{true, 1});
  BOOST_TEST(s.in_flight() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
