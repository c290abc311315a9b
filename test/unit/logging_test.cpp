// The way to a logger: levels, texts from outside, numbers, and what it costs when nobody wants to know.
#include "detail/log.hpp"

#include <aether/logging.hpp>
#include <support/recording_logger.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <vector>

#ifndef AETHER_TEST_SANITIZED // which has its own
namespace {
constinit thread_local std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size))
    return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

BOOST_AUTO_TEST_SUITE(logging)

using namespace aether;
using namespace aether::test;
using namespace std::string_view_literals;
using aether::detail::log_at;

namespace {

std::string line_of(std::initializer_list<log_field> fields) {
  recording_logger to;
  to.log(log_level::info, "m", fields);
  return to.text();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_level_lets_pass_what_is_not_below_it) {
  std::vector<log_level> const levels{log_level::trace,   log_level::debug, log_level::info,
                                      log_level::warning, log_level::error, log_level::off};
  for (auto const least : levels)
    for (auto const level : levels) {
      recording_logger to(least);
      to.log(level, "m");
      bool const passes = level >= least && level != log_level::off;
      BOOST_TEST_CONTEXT(to_string(level) << " of " << to_string(least)) {
        BOOST_TEST(to.takes(level) == passes);
        BOOST_TEST(to.count("m") == (passes ? 1u : 0u));
      }
    }
}

BOOST_AUTO_TEST_CASE(the_level_may_be_changed) {
  recording_logger to(log_level::error);
  to.log(log_level::debug, "before");
  to.set_least(log_level::debug);
  to.log(log_level::debug, "behind");
  to.set_least(log_level::off);
  to.log(log_level::error, "never");
  BOOST_TEST(to.text() == "debug behind\n");
  BOOST_TEST((to.least() == log_level::off));
}

BOOST_AUTO_TEST_CASE(info_is_the_least_unless_it_is_said) {
  struct silent final : logger {
    void write(log_level, std::string_view, std::span<log_field const>) noexcept override {}
  } const to;
  BOOST_TEST((to.least() == log_level::info));
}

BOOST_AUTO_TEST_CASE(levels_have_names) {
  BOOST_TEST(to_string(log_level::trace) == "trace");
  BOOST_TEST(to_string(log_level::debug) == "debug");
  BOOST_TEST(to_string(log_level::info) == "info");
  BOOST_TEST(to_string(log_level::warning) == "warning");
  BOOST_TEST(to_string(log_level::error) == "error");
  BOOST_TEST(to_string(log_level::off) == "off");
}

BOOST_AUTO_TEST_CASE(texts_cannot_forge_a_record) {
  struct row {
    std::string_view text, written;
  };
  std::vector<row> const rows{
      {"order-42", "order-42"},
      {"", ""},
      {"gr\xC3\xB6\xC3\x9F"
       "e \xE2\x82\xAC \xF0\x9F\x98\x80",
       "gr\xC3\xB6\xC3\x9F"
       "e \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"a\nerror the store is gone", "a\\x0Aerror the store is gone"},
      {"a\r\nb", "a\\x0D\\x0Ab"},
      {"\x1b[2J", "\\x1B[2J"},
      {"a\0b"sv, "a\\x00b"},
      {"\x7f", "\\x7F"},
      {"say \"hi\" level=error", "say \\\"hi\\\" level=error"},
      {"back\\slash", "back\\\\slash"},
      {"\xff\xfe", "\\xFF\\xFE"},
      {"cut \xE2\x82", "cut \\xE2\\x82"},
      {"\xC0\xAF", "\\xC0\\xAF"},                       // overlong
      {"\xED\xA0\x80", "\\xED\\xA0\\x80"},              // a surrogate
      {"\xC2\x9B"
       "2J",
       "\\xC2\\x9B2J"},                // a terminal takes it for ESC [
      {"a\xE2\x80\xA8"
       "b",
       "a\\xE2\\x80\\xA8b"},       // line separator
      {"a\xE2\x80\xAE"
       "b",
       "a\\xE2\\x80\\xAEb"},       // right to left from here
  };
  for (auto const& r : rows)
    BOOST_TEST(line_of({{"text", r.text}}) == "info m text=\"" + std::string(r.written) + "\"\n");
}

BOOST_AUTO_TEST_CASE(each_kind_of_value_is_written_as_what_it_is) {
  auto const line = line_of({{"yes", true},
                             {"no", false},
                             {"int", -7},
                             {"least", std::numeric_limits<std::int64_t>::min()},
                             {"most", std::numeric_limits<std::uint64_t>::max()},
                             {"half", 0.5},
                             {"literal", "text"},
                             {"string", std::string("text")},
                             {"view", "text"sv}});
  BOOST_TEST(line == "info m yes=true no=false int=-7 least=-9223372036854775808 most=18446744073709551615 half=0.5 "
                     "literal=\"text\" string=\"text\" view=\"text\"\n");
  BOOST_TEST(to_line("alone", {}) == "alone");
}

BOOST_AUTO_TEST_CASE(beyond_sixteen_fields_they_are_left_out) {
  recording_logger to;
  to.log(log_level::info, "m",
         {{"f", 1},
          {"f", 2},
          {"f", 3},
          {"f", 4},
          {"f", 5},
          {"f", 6},
          {"f", 7},
          {"f", 8},
          {"f", 9},
          {"f", 10},
          {"f", 11},
          {"f", 12},
          {"f", 13},
          {"f", 14},
          {"f", 15},
          {"f", 16},
          {"f", 17},
          {"f", 18}});
  auto const all = to.records();
  BOOST_TEST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all.front().fields.size() == 16u);
  BOOST_TEST(all.front().fields.back().second == "16");
}

BOOST_AUTO_TEST_CASE(many_texts_that_are_escaped_stay_apart) {
  auto const line = line_of({{"a", "\n1"}, {"b", "\n2"}, {"c", "plain"}, {"d", "\n3"}});
  BOOST_TEST(line == "info m a=\"\\x0A1\" b=\"\\x0A2\" c=\"plain\" d=\"\\x0A3\"\n");
}

BOOST_AUTO_TEST_CASE(values_are_made_only_for_a_logger_that_takes_them) {
  int made = 0;
  auto value = [&made] {
    ++made;
    return std::string("value");
  };
  auto tell = [&](std::shared_ptr<logger> const& to) {
    if (log_at const log{to, log_level::debug})
      log("m", {{"value", value()}});
  };
  tell(nullptr);
  auto const to = std::make_shared<recording_logger>(log_level::info);
  tell(to);
  BOOST_TEST(made == 0);
  to->set_least(log_level::trace);
  tell(to);
  BOOST_TEST(made == 1);
  BOOST_TEST(to->text() == "debug m value=\"value\"\n");
}

#ifndef AETHER_TEST_SANITIZED
BOOST_AUTO_TEST_CASE(what_is_below_the_level_costs_no_allocation) {
  auto const to = std::make_shared<recording_logger>(log_level::warning);
  std::string const long_text(1000, '\n');
  auto tell = [&](log_level level) {
    auto const before = allocations;
    to->log(level, "m", {{"text", long_text}, {"number", 1}});
    if (log_at const log{to, level})
      log("m", {{"text", long_text + "!"}});
    return allocations - before;
  };
  BOOST_TEST(tell(log_level::info) == 0u);
  BOOST_TEST(to->text().empty());
  BOOST_TEST(tell(log_level::warning) > 0u); // they are counted
}
#endif

BOOST_AUTO_TEST_SUITE_END()
