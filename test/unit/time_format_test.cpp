// RFC 3339 both ways: every part, every fault, and the ends of the range.
#include <aether/json.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(time_format)

namespace {

aether::time_point at(std::int64_t nanoseconds) { return aether::time_point(std::chrono::nanoseconds(nanoseconds)); }

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t noon = 1'769'860'800 * second; // 2026-01-31T12:00:00Z
constexpr std::int64_t earliest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t latest = std::numeric_limits<std::int64_t>::max();

} // namespace

BOOST_AUTO_TEST_CASE(text_is_utc_with_as_many_digits_as_needed) {
  std::vector<std::pair<std::int64_t, std::string_view>> const table = {
      {0, "1970-01-01T00:00:00Z"},
      {1, "1970-01-01T00:00:00.000000001Z"},
      {-1, "1969-12-31T23:59:59.999999999Z"},
      {noon, "2026-01-31T12:00:00Z"},
      {noon + second / 4, "2026-01-31T12:00:00.25Z"},
      {noon + 120'000'000, "2026-01-31T12:00:00.12Z"},
      {noon + 1'000, "2026-01-31T12:00:00.000001Z"},
      {-second, "1969-12-31T23:59:59Z"},
      {951'782'400 * second, "2000-02-29T00:00:00Z"},
      {latest, "2262-04-11T23:47:16.854775807Z"},
      {earliest, "1677-09-21T00:12:43.145224192Z"},
  };
  for (auto const& [count, text] : table) {
    BOOST_TEST(aether::format_time(at(count)) == text);
    aether::time_point back{};
    BOOST_TEST(aether::parse_time(text, back), text);
    BOOST_TEST(back.time_since_epoch().count() == count, text);
  }
}

BOOST_AUTO_TEST_CASE(any_time_reads_back_as_itself) {
  std::mt19937_64 random(20260131); // NOLINT: the same times in every run
  for (int n = 0; n < 20'000; ++n) {
    auto const t = at(static_cast<std::int64_t>(random()));
    aether::time_point back{};
    BOOST_TEST_REQUIRE(aether::parse_time(aether::format_time(t), back));
    BOOST_TEST_REQUIRE((back == t), aether::format_time(t));
  }
}

BOOST_AUTO_TEST_CASE(other_forms_of_the_same_time) {
  std::vector<std::pair<std::string_view, std::int64_t>> const table = {
      {"2026-01-31t12:00:00z", noon},
      {"2026-01-31T12:00:00.0Z", noon},
      {"2026-01-31T12:00:00.000000000000Z", noon},
      {"2026-01-31T12:00:00.1234567899Z", noon + 123'456'789},
      {"2026-01-31T12:00:00.25+00:00", noon + second / 4},
      {"2026-01-31T12:00:00-00:00", noon},
      {"2026-01-31T13:30:00+01:30", noon},
      {"2026-01-31T06:30:00-05:30", noon},
      {"2026-02-01T11:59:00+23:59", noon},
      {"2026-01-30T12:01:00-23:59", noon},
      {"2016-12-31T23:59:60Z", 1'483'228'800 * second},
      {"2016-12-31T23:59:60.5Z", 1'483'228'800 * second + second / 2},
      {"2017-01-01T05:29:60+05:30", 1'483'228'800 * second},
      {"2016-12-31T18:59:60-05:00", 1'483'228'800 * second},
      {"1969-12-31T23:59:60Z", 0},
      {"2024-02-29T00:00:00Z", 1'709'164'800 * second},
  };
  for (auto const& [text, count] : table) {
    aether::time_point t{};
    BOOST_TEST(aether::parse_time(text, t), text);
    BOOST_TEST(t.time_since_epoch().count() == count, text);
  }
}

BOOST_AUTO_TEST_CASE(a_time_out_of_range_becomes_the_first_or_last) {
  std::vector<std::pair<std::string_view, std::int64_t>> const table = {
      {"0001-01-01T00:00:00Z", earliest}, // Go's zero time
      {"0000-01-01T00:00:00Z", earliest},
      {"1677-09-21T00:12:43Z", earliest},
      {"1677-09-21T00:12:43.145224191Z", earliest},
      {"1677-09-21T00:12:43.145224192Z", earliest},
      {"1677-09-21T00:12:43.145224193Z", earliest + 1},
      {"1677-09-21T00:12:44Z", -9'223'372'036 * second},
      {"2262-04-11T23:47:16Z", 9'223'372'036 * second},
      {"2262-04-11T23:47:16.854775806Z", latest - 1},
      {"2262-04-11T23:47:16.854775808Z", latest},
      {"2262-04-11T23:47:17Z", latest},
      {"9999-12-31T23:59:59.999999999-23:59", latest},
  };
  for (auto const& [text, count] : table) {
    aether::time_point t{};
    BOOST_TEST(aether::parse_time(text, t), text);
    BOOST_TEST(t.time_since_epoch().count() == count, text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_time_is_refused_and_changes_nothing) {
  for (std::string_view const text : {"",
                                      "Z",
                                      "2026",
                                      "2026-01-31",
                                      "12:00:00Z",
                                      "2026-01-31T12:00:00",
                                      "2026-01-31T12:00Z",
                                      "2026-01-31 12:00:00Z",
                                      "2026-01-31T12:00:00 Z",
                                      " 2026-01-31T12:00:00Z",
                                      "2026-01-31T12:00:00Z ",
                                      "2026-01-31T12:00:00ZZ",
                                      "2026-01-31T12:00:00.Z",
                                      "2026-01-31T12:00:00,5Z",
                                      "2026-01-31T12:00:00.5",
                                      "2026-01-31T12:00:00.-5Z",
                                      "2026-00-31T12:00:00Z",
                                      "2026-13-31T12:00:00Z",
                                      "2026-01-00T12:00:00Z",
                                      "2026-01-32T12:00:00Z",
                                      "2026-02-29T12:00:00Z",
                                      "2024-02-30T12:00:00Z",
                                      "1900-02-29T12:00:00Z",
                                      "2026-04-31T12:00:00Z",
                                      "2026-01-31T24:00:00Z",
                                      "2026-01-31T12:60:00Z",
                                      "2026-01-31T12:00:61Z",
                                      "2026-01-31T12:00:60Z",
                                      "2026-01-31T23:59:60+01:00",
                                      "2026-01-31T12:00:00+24:00",
                                      "2026-01-31T12:00:00+01:60",
                                      "2026-01-31T12:00:00+0100",
                                      "2026-01-31T12:00:00+01",
                                      "2026-01-31T12:00:00+",
                                      "2026-01-31T12:00:00+01:0",
                                      "26-01-31T12:00:00Z",
                                      "02026-01-31T12:00:00Z",
                                      "-026-01-31T12:00:00Z",
                                      "+2026-01-31T12:00:00Z",
                                      "2026-1-31T12:00:00Z",
                                      "2026/01/31T12:00:00Z",
                                      "2026-01-31T12.00.00Z",
                                      "2026-01-31T1a:00:00Z",
                                      "1769860800",
                                      "now"}) {
    aether::time_point t = at(42);
    BOOST_TEST(!aether::parse_time(text, t), text);
    BOOST_TEST(t.time_since_epoch().count() == 42, text);
  }
}

BOOST_AUTO_TEST_CASE(no_prefix_of_a_time_is_one_but_for_its_end) {
  std::string_view const whole = "2026-01-31T12:00:00.123456789+01:30";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    aether::time_point t{};
    BOOST_TEST(!aether::parse_time(whole.substr(0, length), t), whole.substr(0, length));
  }
}

BOOST_AUTO_TEST_SUITE_END()
