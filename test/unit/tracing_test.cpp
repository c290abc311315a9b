// Trace context: as the W3C writes it, as metadata holds it, and as it goes from cause to effect.
#include <aether/event.hpp>
#include <aether/tracing.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(tracing)

using namespace aether;

namespace {

// From the specification's text.
std::string const trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
std::string const span_id = "00f067aa0ba902b7";
std::string const example = "00-" + trace_id + '-' + span_id + "-01";

metadata with_trace(std::string trace, std::string span) {
  metadata m;
  m.trace_id(std::move(trace)).span_id(std::move(span));
  return m;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_examples_of_the_specification) {
  auto const sampled = parse_traceparent(example);
  BOOST_TEST_REQUIRE(sampled.has_value());
  BOOST_TEST(sampled->is_valid());
  BOOST_TEST(sampled->is_sampled());
  BOOST_TEST(sampled->trace_id[0] == 0x4b);
  BOOST_TEST(sampled->trace_id[15] == 0x36);
  BOOST_TEST(sampled->span_id[0] == 0x00);
  BOOST_TEST(sampled->span_id[7] == 0xb7);
  BOOST_TEST(to_traceparent(*sampled) == example);

  auto const not_sampled = parse_traceparent("00-" + trace_id + '-' + span_id + "-00");
  BOOST_TEST_REQUIRE(not_sampled.has_value());
  BOOST_TEST(!not_sampled->is_sampled());
  BOOST_TEST((*not_sampled != *sampled));
}

BOOST_AUTO_TEST_CASE(later_versions_are_read_as_far_as_they_are_known) {
  auto const known = parse_traceparent(example);
  for (std::string const version : {"01", "cc", "fe"})
    for (std::string const rest : {"", "-", "-what-the-future-will-be-like", "-\xff"}) {
      auto const read = parse_traceparent(version + example.substr(2) + rest);
      BOOST_TEST_CONTEXT(version << rest) { BOOST_TEST((read == known)); }
    }
}

BOOST_AUTO_TEST_CASE(reserved_flags_are_read_and_never_written) {
  auto const read = parse_traceparent(example.substr(0, 53) + "ff");
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST(read->flags == 0xFF);
  BOOST_TEST(read->is_sampled());
  BOOST_TEST(to_traceparent(*read).substr(53) == "03"); // sampled, and the random id of level 2
  auto const unsampled = parse_traceparent(example.substr(0, 53) + "fe");
  BOOST_TEST_REQUIRE(unsampled.has_value());
  BOOST_TEST(!unsampled->is_sampled());
}

BOOST_AUTO_TEST_CASE(what_is_not_well_formed_is_none) {
  std::string const zeros(32, '0');
  std::vector<std::string> bad{
      "",
      "00",
      "-",
      example.substr(0, 54),                                   // too short
      example + '0',                                           // too long
      example + '-',                                           // of version 00 nothing may follow
      example + "-what-the-future-will-be-like",
      "01" + example.substr(2) + ".what",                      // of a later one only behind a dash
      "01" + example.substr(2) + "0",
      "ff" + example.substr(2),                                // invalid for ever
      "ff" + example.substr(2) + "-more",
      "0" + example,
      " " + example,
      example + " ",
      example.substr(0, 54) + '\0',
      "00-" + zeros + '-' + span_id + "-01",                   // all zeros
      "00-" + trace_id + '-' + zeros.substr(0, 16) + "-01",
      "00_" + trace_id + '_' + span_id + "_01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span_id + "-01", // upper case
      "00-" + trace_id + "-00F067AA0BA902B7-01",
      "0A" + example.substr(2),
      example.substr(0, 53) + "0A",
      "00-" + trace_id + "00-f067aa0ba902b7-01",               // dashes elsewhere
      std::string(55, '-'),
      std::string(55, '\xff'),
      std::string(100'000, '0'),
  };
  for (std::size_t i = 0; i < example.size(); ++i)
    for (char const c : {'g', 'A', ' ', '\0', '\x80', '/', ':', '`'}) {
      auto broken = example;
      broken[i] = c;
      bad.push_back(std::move(broken));
    }
  for (auto const& text : bad)
    BOOST_TEST_CONTEXT(text) { BOOST_TEST(!parse_traceparent(text).has_value()); }
}

BOOST_AUTO_TEST_CASE(a_context_of_zeros_is_invalid) {
  trace_context c;
  BOOST_TEST(!c.is_valid());
  c.trace_id[15] = 1;
  BOOST_TEST(!c.is_valid());
  c.span_id[7] = 1;
  BOOST_TEST(c.is_valid());
  c.trace_id = {};
  BOOST_TEST(!c.is_valid());
}

BOOST_AUTO_TEST_CASE(metadata_holds_what_was_set) {
  metadata m{{"userId", "u"}, {"traceState", "congo=t61rcWkgMzE"}};
  auto const context = parse_traceparent(example);
  set_trace(m, *context);
  metadata const expected{{"userId", "u"},
                          {"traceState", "congo=t61rcWkgMzE"},
                          {"traceId", trace_id},
                          {"spanId", span_id},
                          {"traceFlags", "01"}};
  BOOST_TEST((m == expected));
  BOOST_TEST((trace_of(m) == context));
  BOOST_TEST(m.trace_flags() == "01");
  BOOST_TEST(m.trace_state() == "congo=t61rcWkgMzE");
  set_trace(m, trace_context());
  metadata const without{{"userId", "u"}, {"traceState", "congo=t61rcWkgMzE"}};
  BOOST_TEST((m == without));
}

BOOST_AUTO_TEST_CASE(metadata_of_other_writers) {
  auto const no_flags = trace_of(with_trace(trace_id, span_id));
  BOOST_TEST_REQUIRE(no_flags.has_value());
  BOOST_TEST(no_flags->flags == 0);
  struct row {
    std::string trace, span, flags;
  };
  std::vector<row> const bad{
      {"", "", "01"},
      {trace_id, "", "01"},
      {"", span_id, "01"},
      {trace_id, span_id, ""},
      {trace_id, span_id, "1"},
      {trace_id, span_id, "0x1"},
      {trace_id, span_id, "0G"},
      {trace_id, span_id, "001"},
      {trace_id.substr(16), span_id, "01"}, // the 64 bits of older tracers
      {trace_id + "0", span_id, "01"},
      {trace_id, span_id + "00", "01"},
      {std::string(32, '0'), span_id, "01"},
      {trace_id, std::string(16, '0'), "01"},
      {"4BF92F3577B34DA6A3CE929D0E0E4736", span_id, "01"},
      {"4bf92f35-77b3-4da6-a3ce-929d0e0e4736", span_id, "01"},
      {std::string(32, '\n'), span_id, "01"},
      {span_id, trace_id, "01"},
  };
  for (auto const& r : bad) {
    auto m = with_trace(r.trace, r.span);
    m.trace_flags(r.flags);
    BOOST_TEST_CONTEXT(r.trace << ' ' << r.span << ' ' << r.flags) { BOOST_TEST(!trace_of(m).has_value()); }
  }
  BOOST_TEST(!trace_of(metadata()).has_value());
}

BOOST_AUTO_TEST_CASE(an_effect_belongs_to_the_trace_of_its_cause) {
  event cause;
  cause.id = "cause";
  set_trace(cause.metadata, *parse_traceparent(example));
  cause.metadata.trace_state("rojo=00f067aa0ba902b7");
  auto const effect = make_event(cause, "Done", "order-1", 1, {});
  BOOST_TEST((trace_of(effect.metadata) == trace_of(cause.metadata)));
  BOOST_TEST(effect.metadata.trace_state() == "rojo=00f067aa0ba902b7");
  BOOST_TEST(effect.metadata.causation_id() == "cause");
}

BOOST_AUTO_TEST_CASE(a_cause_with_a_trace_replaces_all_of_another_one) {
  metadata m{{"traceId", std::string(32, '1')},
             {"spanId", std::string(16, '2')},
             {"traceFlags", "01"},
             {"traceState", "of=another"}};
  event cause;
  cause.id = "cause";
  cause.metadata = with_trace(trace_id, span_id);
  m.caused_by(cause);
  BOOST_TEST(m.trace_id() == trace_id);
  BOOST_TEST(m.span_id() == span_id);
  BOOST_TEST(m.trace_flags() == "00");
  BOOST_TEST(!m.contains("traceState"));
}

BOOST_AUTO_TEST_CASE(a_cause_without_a_well_formed_trace_replaces_nothing) {
  metadata const before{{"traceId", trace_id}, {"spanId", span_id}, {"traceFlags", "01"}, {"traceState", "a=b"}};
  for (auto const& told : {metadata(), metadata{{"traceState", "c=d"}}, with_trace("none", "none"),
                           with_trace(trace_id, std::string(16, '0'))}) {
    event cause;
    cause.id = "cause";
    cause.metadata = told;
    auto m = before;
    m.caused_by(cause);
    BOOST_TEST((trace_of(m) == trace_of(before)));
    BOOST_TEST(m.trace_state() == "a=b");
    BOOST_TEST(m.causation_id() == "cause");
  }
}

BOOST_AUTO_TEST_CASE(an_event_may_be_its_own_cause) {
  event e;
  e.id = "own";
  set_trace(e.metadata, *parse_traceparent(example));
  e.metadata.trace_state("a=b");
  auto const before = e.metadata;
  e.metadata.caused_by(e);
  BOOST_TEST((trace_of(e.metadata) == trace_of(before)));
  BOOST_TEST(e.metadata.trace_state() == "a=b");
}

BOOST_AUTO_TEST_CASE(operations_have_names_of_their_own) {
  std::set<std::string_view> names;
  auto const count = static_cast<int>(store_operation::close) + 1;
  for (int i = 0; i < count; ++i)
    names.insert(to_string(static_cast<store_operation>(i)));
  BOOST_TEST(names.size() == static_cast<std::size_t>(count));
  BOOST_TEST(!names.contains("unknown"));
  BOOST_TEST(to_string(store_operation::save_event) == "save_event");
  BOOST_TEST(to_string(store_operation::close) == "close");
  BOOST_TEST(to_string(static_cast<store_operation>(count)) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()
