// Namespaces and patterns: what is refused and where, and what meets what.
#include "bus_pattern.hpp"

#include <aether/error.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(bus_patterns)

using namespace aether;
using namespace aether::detail;

namespace {

struct mistake {
  std::string text;
  std::size_t at;
  char const* why;
};
std::ostream& operator<<(std::ostream& out, mistake const& m) { return out << '"' << m.text << '"'; }

std::string told(void (*check)(std::string_view), std::string const& text) {
  try {
    check(text);
  } catch (error const& e) {
    BOOST_TEST(e.code() == make_error_code(errc::invalid_argument));
    return e.what();
  }
  return {};
}

void expect(std::string const& what, mistake const& m) {
  BOOST_TEST(what.find("byte " + std::to_string(m.at) + ':') != std::string::npos, what);
  BOOST_TEST(what.find(m.why) != std::string::npos, what);
}

mistake const in_both[] = {
    {".", 0, "empty"},
    {".a", 0, "empty"},
    {"a.", 2, "empty"},
    {"a..b", 2, "empty"},
    {"a.b c", 3, "white space"},
    {"a\tb", 1, "white space"},
    {std::string("a\0b", 3), 1, "NUL"},
    {"ab\xFF", 2, "UTF-8"},
    {"1.2.3.4.5.6.7.8.9", 16, "more than 8"},
    {std::string(256, 'x'), 255, "255 bytes"},
    {"a.b*", 3, "* and >"},
    {"a.>b", 2, "* and >"},
};

BOOST_DATA_TEST_CASE(mistakes_are_refused_where_they_are, boost::unit_test::data::make(in_both), m) {
  expect(told(&check_name_space, m.text), m);
  expect(told(&check_pattern, m.text), m);
}

BOOST_AUTO_TEST_CASE(wildcards_are_for_patterns) {
  for (auto const* text : {"*", ">", "a.*", "*.b.>", "1.2.3.4.5.6.7.>"}) {
    BOOST_TEST(told(&check_pattern, text).empty());
    BOOST_TEST(!told(&check_name_space, text).empty());
    BOOST_TEST(!is_exact(text));
  }
  expect(told(&check_pattern, "a.>.b"), {"", 2, "last"});
}

BOOST_AUTO_TEST_CASE(names_are_taken) {
  for (auto const* text : {"", "a", "tenant-a.orders", "1.2.3.4.5.6.7.8", "\xC3\xA4.\xE2\x82\xAC", "%2E.$SYS"}) {
    BOOST_TEST(told(&check_name_space, text).empty());
    BOOST_TEST(told(&check_pattern, text).empty());
    BOOST_TEST(is_exact(text));
    BOOST_TEST(matches(text, text));
  }
  BOOST_TEST(name_tokens("").count == 0u);
  BOOST_TEST(name_tokens("a.b").count == 2u);
}

BOOST_AUTO_TEST_CASE(what_meets_what) {
  struct row {
    char const* pattern;
    char const* name_space;
    bool meets;
  };
  row const rows[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"*", "", false},
      {">", "", false},
      {"*", "a", true},
      {"*", "a.b", false},
      {">", "a", true},
      {">", "a.b.c", true},
      {"a", "a.b", false},
      {"a.b", "a", false},
      {"a.*", "a.b", true},
      {"a.*", "a", false},
      {"a.*", "a.b.c", false},
      {"*.b", "a.b", true},
      {"*.b", "a.c", false},
      {"a.>", "a", false},
      {"a.>", "a.b", true},
      {"a.>", "a.b.c", true},
      {"a.>", "ab.c", false},
      {"*.*", "a.b", true},
      {"*.>", "a", false},
      {"*.>", "a.b.c", true},
      {"a.*.c", "a.b.c", true},
      {"a.*.c", "a.b.d", false},
      {"tenant", "tenant-a", false},
  };
  for (auto const& r : rows)
    BOOST_TEST(matches(r.pattern, r.name_space) == r.meets, r.pattern << " and " << r.name_space);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
