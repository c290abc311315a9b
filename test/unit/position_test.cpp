// Positions: text and back, and what is refused.
#include <aether/position.hpp>

#include <aether/error.hpp>

#include <boost/test/unit_test.hpp>

#include <limits>

BOOST_AUTO_TEST_SUITE(position_text)

using aether::errc;
using aether::position;
using aether::stream_place;

namespace {

aether::time_point at(std::int64_t nanoseconds) { return aether::time_point(std::chrono::nanoseconds(nanoseconds)); }

position some() {
  return position({{"EU", at(1'700'000'000'123'456'789), 42, "e-1"},
                   {"US", at(0), std::numeric_limits<std::uint64_t>::max(), "an id with \"quotes\" and é"}});
}

} // namespace

BOOST_AUTO_TEST_CASE(the_beginning_is_the_default) {
  BOOST_TEST(position().is_beginning());
  BOOST_TEST(position().to_text() == "[]");
  BOOST_TEST((position::from_text("[]") == position()));
  BOOST_TEST(!some().is_beginning());
}

BOOST_AUTO_TEST_CASE(text_and_back) {
  auto const text = some().to_text();
  BOOST_TEST((position::from_text(text) == some()));
  BOOST_TEST(text.find('\n') == std::string::npos);
  BOOST_TEST(position({{"S", at(1), 7, "e"}}).to_text() ==
             R"([{"stream":"S","created":"1970-01-01T00:00:00.000000001Z","sequence":7,"event":"e"}])");
}

BOOST_AUTO_TEST_CASE(equality_looks_at_every_field) {
  auto const same = position({{"S", at(1), 7, "e"}});
  BOOST_TEST((same == position({{"S", at(1), 7, "e"}})));
  BOOST_TEST((same != position({{"T", at(1), 7, "e"}})));
  BOOST_TEST((same != position({{"S", at(2), 7, "e"}})));
  BOOST_TEST((same != position({{"S", at(1), 8, "e"}})));
  BOOST_TEST((same != position({{"S", at(1), 7, "f"}})));
  BOOST_TEST((same != position()));
}

BOOST_AUTO_TEST_CASE(what_is_no_position_is_refused) {
  for (auto const* text : {
           "",
           "null",
           "{}",
           "7",
           "[1]",
           "[{}]",
           R"([{"stream":"S"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7}])",
           R"([{"stream":"","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e"}])",
           R"([{"stream":"S","created":"yesterday","sequence":7,"event":"e"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":-7,"event":"e"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":"7","event":"e"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7.5,"event":"e"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7,"event":null}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e","more":1}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e"}] )"
           "x",
           R"([{"stream":"T","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e"},)"
           R"({"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e"}])",
           R"([{"stream":"S","created":"1970-01-01T00:00:00Z","sequence":7,"event":"e"},)"
           R"({"stream":"S","created":"1970-01-01T00:00:00Z","sequence":8,"event":"f"}])",
       })
    BOOST_TEST_CONTEXT(text)
  BOOST_CHECK_EXCEPTION(position::from_text(text), aether::error,
                        [](aether::error const& e) { return e.code() == errc::position_invalid; });
}

BOOST_AUTO_TEST_CASE(a_store_names_each_stream_once_and_in_order) {
  auto const is_refused = [](aether::error const& e) { return e.code() == errc::invalid_argument; };
  BOOST_CHECK_EXCEPTION(position({{"T", at(1), 7, "e"}, {"S", at(1), 7, "e"}}), aether::error, is_refused);
  BOOST_CHECK_EXCEPTION(position({{"S", at(1), 7, "e"}, {"S", at(1), 7, "e"}}), aether::error, is_refused);
}

BOOST_AUTO_TEST_SUITE_END()
