// Token encodings and subjects: one to one, never out of their token, refused with a clear error.
#include <nats/subjects.hpp>

#include <aether/event.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(subjects)

using namespace aether::nats::detail;
using aether::errc;
using aether::nats::subject_encoding;

namespace {

struct pair {
  std::string raw;
  std::string token;
};
std::ostream& operator<<(std::ostream& out, pair const& p) { return out << p.token; }

std::string percent(std::string_view raw) {
  std::string out;
  append_percent(out, raw);
  return out;
}

bool is_invalid_id(aether::error const& e) { return e.code() == errc::invalid_id; }

/// One token of printable ASCII without wildcards: what any server takes.
bool is_safe_token(std::string_view token) {
  for (char const c : token)
    if (c <= 0x20 || c >= 0x7F || c == '.' || c == '*' || c == '>')
      return false;
  return !token.empty();
}

pair const percent_pairs[] = {
    {"order-42", "order-42"},
    {"a_b", "a_b"},
    {"a b", "a%20b"},
    {"a.b", "a%2Eb"},
    {"*", "%2A"},
    {">", "%3E"},
    {"%", "%25"},
    {"%20", "%2520"},
    {"a\r\nPUB x 1", "a%0D%0APUB%20x%201"},
    {std::string("\0", 1), "%00"},
    {"\x7F", "%7F"},
    {"\t", "%09"},
    {"é", "%C3%A9"},
    {"日", "%E6%97%A5"},
    {"!\"#$&'()+,/:;<=?@[\\]^`{|}~", "!\"#$&'()+,/:;<=?@[\\]^`{|}~"},
};

char const* const bad_tokens[] = {
    "%",   "%2",  "a%",  "%2e", "%2g", "%G0", "% 0",  "%41", // a letter needs no escape
    "%2D", "a.b", "a b", "*",   ">",   "é",   "\x7F", "a\nb",
};

} // namespace

BOOST_DATA_TEST_CASE(percent_encoding_both_ways, boost::unit_test::data::make(percent_pairs), p) {
  BOOST_TEST(percent(p.raw) == p.token);
  auto const decoded = percent_decoded(p.token);
  BOOST_REQUIRE(decoded.has_value());
  BOOST_TEST(*decoded == p.raw);
}

BOOST_DATA_TEST_CASE(what_no_encoder_wrote_is_not_decoded, boost::unit_test::data::make(bad_tokens), token) {
  BOOST_TEST(!percent_decoded(token).has_value());
}

BOOST_AUTO_TEST_CASE(every_byte_and_random_texts_round_trip_in_one_token) {
  std::set<std::string> tokens;
  for (int b = 0; b != 256; ++b) {
    std::string const raw(1, static_cast<char>(b));
    std::string const token = percent(raw);
    BOOST_TEST(is_safe_token(token));
    BOOST_TEST((percent_decoded(token) == raw));
    tokens.insert(token);
  }
  BOOST_TEST(tokens.size() == 256u);
  std::mt19937 random(7);
  for (int i = 0; i != 2'000; ++i) {
    std::string raw(1 + random() % 40, '\0');
    for (char& c : raw)
      c = static_cast<char>(random());
    std::string const token = percent(raw);
    BOOST_TEST(is_safe_token(token));
    BOOST_TEST((percent_decoded(token) == raw));
  }
}

BOOST_AUTO_TEST_CASE(encoding_appends) {
  std::string out = "before.";
  append_percent(out, "a b");
  BOOST_TEST(out == "before.a%20b");
}

BOOST_AUTO_TEST_CASE(underscore_encoding_is_the_go_library_s) {
  std::string out = "x.";
  BOOST_TEST(append_underscore(out, "a b.c*d>e%f-é"));
  BOOST_TEST(out == "x.a_b_c_d_e%f-é");
  for (char const* raw : {"a\r\nb", "a\tb", "\x7F", "a\x01"}) {
    BOOST_TEST(!append_underscore(out, raw));
    BOOST_TEST(out == "x.a_b_c_d_e%f-é");
  }
}

BOOST_AUTO_TEST_CASE(subjects_of_actors) {
  subject_map const s("shop", subject_encoding::percent);
  BOOST_TEST(s.events_subject("order-42") == "shop.events.order.order-42");
  BOOST_TEST(s.snapshots_subject("order-42") == "shop.snapshots.order.order-42");
  BOOST_TEST(s.events_subject("lonely") == "shop.events.unknown.lonely");
  BOOST_TEST(s.events_subject("-x") == "shop.events.unknown.-x");
  BOOST_TEST(s.events_subject("-") == "shop.events.unknown.-");
  BOOST_TEST(s.events_subject("--x") == "shop.events.-.--x");
  BOOST_TEST(s.events_subject(" -1") == "shop.events.%20.%20-1");
  BOOST_TEST(s.events_subject(".-*") == "shop.events.%2E.%2E-%2A");
  BOOST_TEST(s.events_filter() == "shop.events.>");
  BOOST_TEST(s.snapshots_filter() == "shop.snapshots.>");
  std::string out = "to ";
  s.append_events_subject(out, "a-1");
  BOOST_TEST(out == "to shop.events.a.a-1");

  subject_map const go("shop", subject_encoding::underscore);
  BOOST_TEST(go.events_subject("my order-4.2") == "shop.events.my_order.my_order-4_2");
}

