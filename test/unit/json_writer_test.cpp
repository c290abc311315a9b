// Writing events and snapshots as text: form, escapes, numbers, depth, and what is refused.
#include "json_writer.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(json_writer)

namespace {

using namespace std::string_view_literals;

aether::event sample() {
  aether::event e;
  e.id = "e-1";
  e.event_type = "OrderPlaced";
  e.actor_id = "order-42";
  e.version = 7;
  e.timestamp = aether::time_point(std::chrono::nanoseconds(1'769'860'800'250'000'000));
  return e;
}

aether::event with_value(boost::json::value v) {
  aether::event e = sample();
  e.data["v"] = std::move(v);
  return e;
}

/// What stands for `v` in the text.
std::string written(boost::json::value v) {
  std::string const text = aether::to_json(with_value(std::move(v)));
  auto const start = text.find(R"("v":)") + 4;
  return text.substr(start, text.find("},\"timestamp\"") - start);
}

boost::json::value read_back(boost::json::value v) {
  return aether::event_from_json(aether::to_json(with_value(std::move(v)))).data.at("v");
}

boost::json::object nested(int levels) {
  boost::json::object object;
  if (levels == 2)
    object["x"] = boost::json::array();
  if (levels > 2)
    object["x"] = boost::json::array{nested(levels - 2)};
  return object;
}

} // namespace

BOOST_AUTO_TEST_CASE(fields_stand_in_their_order_and_empty_options_are_left_out) {
  aether::event e = sample();
  BOOST_TEST(aether::to_json(e) == R"({"id":"e-1","eventType":"OrderPlaced","actorId":"order-42","version":7,)"
                                   R"("data":{},"timestamp":"2026-01-31T12:00:00.25Z"})");
  e.command_id = "c-1";
  e.data = {{"amount", 30}, {"tags", {"a", nullptr, true, false}}};
  e.metadata.user_id("u").correlation_id("c");
  BOOST_TEST(aether::to_json(e) ==
             R"({"id":"e-1","eventType":"OrderPlaced","actorId":"order-42","commandId":"c-1","version":7,)"
             R"("data":{"amount":30,"tags":["a",null,true,false]},"metadata":{"correlationId":"c","userId":"u"},)"
             R"("timestamp":"2026-01-31T12:00:00.25Z"})");
  aether::actor_snapshot s;
  s.actor_id = "order-42";
  s.version = std::numeric_limits<std::int64_t>::max();
  s.state["total"] = 30;
  BOOST_TEST(aether::to_json(s) == R"({"actorId":"order-42","version":9223372036854775807,"state":{"total":30},)"
                                   R"("timestamp":"1970-01-01T00:00:00Z"})");
}

BOOST_AUTO_TEST_CASE(append_adds_to_what_is_there) {
  std::string text = "[";
  aether::append_json(text, sample());
  text += ',';
  aether::append_json(text, aether::actor_snapshot());
  text += ']';
  BOOST_TEST(boost::json::parse(text).as_array().size() == 2u);
  BOOST_TEST(text.find(aether::to_json(sample())) == 1u);
}

BOOST_AUTO_TEST_CASE(strings_are_escaped_and_read_back_by_others_and_by_us) {
  std::vector<std::string> nasty = {"",
                                    "plain",
                                    "\"\\/",
                                    "\b\f\n\r\t",
                                    "\x7f",
                                    "é€😀",
                                    "\u2028",
                                    "</script>",
                                    " .*>%",
                                    "\r\nPUB x 0\r\n",
                                    "\xEF\xBF\xBF",
                                    "a\\u0041",
                                    std::string(1, '\0'),
                                    std::string(3000, '"'),
                                    std::string(3000, 'x')};
  std::string controls;
  for (char c = 0; c < 0x20; ++c)
    controls += c;
  nasty.push_back(controls);
  for (std::size_t before = 0; before < 20; ++before)
    for (std::string_view const piece : {"\""sv, "\\"sv, "\x1f"sv, " "sv, "é"sv, "😀"sv, "\x7f"sv})
      nasty.push_back(std::string(before, 'a') + std::string(piece) + std::string(20 - before, 'b'));
  for (std::string const& text : nasty) {
    aether::event e = with_value(boost::json::string(text));
    e.data[text] = 1;
    e.metadata.set(text, text);
    if (!text.empty() && text.size() <= 255 && text.find('\0') == std::string::npos)
      e.id = e.event_type = e.actor_id = e.command_id = text;
    std::string const json = aether::to_json(e);
    BOOST_TEST((aether::event_from_json(json) == e), json);
    boost::json::value const dom = boost::json::parse(json);
    BOOST_TEST(dom.at("data").at("v").as_string() == text);
    BOOST_TEST(dom.at("metadata").at(text).as_string() == text);
    BOOST_TEST(json.find('\n') == std::string::npos);
  }
  BOOST_TEST(written("\b\f\n\r\t\x01\x1f\"\\/é") == R"("\b\f\n\r\t\u0001\u001f\"\\/é")");
}

