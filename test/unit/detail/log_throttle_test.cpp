// Floods in the log, on virtual time.
#include "detail/log_throttle.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(log_throttle_rules)

using aether::detail::log_throttle;
using namespace std::chrono_literals;

namespace {

constexpr int none = -1;

struct row {
  std::chrono::milliseconds at;
  int told; ///< how many were left out; none: it is left out itself
};

void follow(log_throttle throttle, std::vector<row> const& rows) {
  for (auto const& r : rows) {
    auto const told = throttle.take(log_throttle::time(r.at));
    BOOST_TEST_CONTEXT("at " << r.at.count()) { BOOST_TEST((told ? static_cast<int>(*told) : none) == r.told); }
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(one_a_second_telling_how_many_were_left_out) {
  follow(log_throttle(), {{0ms, 0},       // the first one at once
                          {0ms, none},    // and no other in the same moment
                          {1ms, none},
                          {999ms, none},
                          {1000ms, 3},    // a second later with those
                          {1001ms, none},
                          {2500ms, 1},
                          {3499ms, none},
                          {60000ms, 1}});
}

BOOST_AUTO_TEST_CASE(what_comes_seldom_is_told_each_time) {
  follow(log_throttle(), {{5000ms, 0}, {6000ms, 0}, {7000ms, 0}, {90000ms, 0}});
}

BOOST_AUTO_TEST_CASE(the_first_one_is_told_whatever_the_clock_says) {
  follow(log_throttle(), {{-100000ms, 0}, {-99999ms, none}, {0ms, 1}});
}

BOOST_AUTO_TEST_CASE(another_interval) { follow(log_throttle(10ms), {{0ms, 0}, {9ms, none}, {10ms, 1}, {20ms, 0}}); }

BOOST_AUTO_TEST_CASE(a_flood_of_an_hour_is_one_record_a_second) {
  log_throttle throttle;
  std::uint64_t told = 0, left_out = 0, met = 0;
  for (auto at = 0ms; at <= 3'600'000ms; at += 7ms, ++met)
    if (auto const n = throttle.take(log_throttle::time(at)))
      ++told, left_out += *n;
  BOOST_TEST(told <= 3601u);
  BOOST_TEST(told >= 3500u);
  BOOST_TEST(met - told - left_out < 200u); // those since the last one
}

BOOST_AUTO_TEST_SUITE_END()