BOOST_AUTO_TEST_CASE(ids_that_no_subject_can_hold_are_refused) {
  subject_map const percent_map("s", subject_encoding::percent);
  subject_map const underscore_map("s", subject_encoding::underscore);
  std::string out = "kept";
  for (auto const* map : {&percent_map, &underscore_map}) {
    BOOST_CHECK_EXCEPTION(map->events_subject(""), aether::error, is_invalid_id);
    BOOST_CHECK_EXCEPTION(map->snapshots_subject(std::string(256, 'a')), aether::error, is_invalid_id);
  }
  BOOST_CHECK_EXCEPTION(underscore_map.append_events_subject(out, "a\r\nb"), aether::error, is_invalid_id);
  BOOST_TEST(out == "kept");
  BOOST_CHECK_NO_THROW(percent_map.events_subject("a\r\nb"));
}

BOOST_AUTO_TEST_CASE(the_longest_subject_is_safe) {
  std::string id(254, '\xC3');
  id += '-'; // everything before it is the type
  subject_map const s(std::string(max_name_bytes, 's'), subject_encoding::percent);
  BOOST_TEST(s.snapshots_subject(id).size() == max_name_bytes + 11 + 3 * 254 + 1 + 3 * 254 + 1);
  BOOST_TEST(s.snapshots_subject(id).size() < 2'000u);
}

BOOST_AUTO_TEST_CASE(actors_are_read_back_from_subjects) {
  subject_map const s("shop", subject_encoding::percent);
  for (char const* id : {"order-42", "lonely", "-x", "--", "a.b-c d", "é-1", "%", "a\r\n-b"}) {
    BOOST_TEST((s.actor_id_of(s.events_subject(id)) == id));
    BOOST_TEST((s.actor_id_of(s.snapshots_subject(id)) == id));
  }
  for (char const* subject : {"", "shop", "shop.events", "shop.events.", "shop.events.order", "shop.events.order.",
                              "other.events.order.order-1", "shop.events.item.order-1",
                              "shop.events.order.order-1.more", "shop.events.unknown.order-1",
                              "shop.events.order.order-%41", "shop.events.%C3.%C3-1", "shop.others.order.order-1"})
    BOOST_TEST(!s.actor_id_of(subject).has_value(), subject);
  BOOST_TEST(!subject_map("shop", subject_encoding::underscore).actor_id_of("shop.events.order.order-1").has_value());
}

BOOST_AUTO_TEST_CASE(stream_names) {
  BOOST_TEST(full_stream_name("", "orders") == "orders");
  BOOST_TEST(full_stream_name("tenant-1", "orders_2") == "tenant-1_orders_2");
  BOOST_TEST(full_stream_name("", std::string(200, 'a')).size() == 200u);
  for (char const* bad : {"", "a.b", "a b", "a*", ">", "a/b", "a\\b", "é", "a\n", "%2E", "$JS"}) {
    BOOST_TEST(!valid_name(bad), bad);
    BOOST_CHECK_EXCEPTION(full_stream_name("", bad), aether::error, is_invalid_id);
    if (*bad != '\0') {
      BOOST_CHECK_EXCEPTION(full_stream_name(bad, "orders"), aether::error, is_invalid_id);
    }
  }
  BOOST_CHECK_EXCEPTION(full_stream_name("", std::string(201, 'a')), aether::error, is_invalid_id);
  BOOST_CHECK_EXCEPTION(full_stream_name(std::string(100, 'n'), std::string(100, 's')), aether::error, is_invalid_id);
}

BOOST_AUTO_TEST_CASE(tells_whose_events_are_on_a_subject) {
  for (auto const encoding : {subject_encoding::percent, subject_encoding::underscore}) {
    subject_map const map("S", encoding);
    for (std::string const id :
         {"order-42", "a", "-", "a b", "a.b-c", "%41", "100%", "x*y", "ä-1", "-x", "a-b-c", "a_b"}) {
      auto const subject = map.events_subject(id);
      BOOST_TEST(map.is_events_subject(subject, id), id);
      BOOST_TEST(!map.is_events_subject(subject + "x", id), id);
      BOOST_TEST(!map.is_events_subject(subject, id + "x"), id);
      BOOST_TEST(!map.is_events_subject(map.snapshots_subject(id), id), id);
    }
    BOOST_TEST(!map.is_events_subject("S.events.unknown.", ""));
  }
  subject_map const map("S", subject_encoding::percent);
  BOOST_TEST(!map.is_events_subject("S.events.unknown.%41", "%41")); // which is the subject of "A"
  BOOST_TEST(!map.is_events_subject("S.events.a.a.b", "a.b"));
  BOOST_TEST(!map.is_events_subject("S.events.b.a-1", "a-1"));
}

BOOST_AUTO_TEST_SUITE_END()
