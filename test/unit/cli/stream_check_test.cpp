// What is found in a stream, message by message.
#include "cli/stream_check.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(cli_stream_check)

using namespace aether;
using namespace aether::cli;

namespace {

recorded_event stored(std::uint64_t sequence, std::string actor, std::int64_t version) {
  recorded_event e;
  e.event = make_event("Happened", std::move(actor), version);
  e.sequence = sequence;
  return e;
}

replay_error malformed(std::uint64_t sequence, std::string bytes) {
  replay_error bad;
  bad.sequence = sequence;
  bad.raw_data = std::move(bytes);
  bad.error = errc::malformed_event;
  bad.reason = "it is none";
  return bad;
}

std::string kinds(stream_check& c, std::vector<recorded_event> const& events) {
  std::string out;
  for (auto const& e : events)
    if (auto const f = c.on_event(e))
      out += finding_row(*f).to_json();
  return out;
}

check_options contiguous(bool may_begin_anywhere) {
  check_options o;
  o.contiguous = true;
  o.may_begin_anywhere = may_begin_anywhere;
  return o;
}

} // namespace

BOOST_AUTO_TEST_CASE(nothing_is_found_in_what_is_in_order) {
  stream_check c({});
  BOOST_TEST(kinds(c, {stored(1, "a-1", 5), stored(2, "b-1", 1), stored(3, "a-1", 9), stored(7, "b-1", 2)}) == "");
  BOOST_TEST(c.events() == 4u);
  BOOST_TEST(c.actors() == 2u);
  BOOST_TEST(c.findings() == 0u);
  BOOST_TEST(summary_text(c) == "4 events of 2 actors: nothing was found");
}

BOOST_AUTO_TEST_CASE(versions_only_rise) {
  stream_check c({});
  BOOST_TEST(kinds(c, {stored(1, "a-1", 5), stored(2, "a-1", 5), stored(3, "a-1", 3), stored(4, "a-1", 6)}) ==
             R"({"kind":"version_order","sequence":2,"actor":"a-1","version":5,)"
             R"("reason":"version 5 stands behind version 5"})"
             R"({"kind":"version_order","sequence":3,"actor":"a-1","version":3,)"
             R"("reason":"version 3 stands behind version 5"})");
  BOOST_TEST(c.findings() == 2u);
  BOOST_TEST(summary_row(c).to_json() == R"({"kind":"summary","events":4,"actors":1,"findings":2})");
}

BOOST_AUTO_TEST_CASE(gaps_are_found_where_there_must_be_none) {
  stream_check expired(contiguous(true));
  BOOST_TEST(kinds(expired, {stored(5, "a-1", 5), stored(6, "a-1", 6), stored(7, "a-1", 8), stored(8, "a-1", 9)}) ==
             R"({"kind":"gap","sequence":7,"actor":"a-1","version":8,"reason":"version 8 stands behind version 6"})");
  stream_check whole(contiguous(false));
  BOOST_TEST(kinds(whole, {stored(1, "a-1", 2), stored(2, "b-1", 1), stored(3, "a-1", 3)}) ==
             R"({"kind":"gap","sequence":1,"actor":"a-1","version":2,"reason":"version 2 is the first"})");
}

BOOST_AUTO_TEST_CASE(two_actors_on_a_subject) {
  check_options o;
  o.encoding = nats::subject_encoding::underscore;
  stream_check c(o);
  BOOST_TEST(kinds(c, {stored(1, "a-1.2", 1), stored(2, "a-1 2", 2), stored(3, "a-1.2", 2)}) ==
             R"({"kind":"actor_mismatch","sequence":2,"actor":"a-1 2","version":2,)"
             R"("reason":"the subject is that of actor \"a-1.2\" too"})");
  BOOST_TEST(c.actors() == 1u);
  stream_check percent({});
  BOOST_TEST(kinds(percent, {stored(1, "a-1.2", 1), stored(2, "a-1 2", 1)}) == "");
}

BOOST_AUTO_TEST_CASE(messages_that_are_no_events) {
  stream_check c({});
  BOOST_TEST(finding_row(c.on_error(malformed(3, "garbage"))).to_json() ==
             R"({"kind":"malformed_event","sequence":3,"reason":"it is none","raw":"garbage"})");
  BOOST_TEST(finding_row(c.on_error(malformed(4, "\xff"))).to_json() ==
             R"({"kind":"malformed_event","sequence":4,"reason":"it is none","rawBase64":"/w=="})");
  auto const f = c.on_error(malformed(5, to_json(stored(0, "b-1", 9).event)));
  BOOST_TEST((f.kind == finding_kind::actor_mismatch));
  BOOST_TEST(f.actor == "b-1");
  BOOST_TEST(f.version == 9);
  BOOST_TEST(c.findings() == 3u);
}

BOOST_AUTO_TEST_CASE(messages_that_are_gone) {
  stream_check c({});
  BOOST_TEST(!c.on_deleted(0).has_value());
  auto const f = c.on_deleted(2);
  BOOST_TEST_REQUIRE(f.has_value());
  BOOST_TEST(finding_row(*f).to_json() ==
             R"({"kind":"deleted_messages","reason":"2 messages between the first and the last are gone"})");
  BOOST_TEST(summary_text(c) == "0 events of 0 actors: 1 findings");
}

BOOST_AUTO_TEST_SUITE_END()
