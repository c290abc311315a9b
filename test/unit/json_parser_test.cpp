// Reading events and snapshots from text: what is accepted, and each malformed form with its reason.
#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(json_parser)

namespace {

using namespace std::string_literals;

std::string const whole = R"({"id":"e-1","eventType":"OrderPlaced","actorId":"order-42","commandId":"c-1","version":7,)"
                          R"("data":{"amount":30},"metadata":{"userId":"u"},"timestamp":"2026-01-31T12:00:00.25Z"})";

aether::event expected() {
  aether::event e;
  e.id = "e-1";
  e.event_type = "OrderPlaced";
  e.actor_id = "order-42";
  e.command_id = "c-1";
  e.version = 7;
  e.data["amount"] = 30;
  e.metadata.user_id("u");
  e.timestamp = aether::time_point(std::chrono::nanoseconds(1'769'860'800'250'000'000));
  return e;
}

/// `whole` with one piece of it replaced.
std::string with(std::string_view old, std::string_view replacement) {
  std::string text = whole;
  auto const at = text.find(old);
  BOOST_TEST_REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), replacement);
}

std::string with_data(std::string_view data) { return with(R"({"amount":30})", data); }

aether::event parsed(std::string_view text) {
  aether::event e;
  aether::parse_error error;
  BOOST_TEST(aether::parse_event(text, e, error), text << "\n" << error.reason);
  return e;
}

std::string reason_of(std::string_view text) {
  aether::event e;
  aether::parse_error error;
  if (aether::parse_event(text, e, error))
    return "accepted";
  BOOST_TEST((error.code == aether::errc::malformed_event));
  return error.reason;
}

std::string nested(int levels) { // objects and arrays by turns, the outermost an object
  std::string text = "{}";
  for (int level = 1; level < levels; ++level)
    text = (levels - level) % 2 == 1 ? R"({"x":)" + text + "}" : "[" + text + "]";
  return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_whole_event_is_read) { BOOST_TEST((parsed(whole) == expected())); }

BOOST_AUTO_TEST_CASE(fields_may_stand_in_any_order_with_any_white_space) {
  BOOST_TEST((parsed(" \n\r\t{ \"timestamp\" :\t\"2026-01-31T12:00:00.25Z\"\n,\"metadata\": { \"userId\" : \"u\" } ,"
                     "\"data\":{\r\"amount\" :30 } , \"version\" : 7 , \"commandId\":\"c-1\",\"actorId\":\"order-42\","
                     "\"eventType\":\"OrderPlaced\",\"id\":\"e-1\" } \n") == expected()));
}

BOOST_AUTO_TEST_CASE(escapes_count_in_names_and_values) {
  BOOST_TEST((parsed(with(R"("version")", R"("v\u0065rs\u0069on")")) == expected()));
  BOOST_TEST(parsed(with(R"("e-1")", R"("\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\uDE00é€😀")")).id ==
             "\"\\/\b\f\n\r\té€😀é€😀");
  auto const e =
      parsed(with(R"({"userId":"u"})", R"({"\u0075serId":"\u0041\n","k\"":"long enough for the heap \u0042"})"));
  BOOST_TEST((e.metadata == aether::metadata{{"userId", "A\n"}, {"k\"", "long enough for the heap B"}}));
  BOOST_TEST(parsed(with_data(R"({"a\tb":"\u0000"})")).data.at("a\tb").as_string() == std::string_view("\0", 1));
}

BOOST_AUTO_TEST_CASE(unknown_fields_are_ignored_whatever_they_hold) {
  for (std::string_view const value :
       {"null", "true", "false", "0", "-1.5e-3", "123456789012345678901234567890", "1e999999",
        "\"text \\ud83d\\ude00\"", "[]", "{}", R"([1,[2,{"id":"x","version":"y"}],null])", R"({"":{"data":[]}})"})
    BOOST_TEST((parsed(with(R"("id")", R"("extra":)"s.append(value) + R"(,"id")")) == expected()), value);
  BOOST_TEST((parsed(with(R"("id")", R"("extra":)" + nested(32) + R"(,"id")")) == expected()));
  BOOST_TEST((parsed(with(R"("id")", R"("Id":5,"ID":6,"":7,"id ":8,"id")")) == expected()));
}

