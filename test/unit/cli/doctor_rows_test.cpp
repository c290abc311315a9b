// What the doctor found, for people and for programs.
#include "cli/doctor_rows.hpp"
#include "cli/report.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(cli_doctor_rows)

using namespace aether::cli;
using aether::nats::finding;
using aether::nats::severity;

BOOST_AUTO_TEST_CASE(lines_are_broken_at_blanks) {
  using lines = std::vector<std::string>;
  BOOST_TEST((wrapped("", 10) == lines{""}));
  BOOST_TEST((wrapped("one two three", 20) == lines{"one two three"}));
  BOOST_TEST((wrapped("one two three", 7) == lines{"one two", "three"}));
  BOOST_TEST((wrapped("one two three", 6) == lines{"one", "two", "three"}));
  BOOST_TEST((wrapped("a-very-long-word x", 4) == lines{"a-very-long-word", "x"}));
  BOOST_TEST((wrapped("\xC3\xA4\xC3\xA4 \xC3\xA4", 4) == lines{"\xC3\xA4\xC3\xA4 \xC3\xA4"}));
}

BOOST_AUTO_TEST_CASE(for_people_and_for_programs) {
  finding const f(severity::critical, "storage", "in \x1b[31mmemory", "copy it");
  auto const programs = doctor_rows(f, true);
  BOOST_TEST_REQUIRE(programs.size() == 1u);
  BOOST_TEST(programs.front().to_json() == "{\"kind\":\"finding\",\"level\":\"critical\",\"check\":\"storage\","
                                           "\"known\":true,\"found\":\"in \\u001b[31mmemory\",\"advice\":\"copy it\"}");
  BOOST_TEST(programs.front().is_bad());
  std::string text;
  auto const writer = [&](std::string_view more) { text += more; };
  report out({}, writer, writer);
  for (auto const& r : doctor_rows(f, false))
    out.add(r);
  out.say("the end");
  BOOST_TEST(text == "LEVEL     CHECK    FOUND, AND WHAT TO DO\n"
                     "critical  storage  in \\x1B[31mmemory\n"
                     "                     copy it\n"
                     "the end\n");
}

BOOST_AUTO_TEST_CASE(how_many_there_were) {
  doctor_counts c;
  BOOST_TEST(summary_text(c) == "nothing was found");
  c.count(severity::warning);
  c.count(severity::info);
  BOOST_TEST(summary_text(c) == "0 critical, 1 warning, 1 for information");
  c.count(severity::warning);
  c.count(severity::critical);
  BOOST_TEST(summary_text(c) == "1 critical, 2 warnings, 1 for information");
  BOOST_TEST(summary_row(c).to_json() == "{\"kind\":\"summary\",\"critical\":1,\"warnings\":2,\"infos\":1}");
}

BOOST_AUTO_TEST_SUITE_END()
