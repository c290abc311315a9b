// Metadata: accessors, entries and causation.
#include <aether/event.hpp>
#include <aether/metadata.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(metadata)

BOOST_AUTO_TEST_CASE(an_absent_key_reads_as_an_empty_view) {
  aether::metadata const m;
  BOOST_TEST(m.get("userId").empty());
  BOOST_TEST(!m.contains("userId"));
  BOOST_TEST(m.empty());
  BOOST_TEST(m.size() == 0u);
}

BOOST_AUTO_TEST_CASE(set_adds_and_replaces_in_key_order) {
  aether::metadata m;
  m.set("b", "1").set("a", "2").set("c", "3").set("b", "4");
  std::vector<std::string> keys;
  for (auto const& [key, value] : m)
    keys.push_back(key + "=" + value);
  BOOST_TEST(keys == (std::vector<std::string>{"a=2", "b=4", "c=3"}), boost::test_tools::per_element());
  BOOST_TEST(m.size() == 3u);
}

BOOST_AUTO_TEST_CASE(an_empty_value_is_there) {
  aether::metadata m;
  m.set("flag", "");
  BOOST_TEST(m.contains("flag"));
  BOOST_TEST(m.get("flag").empty());
}

BOOST_AUTO_TEST_CASE(erase_says_whether_it_was_there) {
  aether::metadata m{{"a", "1"}};
  BOOST_TEST(m.erase("a"));
  BOOST_TEST(!m.erase("a"));
  BOOST_TEST(m.empty());
}

BOOST_AUTO_TEST_CASE(accessors_use_the_stored_keys) {
  aether::metadata m;
  m.correlation_id("c").causation_id("d").user_id("e").trace_id("f").span_id("g").trace_flags("h").trace_state("i");
  aether::metadata const expected{{"correlationId", "c"}, {"causationId", "d"}, {"userId", "e"},    {"traceId", "f"},
                                  {"spanId", "g"},        {"traceFlags", "h"},  {"traceState", "i"}};
  BOOST_TEST((m == expected));
  BOOST_TEST(m.correlation_id() == "c");
  BOOST_TEST(m.causation_id() == "d");
  BOOST_TEST(m.user_id() == "e");
  BOOST_TEST(m.trace_id() == "f");
  BOOST_TEST(m.span_id() == "g");
  BOOST_TEST(m.trace_flags() == "h");
  BOOST_TEST(m.trace_state() == "i");
}

BOOST_AUTO_TEST_CASE(the_first_event_of_a_chain_is_its_correlation) {
  aether::event cause;
  cause.id = "first";
  aether::metadata m;
  m.user_id("u").caused_by(cause);
  BOOST_TEST((m == aether::metadata{{"correlationId", "first"}, {"causationId", "first"}, {"userId", "u"}}));
}

BOOST_AUTO_TEST_CASE(the_correlation_is_handed_on_and_the_causation_is_not) {
  aether::event cause;
  cause.id = "second";
  cause.metadata.correlation_id("first").causation_id("first").user_id("u");
  aether::metadata m;
  m.correlation_id("old").causation_id("old").caused_by(cause);
  BOOST_TEST((m == aether::metadata{{"correlationId", "first"}, {"causationId", "second"}}));
}

BOOST_AUTO_TEST_CASE(an_event_may_be_its_own_cause) {
  aether::event e;
  e.id = "an id that is too long for the small string buffer";
  e.metadata.correlation_id("a correlation that is too long for it as well").causation_id("x");
  e.metadata.caused_by(e);
  BOOST_TEST(e.metadata.correlation_id() == "a correlation that is too long for it as well");
  BOOST_TEST(e.metadata.causation_id() == e.id);
}

BOOST_AUTO_TEST_SUITE_END()
