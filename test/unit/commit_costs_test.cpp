// When commands are saved together, and when one by one.
#include "commit_costs.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(commit_cost)

using aether::detail::commit_costs;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(what_is_not_known_is_tried) {
  commit_costs c;
  BOOST_TEST(!c.pays(1, 0s)); // there is nothing to be saved together
  BOOST_TEST(c.pays(2, 0s));
  BOOST_TEST(!c.pays(2, 0s)); // once
  c.single_took(100us, 0s);
  BOOST_TEST(!c.pays(2, 10s));
  BOOST_TEST(c.pays(2, 10s + 1ns)); // it came to nothing
  commit_costs other;
  other.batch_took(20ms, 0s);
  BOOST_TEST(!other.pays(2, 0s));
}

BOOST_AUTO_TEST_CASE(a_batch_pays_when_as_many_single_saves_take_longer) {
  commit_costs c;
  c.single_took(100us, 0s);
  c.batch_took(1ms, 0s);
  for (std::size_t n : {2, 5, 10})
    BOOST_TEST(!c.pays(n, 1s), n);
  for (std::size_t n : {11, 100, 256})
    BOOST_TEST(c.pays(n, 1s), n);
  commit_costs cheap; // a cluster that keeps batches in memory
  cheap.single_took(300us, 0s);
  cheap.batch_took(400us, 0s);
  BOOST_TEST(cheap.pays(2, 1s));
}

BOOST_AUTO_TEST_CASE(what_changes_is_learnt) {
  commit_costs c;
  c.single_took(100us, 0s);
  c.batch_took(20ms, 0s);
  BOOST_TEST(!c.pays(100, 1s));
  c.batch_took(1ms, 1s); // a faster disk
  BOOST_TEST(c.pays(100, 1s));
  c.single_took(5us, 2s); // and a faster network
  BOOST_TEST(!c.pays(100, 2s));
  for (auto now = 3s; now < 24s; ++now) { // and slower again
    c.single_took(200us, now);
    c.batch_took(2ms, now);
  }
  BOOST_TEST(c.pays(100, 24s));
  BOOST_TEST(c.pays(11, 24s));
  BOOST_TEST(!c.pays(10, 24s));
}

BOOST_AUTO_TEST_CASE(what_was_waited_for_does_not_count) {
  commit_costs c;
  c.single_took(100us, 0s);
  c.batch_took(20ms, 0s);
  for (auto now = 1s; now < 60s; ++now) { // others' batches: hardly a save is short
    for (int i = 0; i < 100; ++i)
      c.single_took(40ms, now);
    if (now.count() % 8 == 0)
      c.single_took(150us, now);
    c.batch_took(60ms, now);
    BOOST_TEST(!c.pays(100, now));
  }
}

BOOST_AUTO_TEST_CASE(after_a_long_time_one_tries_again) {
  commit_costs c;
  c.single_took(100us, 5s);
  c.batch_took(20ms, 5s);
  BOOST_TEST(!c.pays(2, 15s));
  BOOST_TEST(c.pays(2, 15s + 1ns)); // a batch
  BOOST_TEST(!c.pays(2, 15s + 2ns));
  BOOST_TEST(!c.pays(1, 100s));
  BOOST_TEST(c.pays(2, 100s));
  commit_costs cheap;
  cheap.single_took(100us, 5s);
  cheap.batch_took(150us, 5s);
  BOOST_TEST(cheap.pays(2, 15s));
  BOOST_TEST(!cheap.pays(2, 15s + 1ns)); // a single one
  BOOST_TEST(cheap.pays(2, 15s + 2ns));
}

BOOST_AUTO_TEST_CASE(a_clock_that_stands_still_is_no_reason_for_single_saves) {
  commit_costs c;
  c.single_took(0s, 0s);
  c.batch_took(0s, 0s);
  BOOST_TEST(!c.pays(1, 0s));
  BOOST_TEST(c.pays(2, 0s)); // one of them is as fast as one of those
}

BOOST_AUTO_TEST_SUITE_END()
