// Events and snapshots as Boost.JSON values, and back by the same rules as text.
#include <aether/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(json_value)

namespace {

aether::event sample() {
  aether::event e = aether::make_event("OrderPlaced", "order-42", 7, {{"amount", 30}, {"rate", 0.5}});
  e.command_id = "c-1";
  e.metadata.user_id("u").correlation_id("c");
  return e;
}

std::string reason_of(boost::json::value const& v) {
  try {
    boost::json::value_to<aether::event>(v);
    return "accepted";
  } catch (aether::error const& e) {
    BOOST_TEST((e.code() == aether::errc::malformed_event));
    std::string const what = e.what();
    return what.substr(0, what.rfind(": The text is no"));
  }
}

boost::json::object nested(int levels) {
  return levels == 1 ? boost::json::object() : boost::json::object{{"x", nested(levels - 1)}};
}

} // namespace

BOOST_AUTO_TEST_CASE(an_event_and_its_value_are_the_same) {
  aether::event const e = sample();
  boost::json::value const v = boost::json::value_from(e);
  BOOST_TEST(v == boost::json::parse(aether::to_json(e)));
  BOOST_TEST((boost::json::value_to<aether::event>(v) == e));
  aether::event const bare = aether::make_event("T", "a-1", 1);
  BOOST_TEST(boost::json::value_from(bare) == boost::json::parse(aether::to_json(bare)));
  BOOST_TEST((boost::json::value_to<aether::event>(boost::json::value_from(bare)) == bare));
}

BOOST_AUTO_TEST_CASE(a_snapshot_and_its_value_are_the_same) {
  aether::actor_snapshot const s = aether::make_snapshot("order-42", 7, {{"total", 30}});
  boost::json::value const v = boost::json::value_from(s);
  BOOST_TEST(v == boost::json::parse(aether::to_json(s)));
  BOOST_TEST((boost::json::value_to<aether::actor_snapshot>(v) == s));
  BOOST_CHECK_EXCEPTION(boost::json::value_to<aether::actor_snapshot>(boost::json::value(boost::json::object())),
                        aether::error, [](auto const& e) { return e.code() == aether::errc::malformed_snapshot; });
}

BOOST_AUTO_TEST_CASE(a_list_of_events_converts_as_a_whole) {
  std::vector<aether::event> const events = {sample(), sample()};
  BOOST_TEST((boost::json::value_to<std::vector<aether::event>>(boost::json::value_from(events)) == events));
}

BOOST_AUTO_TEST_CASE(the_faults_are_those_of_text) {
  boost::json::object const good = boost::json::value_from(sample()).as_object();
  auto const with = [&](std::string_view name, boost::json::value v) {
    boost::json::object changed = good;
    changed[name] = std::move(v);
    return reason_of(changed);
  };
  BOOST_TEST(reason_of(boost::json::value()) == "expected an object, got null");
  BOOST_TEST(reason_of(boost::json::array()) == "expected an object, got an array");
  for (std::string_view const name : {"id", "eventType", "actorId", "version", "data", "timestamp"}) {
    boost::json::object changed = good;
    changed.erase(name);
    BOOST_TEST(reason_of(changed) == "field \"" + std::string(name) + "\": missing");
  }
  BOOST_TEST(with("id", 5) == R"(field "id": expected a string, got an integer)");
  BOOST_TEST(with("id", "") == R"(field "id": expected 1 to 255 bytes, got an empty string)");
  BOOST_TEST(with("actorId", boost::json::string(256, 'x')) == R"(field "actorId": expected 1 to 255 bytes, got more)");
  BOOST_TEST(with("actorId", "\xFF") == R"(field "actorId": not valid UTF-8)");
  BOOST_TEST(with("version", 1.0) ==
             R"(field "version": expected an integer, got a number with a fraction or an exponent)");
  BOOST_TEST(with("version", 0) == R"(field "version": expected an integer from 1 to 9223372036854775807)");
  BOOST_TEST(with("version", std::numeric_limits<std::uint64_t>::max()) ==
             R"(field "version": expected an integer from 1 to 9223372036854775807)");
  BOOST_TEST(with("version", std::uint64_t(5)) == "accepted");
  BOOST_TEST(with("data", "x") == R"(field "data": expected an object, got a string)");
  BOOST_TEST(with("data", nullptr) == "accepted");
  BOOST_TEST(with("data", nested(32)) == "accepted");
  BOOST_TEST(with("data", nested(33)) == R"(field "data": nested deeper than 32 levels)");
  BOOST_TEST(with("data", {{"x", {1, std::numeric_limits<double>::infinity()}}}) ==
             R"(field "data": a number is beyond the range of a double)");
  BOOST_TEST(with("commandId", nullptr) == "accepted");
  BOOST_TEST(with("commandId", true) == R"(field "commandId": expected a string, got a boolean)");
  BOOST_TEST(with("metadata", nullptr) == "accepted");
  BOOST_TEST(with("metadata", {{"a", 1}}) ==
             R"(field "metadata": expected an object of strings, but an entry is an integer)");
  BOOST_TEST(with("metadata", boost::json::array()) ==
             R"(field "metadata": expected an object of strings, got an array)");
  BOOST_TEST(with("timestamp", "now") ==
             R"(field "timestamp": expected a time of RFC 3339 such as 2026-01-31T12:00:00Z)");
  BOOST_TEST(with("timestamp", 5) == R"(field "timestamp": expected a time as a string, got an integer)");
  BOOST_TEST(with("extra", 5) == "accepted");
}

BOOST_AUTO_TEST_SUITE_END()