BOOST_AUTO_TEST_CASE(of_a_field_that_occurs_twice_the_last_counts) {
  auto const end = [](std::string_view more) { return with("25Z\"}", "25Z\","s.append(more) + "}"); };
  BOOST_TEST(parsed(end(R"("version":8)")).version == 8);
  BOOST_TEST(parsed(end(R"("id":"e-2")")).id == "e-2");
  BOOST_TEST(parsed(end(R"("commandId":null)")).command_id.empty());
  BOOST_TEST(parsed(end(R"("data":{"b":1})")).data == (boost::json::object{{"b", 1}}));
  BOOST_TEST(parsed(end(R"("data":null)")).data.empty());
  BOOST_TEST((parsed(end(R"("metadata":{"k":"v"})")).metadata == aether::metadata{{"k", "v"}}));
  BOOST_TEST(parsed(end(R"("metadata":null)")).metadata.empty());
  BOOST_TEST(reason_of(end(R"("version":"8")")) == R"(field "version": expected an integer, got a string)");
  BOOST_TEST(reason_of(end(R"("data":[])")) == R"(field "data": expected an object, got an array)");
  // A fault that a later occurrence mends is none.
  BOOST_TEST((parsed(with(R"("version":7)", R"("version":"x","version":7)")) == expected()));
  BOOST_TEST((parsed(with(R"("metadata":)", R"("metadata":{"a":1},"metadata":)")) == expected()));
  BOOST_TEST(parsed(with_data(R"({"a":1,"b":2,"a":3})")).data == (boost::json::object{{"a", 3}, {"b", 2}}));
  BOOST_TEST((parsed(with(R"({"userId":"u"})", R"({"userId":"x","userId":"u"})")) == expected()));
  BOOST_TEST((parsed(with(R"({"userId":"u"})", R"({"userI\u0064":{"\u0061":1},"userId":"u"})")) == expected()));
  BOOST_TEST(reason_of(with(R"({"userId":"u"})", R"({"userId":"u","userId":5})")) ==
             R"(field "metadata": expected an object of strings, but an entry is an integer)");
}

BOOST_AUTO_TEST_CASE(what_is_optional_may_be_null_or_absent) {
  BOOST_TEST(parsed(with(R"("commandId":"c-1",)", "")).command_id.empty());
  BOOST_TEST(parsed(with(R"("c-1")", "null")).command_id.empty());
  BOOST_TEST(parsed(with(R"("c-1")", "\"\"")).command_id.empty());
  BOOST_TEST(parsed(with(R"("metadata":{"userId":"u"},)", "")).metadata.empty());
  BOOST_TEST(parsed(with(R"({"userId":"u"})", "null")).metadata.empty());
  BOOST_TEST(parsed(with(R"({"userId":"u"})", "{}")).metadata.empty());
  BOOST_TEST(parsed(with_data("null")).data.empty());
}

BOOST_AUTO_TEST_CASE(an_event_that_is_used_again_keeps_nothing_of_the_last_one) {
  aether::event e = parsed(whole);
  aether::parse_error error;
  BOOST_TEST(aether::parse_event(R"({"id":"x","eventType":"T","actorId":"a","version":1,"data":{},)"
                                 R"("timestamp":"1970-01-01T00:00:00Z"})",
                                 e, error));
  aether::event other;
  other.id = "x";
  other.event_type = "T";
  other.actor_id = "a";
  other.version = 1;
  BOOST_TEST((e == other));
}

