// Rows, columns and lines of JSON.
#include "cli/report.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(cli_report)

using namespace aether;
using namespace aether::cli;

namespace {

row two(std::string_view name, std::int64_t n) {
  row r;
  r.text("name", "NAME", name).number("number", "NUMBER", n);
  return r;
}

struct written {
  std::string out;
  std::string told;
  report to;

  explicit written(report_style style = {})
      : to(style, [this](std::string_view text) { out += text; }, [this](std::string_view text) { told += text; }) {}
};

} // namespace

BOOST_AUTO_TEST_CASE(what_a_terminal_may_get) {
  BOOST_TEST(shown("plain \"text\" \\ ö") == "plain \"text\" \\ ö");
  BOOST_TEST(shown("\x1b[31m\r\n\t") == "\\x1B[31m\\x0D\\x0A\\x09");
  BOOST_TEST(shown(std::string_view("\0\x7f", 2)) == "\\x00\\x7F");
  BOOST_TEST(shown("\xff\xc2\x9b") == "\\xFF\\xC2\\x9B"); // U+009B begins a sequence too
  BOOST_TEST(shown("\xe2\x80\xae") == "\\xE2\\x80\\xAE"); // from right to left
  BOOST_TEST(shown("").empty());
}

BOOST_AUTO_TEST_CASE(widths_bytes_times_and_base64) {
  BOOST_TEST(width_of("") == 0u);
  BOOST_TEST(width_of("aö€") == 3u);
  BOOST_TEST(shown_bytes(0) == "0 B");
  BOOST_TEST(shown_bytes(1023) == "1023 B");
  BOOST_TEST(shown_bytes(1024) == "1.0 KB");
  BOOST_TEST(shown_bytes(1024 * 1024 - 1) == "1.0 MB");
  BOOST_TEST(shown_bytes(~std::uint64_t{0}) == "16.0 EB");
  BOOST_TEST(shown_time({}) == "-");
  BOOST_TEST(shown_time(time_point(std::chrono::milliseconds(1500))) == "1970-01-01T00:00:01Z");
  BOOST_TEST(json_time({}) == "null");
  BOOST_TEST(json_time(time_point(std::chrono::milliseconds(1500))) == "\"1970-01-01T00:00:01.5Z\"");
  BOOST_TEST(base64("") == "");
  BOOST_TEST(base64("f") == "Zg==");
  BOOST_TEST(base64("fo") == "Zm8=");
  BOOST_TEST(base64("foo") == "Zm9v");
  BOOST_TEST(base64("\xff\xfe\xfd") == "//79");
  BOOST_TEST(json_text("a\"\n\xff") == "\"a\\\"\\n\xEF\xBF\xBD\"");
  BOOST_TEST(json_list({}) == "[]");
  BOOST_TEST(json_list({"a", "b"}) == "[\"a\",\"b\"]");
}

BOOST_AUTO_TEST_CASE(a_row_for_programs) {
  row r;
  r.text("name", "NAME", "x\x1b").count("n", "N", 7).nothing("NOTHING").cell("SHOWN", "only").member("more", "[1]");
  BOOST_TEST(r.to_json() == R"({"name":"x\u001b","n":7,"more":[1]})");
  BOOST_TEST(row().to_json() == "{}");
  row outside; // what JSON would let through
  outside.text("ö", "O", "a\x7f\xc2\x9b\xe2\x80\xae\\\"ö");
  BOOST_TEST(outside.to_json() == R"({"ö":"a\u007F\u009B\u202E\\\"ö"})");
}

BOOST_AUTO_TEST_CASE(columns_are_aligned) {
  written w;
  w.to.add(two("a", 1));
  w.to.add(two("longer ö", 1000000));
  BOOST_TEST(w.out == "");
  w.to.flush();
  BOOST_TEST(w.out == "NAME       NUMBER\n"
                      "a               1\n"
                      "longer ö  1000000\n");
  w.out.clear();
  w.to.add(two("", 2)); // later ones go on with the columns
  w.to.flush();
  BOOST_TEST(w.out == "-               2\n");
}

BOOST_AUTO_TEST_CASE(no_more_rows_are_kept_than_that) {
  written w;
  for (std::size_t i = 0; i < table::rows_at_once; ++i) {
    BOOST_TEST(w.out == "");
    w.to.add(two("x", 1));
  }
  BOOST_TEST(!w.out.empty());
  w.out.clear();
  w.to.add(two("much longer", 1));
  w.to.flush();
  BOOST_TEST(w.out == "much longer       1\n");
}

BOOST_AUTO_TEST_CASE(what_is_said_stands_behind_the_rows) {
  written w;
  w.to.add(two("a", 1));
  w.to.say("that \x1b was it");
  BOOST_TEST(w.out == "NAME  NUMBER\na          1\nthat \\x1B was it\n");
  w.to.note("by the way");
  BOOST_TEST(w.told == "by the way");
}

BOOST_AUTO_TEST_CASE(programs_get_each_row_at_once_and_nothing_else) {
  report_style style;
  style.json = true;
  style.colours = true;
  written w(style);
  w.to.add(two("a", 1).bad());
  w.to.say("for people");
  BOOST_TEST(w.out == "{\"name\":\"a\",\"number\":1}\n");
  BOOST_TEST(w.to.rows() == 1u);
}

BOOST_AUTO_TEST_CASE(colours_where_they_are_wanted) {
  report_style style;
  style.colours = true;
  written w(style);
  w.to.add(two("a", 1));
  w.to.add(two("b", 2).bad());
  w.to.flush();
  BOOST_TEST(w.out == "\x1b[1mNAME  NUMBER\x1b[0m\na          1\n\x1b[31mb          2\x1b[0m\n");
}

BOOST_AUTO_TEST_CASE(a_column_of_numbers_that_begins_without_one) {
  written w;
  row first;
  first.text("name", "NAME", "none").nothing("NUMBER");
  w.to.add(first);
  w.to.add(two("one", 1));
  w.to.flush();
  BOOST_TEST(w.out == "NAME  NUMBER\nnone       -\none        1\n");
}

BOOST_AUTO_TEST_SUITE_END()
