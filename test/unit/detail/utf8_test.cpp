// UTF-8 validation over every kind of sequence, ids, and text shown to people.
#include "detail/utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(utf8)

namespace {

using aether::detail::valid_utf8;
using namespace std::string_view_literals;

std::string encoded(unsigned code, int length) {
  if (length == 1)
    return std::string(1, static_cast<char>(code));
  std::string text;
  for (int i = 1; i < length; ++i, code >>= 6)
    text.insert(text.begin(), static_cast<char>(0x80 | (code & 0x3F)));
  unsigned const marks = 0xF00u >> length;
  text.insert(text.begin(), static_cast<char>(marks | code));
  return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_code_point_is_valid_in_its_shortest_form_only) {
  for (unsigned code = 0; code < 0x120000; code += code < 0x3000 ? 1 : 7) {
    int const shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    bool const exists = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    for (int length = shortest; length <= 4; ++length)
      if (valid_utf8(encoded(code, length)) != (exists && length == shortest))
        BOOST_ERROR("code point " << code << " in " << length << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(limits_of_each_range) {
  for (auto const good : {"\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv,
                          "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv})
    BOOST_TEST(valid_utf8(good));
  for (auto const bad :
       {"\x80"sv, "\xBF"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv,
        "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv})
    BOOST_TEST(!valid_utf8(bad));
}

BOOST_AUTO_TEST_CASE(a_sequence_cut_off_or_broken_is_found_at_any_place) {
  for (auto const whole : {"\xC3\xA9"sv, "\xE2\x82\xAC"sv, "\xF0\x9F\x98\x80"sv})
    for (std::size_t before = 0; before < 20; ++before) {
      std::string const start(before, 'a');
      BOOST_TEST(valid_utf8(start + std::string(whole) + start));
      for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        BOOST_TEST(!valid_utf8(start + std::string(whole.substr(0, cut))));
        BOOST_TEST(!valid_utf8(start + std::string(whole.substr(0, cut)) + start + "a"));
      }
    }
}

BOOST_AUTO_TEST_CASE(ids_are_1_to_255_bytes_of_utf8_without_nul) {
  using aether::detail::valid_id;
  BOOST_TEST(valid_id("a"));
  BOOST_TEST(valid_id("order 42.*>%\r\n\x01"));
  BOOST_TEST(valid_id("größe-\xF0\x9F\x98\x80"));
  BOOST_TEST(valid_id(std::string(255, 'x')));
  BOOST_TEST(!valid_id(""));
  BOOST_TEST(!valid_id(std::string(256, 'x')));
  BOOST_TEST(!valid_id("a\0b"sv));
  BOOST_TEST(!valid_id("a\0"sv));
  BOOST_TEST(!valid_id("a\xFF"));
  BOOST_TEST(valid_id(std::string(253, 'x') + "é"));
  BOOST_TEST(!valid_id(std::string(254, 'x') + "é"));
}

BOOST_AUTO_TEST_CASE(quoted_text_is_one_line_of_utf8) {
  using aether::detail::quoted;
  BOOST_TEST(quoted("order-42") == "\"order-42\"");
  BOOST_TEST(quoted("") == "\"\"");
  BOOST_TEST(quoted("é€") == "\"é€\"");
  BOOST_TEST(quoted("a\"b\\c") == "\"a\\\"b\\\\c\"");
  BOOST_TEST(quoted("\r\n\x7F\0"sv) == "\"\\x0D\\x0A\\x7F\\x00\"");
  BOOST_TEST(quoted("\xFFz") == "\"\\xFFz\"");
  BOOST_TEST(valid_utf8(quoted("\xE2\x82")));
  BOOST_TEST(quoted("\u0085\u009F") == "\"\\xC2\\x85\\xC2\\x9F\""); // control characters too
  BOOST_TEST(quoted("\u00A0") == "\"\u00A0\"");
  BOOST_TEST(quoted("\u2028\u2029") == "\"\\xE2\\x80\\xA8\\xE2\\x80\\xA9\""); // they end lines
  BOOST_TEST(quoted("\u202E") == "\"\\xE2\\x80\\xAE\"");                        // turns what follows around
  BOOST_TEST(quoted("\u2066\u2069") == "\"\\xE2\\x81\\xA6\\xE2\\x81\\xA9\"");
  BOOST_TEST(quoted("\u2027\u202F\u2065\u206A") == "\"\u2027\u202F\u2065\u206A\"");
}

BOOST_AUTO_TEST_SUITE_END()