BOOST_AUTO_TEST_CASE(an_event_of_the_go_library_is_read) {
  auto const e = parsed(R"({"id":"1","eventType":"T","actorId":"a-1","version":1,"data":null,)"
                        R"("timestamp":"0001-01-01T00:00:00Z"})");
  BOOST_TEST(e.data.empty());
  BOOST_TEST((e.timestamp == aether::time_point::min()));
  BOOST_TEST((parsed(with("12:00:00.25Z", "13:00:00.25+01:00")) == expected()));
}

BOOST_AUTO_TEST_CASE(versions_reach_from_1_to_2_to_the_63_less_1) {
  BOOST_TEST(parsed(with(":7,", ":1,")).version == 1);
  BOOST_TEST(parsed(with(":7,", ":9223372036854775807,")).version == std::numeric_limits<std::int64_t>::max());
  for (std::string_view const version : {"0", "-0", "-1", "-9223372036854775808", "-9223372036854775809",
                                         "9223372036854775808", "18446744073709551615", "18446744073709551616"})
    BOOST_TEST(reason_of(with(":7,", ":"s.append(version) + ",")) ==
                   R"(field "version": expected an integer from 1 to 9223372036854775807)",
               version);
}

BOOST_AUTO_TEST_CASE(numbers_in_data_keep_kind_and_value) {
  auto const value = [](std::string_view number) {
    return parsed(with_data("{\"n\":"s.append(number) + "}")).data["n"];
  };
  BOOST_TEST(value("0").as_int64() == 0);
  BOOST_TEST(value("-0").as_int64() == 0);
  BOOST_TEST(value("9223372036854775807").as_int64() == std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(value("-9223372036854775808").as_int64() == std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(value("9223372036854775808").as_uint64() == 9223372036854775808u);
  BOOST_TEST(value("18446744073709551615").as_uint64() == std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(value("18446744073709551616").as_double() == 18446744073709551616.0);
  BOOST_TEST(value("-9223372036854775809").as_double() == -9223372036854775809.0);
  BOOST_TEST(value("1.0").as_double() == 1.0);
  BOOST_TEST(value("1e2").as_double() == 100.0);
  BOOST_TEST(value("1E+2").as_double() == 100.0);
  BOOST_TEST(value("0.1").as_double() == 0.1);
  BOOST_TEST(value("2.2250738585072014e-308").as_double() == std::numeric_limits<double>::min());
  BOOST_TEST(value("5e-324").as_double() == std::numeric_limits<double>::denorm_min());
  BOOST_TEST(value("1.7976931348623157e308").as_double() == std::numeric_limits<double>::max());
  BOOST_TEST(value("9007199254740993.0").as_double() == 9007199254740992.0);
  for (std::string_view const tiny : {"1e-400", "-1e-999999999999999999999", "0.0e999999999999999999999", "0e400"})
    BOOST_TEST(value(tiny).as_double() == 0.0, tiny);
  BOOST_TEST(value("0." + std::string(400, '0') + "1e401").as_double() == 1.0);
  BOOST_TEST(value("1" + std::string(400, '0') + "e-400").as_double() == 1.0);
  for (std::string const& huge : {"1e309"s, "-1e400"s, "1e999999999999999999999"s, "1"s + std::string(400, '0')})
    BOOST_TEST(reason_of(with_data("{\"n\":[" + huge + "]}")) ==
                   R"(field "data": a number is beyond the range of a double)",
               huge);
}

BOOST_AUTO_TEST_CASE(level_32_passes_and_33_is_refused) {
  for (char const* const place : {R"({"amount":30})", R"({"userId":"u"})"}) {
    std::string const reason = reason_of(with(place, nested(33)));
    BOOST_TEST(reason.find("nested deeper than 32 levels") != std::string::npos, reason);
  }
  auto const e = parsed(with_data(nested(32)));
  BOOST_TEST(aether::json_depth(e.data, 100) == 32);
  BOOST_TEST(reason_of(with(R"("id")", R"("extra":)" + nested(33) + R"(,"id")")) != "accepted");
  // A bomb costs neither stack nor time.
  BOOST_TEST(reason_of(with_data(std::string(1'000'000, '['))) != "accepted");
  BOOST_TEST(reason_of(std::string(1'000'000, '[')) != "accepted");
}

BOOST_AUTO_TEST_CASE(each_missing_field_is_named) {
  std::vector<std::pair<std::string_view, std::string_view>> const table = {
      {R"("id":"e-1",)", "id"},
      {R"("eventType":"OrderPlaced",)", "eventType"},
      {R"("actorId":"order-42",)", "actorId"},
      {R"("version":7,)", "version"},
      {R"("data":{"amount":30},)", "data"},
      {R"(,"timestamp":"2026-01-31T12:00:00.25Z")", "timestamp"},
  };
  for (auto const& [piece, field] : table)
    BOOST_TEST(reason_of(with(piece, "")) == "field \""s.append(field) + "\": missing");
  BOOST_TEST(reason_of("{}") == R"(field "id": missing)");
}

BOOST_AUTO_TEST_CASE(each_mistyped_field_is_named_with_what_it_holds) {
  struct row {
    std::string_view field, text, expected;
  };
  std::vector<row> const fields = {
      {"id", R"("e-1")", "a string"},
      {"eventType", R"("OrderPlaced")", "a string"},
      {"actorId", R"("order-42")", "a string"},
      {"commandId", R"("c-1")", "a string"},
      {"version", "7", "an integer"},
      {"data", R"({"amount":30})", "an object"},
      {"metadata", R"({"userId":"u"})", "an object of strings"},
      {"timestamp", R"("2026-01-31T12:00:00.25Z")", "a time as a string"},
  };
  std::vector<std::pair<std::string_view, std::string_view>> const values = {
      {"null", "null"},
      {"true", "a boolean"},
      {"-12", "an integer"},
      {"1.0", "a number with a fraction or an exponent"},
      {"1e400", "a number with a fraction or an exponent"},
      {R"("text")", "a string"},
      {R"([{"a":1}])", "an array"},
      {R"({"a":"b"})", "an object"},
  };
  for (auto const& [field, text, wanted] : fields)
    for (auto const& [value, name] : values) {
      bool const fits = wanted.starts_with(name);
      bool const null_is_fine = name == "null" && (field == "data" || field == "metadata" || field == "commandId");
      if (fits || null_is_fine || (field == "timestamp" && name == "a string"))
        continue;
      std::string const piece = "\""s.append(field) + "\":";
      BOOST_TEST(reason_of(with(piece + std::string(text), piece + std::string(value))) ==
                 "field \""s.append(field) + "\": expected " + std::string(wanted) + ", got " + std::string(name));
    }
  BOOST_TEST(reason_of(with(R"("userId":"u")", R"("a":"b","c":5,"d":[])")) ==
             R"(field "metadata": expected an object of strings, but an entry is an integer)");
  BOOST_TEST(reason_of(with(R"("userId":"u")", R"("a":null)")) ==
             R"(field "metadata": expected an object of strings, but an entry is null)");
}

BOOST_AUTO_TEST_CASE(ids_that_cannot_be_ids_are_refused) {
  for (auto const& [field, text] : std::vector<std::pair<std::string, std::string>>{
           {"id", "e-1"}, {"eventType", "OrderPlaced"}, {"actorId", "order-42"}, {"commandId", "c-1"}}) {
    std::string const old = "\"" + field + "\":\"" + text;
    auto const replaced = [&](std::string const& id) { return with(old, "\"" + field + "\":\"" + id); };
    BOOST_TEST(reason_of(replaced(std::string(255, 'x'))) == "accepted");
    BOOST_TEST(reason_of(replaced(std::string(256, 'x'))) ==
               "field \"" + field + "\": expected 1 to 255 bytes, got more");
    BOOST_TEST(reason_of(replaced("a\\u0000b")) == "field \"" + field + "\": must not hold NUL");
    if (field != "commandId")
      BOOST_TEST(reason_of(replaced("")) == "field \"" + field + "\": expected 1 to 255 bytes, got an empty string");
    BOOST_TEST(reason_of(replaced(" .*>%\\r\\n\\u0001")) == "accepted");
  }
}

BOOST_AUTO_TEST_CASE(times_that_are_none_are_refused) {
  for (std::string_view const text : {"", "now", "2026-02-30T12:00:00Z", "2026-01-31 12:00:00Z"})
    BOOST_TEST(reason_of(with("2026-01-31T12:00:00.25Z", text)) ==
               R"(field "timestamp": expected a time of RFC 3339 such as 2026-01-31T12:00:00Z)");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_json_is_refused_wherever_it_stands) {
  // Each of these alone, in data, in metadata, in an unknown field.
  for (std::string const& bad : {""s,
                                 "nul"s,
                                 "nulll"s,
                                 "True"s,
                                 "tru"s,
                                 "fals"s,
                                 "NaN"s,
                                 "Infinity"s,
                                 "-"s,
                                 "+1"s,
                                 "01"s,
                                 "-01"s,
                                 "1."s,
                                 ".5"s,
                                 "1.e1"s,
                                 "1e"s,
                                 "1e+"s,
                                 "0x10"s,
                                 "1 2"s,
                                 "--1"s,
                                 "'a'"s,
                                 "\"a"s,
                                 "\"\\\""s,
                                 "\"\\x41\""s,
                                 "\"\\u12\""s,
                                 "\"\\u12G4\""s,
                                 "\"\\u-123\""s,
                                 "\"\\ud800\""s,
                                 "\"\\ud800x\""s,
                                 "\"\\ud800\\n\""s,
                                 "\"\\ud800\\ud800\""s,
                                 "\"\\udc00\""s,
                                 "\"\\udc00\\ud800\""s,
                                 "\"\t\""s,
                                 "\"\n\""s,
                                 "\"\0\""s,
                                 "\"\x1f\""s,
                                 "\"\xff\""s,
                                 "\"\xc3\""s,
                                 "\"\xc0\x80\""s,
                                 "\"\xed\xa0\x80\""s,
                                 "\"\xf4\x90\x80\x80\""s,
                                 "[1,]"s,
                                 "[,1]"s,
                                 "[1"s,
                                 "[1}"s,
                                 "[1 2]"s,
                                 "["s,
                                 "{"s,
                                 "{]"s,
                                 "{\"a\"}"s,
                                 "{\"a\":}"s,
                                 "{\"a\":1,}"s,
                                 "{,}"s,
                                 "{a:1}"s,
                                 "{1:1}"s,
                                 "{\"a\" 1}"s,
                                 "{\"a\":1 \"b\":2}"s,
                                 "{\"a\":1"s,
                                 "{\"\xff\":1}"s,
                                 "/**/1"s,
                                 "1//"s,
                                 "\xEF\xBB\xBF{}"s,
                                 "\0"s,
                                 "undefined"s}) {
    BOOST_TEST_CONTEXT(bad) {
      for (std::string const& text :
           {bad, with_data(bad), with_data("{\"x\":" + bad + "}"), with_data("{\"x\":[1," + bad + "]}"),
            with(R"("u")", bad), with(R"({"userId":"u"})", bad), with(R"("c-1")", bad), with(":7", ":" + bad),
            with(R"("id")", "\"extra\":" + bad + ",\"id\"")}) {
        boost::system::error_code ec;
        boost::json::parse(text, ec);
        BOOST_TEST(ec.failed()); // what the tables call bad is bad for Boost.JSON too
        std::string const reason = reason_of(text);
        BOOST_TEST(reason.find("not valid JSON at byte ") == 0u, text << "\n" << reason);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_may_follow_and_nothing_may_be_cut_off) {
  for (std::string_view const more : {"x", "{}", ",", "}", "null", "\xEF\xBB\xBF", "//"})
    BOOST_TEST(reason_of(whole + std::string(more)).find("expected the end of the text") != std::string::npos);
  BOOST_TEST(reason_of(whole + std::string(1, '\0')) != "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::string const cut = whole.substr(0, length);
    BOOST_TEST(reason_of(cut) == "not valid JSON at byte " + std::to_string(length) + ": the text ends too early", cut);
  }
}

BOOST_AUTO_TEST_CASE(a_reason_names_the_byte) {
  BOOST_TEST(reason_of(R"({"id":"e-1" "x"})") == "not valid JSON at byte 12: expected a comma or a closing brace");
  BOOST_TEST(reason_of(R"({"id" 5})") == "not valid JSON at byte 6: expected a colon");
  BOOST_TEST(reason_of("{\"id\":\"\xff\"}") == "not valid JSON at byte 7: not valid UTF-8");
}

BOOST_AUTO_TEST_CASE(another_value_than_an_object_is_refused) {
  for (auto const& [text, name] :
       std::vector<std::pair<std::string_view, std::string>>{{"null", "null"},
                                                             {" true", "a boolean"},
                                                             {"1", "an integer"},
                                                             {"1.5 ", "a number with a fraction or an exponent"},
                                                             {"\"{}\"", "a string"},
                                                             {"[{}]", "an array"}})
    BOOST_TEST(reason_of(text) == "expected an object, got " + name);
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_read_by_the_same_rules) {
  auto const text = R"({"actorId":"order-42","version":7,"state":{"total":1.5},"timestamp":"2026-01-31T12:00:00Z"})"s;
  aether::actor_snapshot const s = aether::snapshot_from_json(text);
  BOOST_TEST(s.actor_id == "order-42");
  BOOST_TEST(s.version == 7);
  BOOST_TEST(s.state.at("total").as_double() == 1.5);
  BOOST_TEST(s.timestamp.time_since_epoch().count() == 1'769'860'800'000'000'000);
  struct row {
    std::string_view old, replacement, reason;
  };
  for (auto const& [old, replacement, reason] : std::vector<row>{
           {R"("actorId":"order-42",)", "", R"(field "actorId": missing)"},
           {R"("version":7,)", "", R"(field "version": missing)"},
           {R"("state":{"total":1.5},)", "", R"(field "state": missing)"},
           {R"({"total":1.5})", "[]", R"(field "state": expected an object, got an array)"},
           {"7", "0", R"(field "version": expected an integer from 1 to 9223372036854775807)"},
           {"2026", "26", R"(field "timestamp": expected a time of RFC 3339 such as 2026-01-31T12:00:00Z)"},
           {"}", "", "not valid JSON at byte 90: the text ends too early"}}) {
    std::string changed = text;
    changed.replace(old == "}" ? changed.rfind(old) : changed.find(old), old.size(), replacement);
    aether::actor_snapshot out;
    aether::parse_error error;
    BOOST_TEST(!aether::parse_snapshot(changed, out, error));
    BOOST_TEST((error.code == aether::errc::malformed_snapshot));
    BOOST_TEST(error.reason == reason);
  }
  std::string empty = text;
  empty.replace(empty.find("{\"total\":1.5}"), 13, "null");
  BOOST_TEST(aether::snapshot_from_json(empty).state.empty());
}

BOOST_AUTO_TEST_CASE(the_throwing_forms_carry_code_and_reason) {
  auto const says = [](std::string_view reason) {
    return [reason](aether::error const& e) { return std::string_view(e.what()).find(reason) == 0; };
  };
  BOOST_CHECK_EXCEPTION(aether::event_from_json("{}"), aether::error, says(R"(field "id": missing)"));
  BOOST_CHECK_EXCEPTION(aether::event_from_json("{}"), aether::error,
                        [](auto const& e) { return e.code() == aether::errc::malformed_event; });
  BOOST_CHECK_EXCEPTION(aether::snapshot_from_json("["), aether::error,
                        [](auto const& e) { return e.code() == aether::errc::malformed_snapshot; });
}

BOOST_AUTO_TEST_SUITE_END()