BOOST_AUTO_TEST_CASE(integers_stay_integers_and_doubles_stay_doubles) {
  using int_limits = std::numeric_limits<std::int64_t>;
  for (std::int64_t const i :
       {int_limits::min(), std::int64_t(-1), std::int64_t(0), std::int64_t(1), int_limits::max()}) {
    BOOST_TEST(written(i) == std::to_string(i));
    BOOST_TEST(read_back(i).as_int64() == i);
  }
  BOOST_TEST(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  BOOST_TEST(read_back(std::numeric_limits<std::uint64_t>::max()).as_uint64() ==
             std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(written(1.0) == "1.0");
  BOOST_TEST(written(-0.0) == "-0.0");
  BOOST_TEST(written(19.99) == "19.99");
  BOOST_TEST(written(1e300) == "1e+300");
  BOOST_TEST(std::signbit(read_back(-0.0).as_double()));
}

BOOST_AUTO_TEST_CASE(every_double_reads_back_as_itself) {
  using limits = std::numeric_limits<double>;
  std::vector<double> doubles = {0.0,
                                 0.1,
                                 1.0 / 3,
                                 100000.0,
                                 1e15,
                                 1e16,
                                 1e17,
                                 1e21,
                                 1e22,
                                 1e23,
                                 123456789012345680.0,
                                 limits::min(),
                                 limits::max(),
                                 limits::lowest(),
                                 limits::denorm_min(),
                                 limits::epsilon()};
  std::mt19937_64 random(20260131); // NOLINT: the same doubles in every run
  while (doubles.size() < 20'000)
    if (auto const d = std::bit_cast<double>(random()); std::isfinite(d))
      doubles.push_back(d);
  for (double const d : doubles) {
    boost::json::value const back = read_back(d);
    BOOST_TEST_REQUIRE(back.is_double(), written(d));
    BOOST_TEST_REQUIRE(std::bit_cast<std::uint64_t>(back.get_double()) == std::bit_cast<std::uint64_t>(d), written(d));
  }
}

BOOST_AUTO_TEST_CASE(what_json_cannot_hold_is_refused_and_nothing_is_written) {
  struct row {
    aether::event e;
    aether::errc code;
    std::string_view text;
  };
  std::vector<row> rows;
  auto const refused = [&](aether::errc code, std::string_view text, auto change) {
    row& r = rows.emplace_back(row{with_value(boost::json::string(5000, 'x')), code, text});
    change(r.e);
  };
  using limits = std::numeric_limits<double>;
  for (double const d : {limits::quiet_NaN(), limits::infinity(), -limits::infinity()})
    refused(aether::errc::invalid_argument, "field \"data\": JSON has no NaN",
            [d](aether::event& e) { e.data["z"] = {1, {{"deep", d}}}; });
  refused(aether::errc::invalid_argument, "field \"data\": a string is not valid UTF-8",
          [](aether::event& e) { e.data["z"] = "\xFF"; });
  refused(aether::errc::invalid_argument, "field \"data\": a string is not valid UTF-8",
          [](aether::event& e) { e.data["\xED\xA0\x80"] = 1; });
  refused(aether::errc::invalid_argument, "field \"metadata\": a string is not valid UTF-8",
          [](aether::event& e) { e.metadata.set("k", "\xC3"); });
  refused(aether::errc::invalid_argument, "field \"id\": a string is not valid UTF-8",
          [](aether::event& e) { e.id = "\x80"; });
  refused(aether::errc::data_too_deep, "field \"data\": nested deeper than 32 levels",
          [](aether::event& e) { e.data = nested(33); });
  for (auto const& [e, code, text] : rows) {
    auto const is_it = [&](aether::error const& error) {
      return error.code() == code && std::string_view(error.what()).find(text) == 0;
    };
    std::string out = "before";
    BOOST_CHECK_EXCEPTION(aether::append_json(out, e), aether::error, is_it);
    BOOST_TEST(out == "before");
    BOOST_CHECK_EXCEPTION(aether::detail::json_size(e), aether::error, is_it);
  }
}

BOOST_AUTO_TEST_CASE(depth_counts_levels_up_to_the_limit) {
  for (int levels = 1; levels <= 40; ++levels) {
    boost::json::object const object = nested(levels);
    BOOST_TEST(aether::json_depth(object, 100) == levels);
    BOOST_TEST(aether::json_depth(object, aether::max_json_depth) == std::min(levels, 33));
    BOOST_TEST(aether::json_depth(object, 1) == std::min(levels, 2));
    BOOST_TEST(aether::json_depth(object, 0) == 1);
  }
  boost::json::object wide{{"a", 1}, {"b", {1, 2}}, {"c", "x"}, {"d", {{"e", {1}}}}, {"f", boost::json::object()}};
  BOOST_TEST(aether::json_depth(wide, 32) == 3);
  aether::event e = sample();
  e.data = nested(32);
  BOOST_TEST((aether::event_from_json(aether::to_json(e)) == e));
  aether::actor_snapshot s = aether::make_snapshot("a-1", 1, nested(32));
  BOOST_TEST((aether::snapshot_from_json(aether::to_json(s)) == s));
  s.state = nested(33);
  BOOST_CHECK_THROW(aether::to_json(s), aether::error);
}

BOOST_AUTO_TEST_CASE(the_size_is_that_of_the_text) {
  aether::event e = sample();
  BOOST_TEST(aether::detail::json_size(e) == aether::to_json(e).size());
  e.command_id = "c";
  e.metadata.set("k\n", "é\x01");
  e.data = {{"a", {1, -2, 3.5, 1e300, 1.0, "x\"y", nullptr, true, false}}, {"b", boost::json::object()}, {"c", 1u}};
  BOOST_TEST(aether::detail::json_size(e) == aether::to_json(e).size());
  e.data["long"] = std::string(10'000, '\t');
  BOOST_TEST(aether::detail::json_size(e) == aether::to_json(e).size());
  aether::actor_snapshot const s = aether::make_snapshot("a-1", 1, e.data);
  BOOST_TEST(aether::detail::json_size(s) == aether::to_json(s).size());
}

BOOST_AUTO_TEST_CASE(text_of_any_length_around_the_buffer_is_whole) {
  for (std::size_t length = 800; length < 1300; ++length) {
    aether::event const e = with_value(boost::json::string(length, 'x'));
    BOOST_TEST_REQUIRE((aether::event_from_json(aether::to_json(e)) == e));
  }
}

BOOST_AUTO_TEST_SUITE_END()
