// Pauses that grow: every row of what a backoff says, with and without jitter.
#include <aether/backoff.hpp>

#include <aether/error.hpp>

#include <boost/test/unit_test.hpp>

#include <climits>
#include <cmath>
#include <limits>

BOOST_AUTO_TEST_SUITE(backoffs)

using namespace aether;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr double almost_one = 0.99999999999999988897769753748; // the greatest double below 1

backoff without_jitter(nanoseconds initial, nanoseconds longest, double multiplier) {
  backoff b;
  b.initial = initial;
  b.longest = longest;
  b.multiplier = multiplier;
  b.jitter = backoff_jitter::none;
  return b;
}

} // namespace

BOOST_AUTO_TEST_CASE(it_grows_up_to_the_longest) {
  struct row {
    backoff of;
    int attempt;
    nanoseconds pause;
  };
  auto const standard = without_jitter(0ns, 0ns, 0);
  auto const thrice = without_jitter(1s, 20s, 3);
  auto const slow = without_jitter(100ms, 1s, 1.5);
  auto const endless = without_jitter(1ns, nanoseconds::max(), 2);
  row const rows[] = {
      {standard, 1, 10ms},
      {standard, 2, 20ms},
      {standard, 7, 640ms},
      {standard, 8, 1s},
      {standard, 9, 1s},
      {standard, INT_MAX, 1s},
      {standard, 0, 10ms},
      {standard, INT_MIN, 10ms},
      {thrice, 1, 1s},
      {thrice, 3, 9s},
      {thrice, 4, 20s},
      {slow, 2, 150ms},
      {slow, 3, 225ms},
      {without_jitter(5s, 0ns, 0), 1, 5s}, // longer than the default of the longest
      {without_jitter(5s, 0ns, 0), 2, 5s},
      {without_jitter(0ns, 5ms, 0), 1, 5ms}, // shorter than the default of the initial one
      {without_jitter(7ms, 7ms, 1), 100, 7ms},
      {endless, 1, 1ns},
      {endless, 63, nanoseconds(std::int64_t{1} << 62)},
      {endless, 64, nanoseconds::max()},
      {endless, INT_MAX, nanoseconds::max()},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      BOOST_TEST((r.of.delay(r.attempt, 0.5) == r.pause));
      BOOST_TEST((r.of.ceiling(r.attempt) == r.pause));
    }
}

BOOST_AUTO_TEST_CASE(jitter_stays_within_its_bounds) {
  struct row {
    backoff_jitter jitter;
    double random;
    nanoseconds pause; // of 40 ms
  };
  row const rows[] = {
      {backoff_jitter::none, 0, 40ms},
      {backoff_jitter::none, almost_one, 40ms},
      {backoff_jitter::full, 0, 0ms},
      {backoff_jitter::full, 0.25, 10ms},
      {backoff_jitter::full, 0.5, 20ms},
      {backoff_jitter::equal, 0, 20ms},
      {backoff_jitter::equal, 0.5, 30ms},
      {backoff_jitter::full, -1, 0ms}, // what is no random number is brought to the nearest
      {backoff_jitter::full, 2, 40ms},
      {backoff_jitter::equal, 2, 40ms},
      {backoff_jitter::full, std::nan(""), 0ms},
  };
  for (auto const& r : rows)
    BOOST_TEST_CONTEXT("row " << (&r - rows)) {
      backoff b;
      b.jitter = r.jitter;
      BOOST_TEST((b.delay(3, r.random) == r.pause));
    }
  for (auto const jitter : {backoff_jitter::full, backoff_jitter::equal}) {
    auto b = without_jitter(nanoseconds::max(), nanoseconds::max(), 1);
    b.jitter = jitter;
    BOOST_TEST((b.delay(1, almost_one) > nanoseconds::max() / 2));
    BOOST_TEST((b.delay(1, 0) >= 0ns));
  }
}

BOOST_AUTO_TEST_CASE(jitter_is_full_unless_chosen) { BOOST_TEST((backoff().delay(1, 0.5) == 5ms)); }

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
  backoff().validate();
  without_jitter(5s, 0ns, 1).validate();
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  backoff const wrong[] = {
      without_jitter(-1ns, 0ns, 0),   without_jitter(0ns, -1ns, 0),           without_jitter(2s, 1s, 0),
      without_jitter(0ns, 0ns, 0.99), without_jitter(0ns, 0ns, -2),           without_jitter(0ns, 0ns, infinity),
      without_jitter(20ms, 19ms, 2),  without_jitter(0ns, 0ns, std::nan("")),
  };
  for (auto const& b : wrong)
    BOOST_CHECK_EXCEPTION(b.validate(), error, [](error const& e) { return e.code() == errc::invalid_argument; });
}

BOOST_AUTO_TEST_SUITE_END()
