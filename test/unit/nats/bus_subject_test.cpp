// Subjects of a bus: what is written reads back, patterns choose what they should, and nothing escapes its token.
#include "nats/bus_subject.hpp"

#include "nats/outgoing_message.hpp"

#include <aether/error.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(bus_subjects_of)

using namespace aether;
using namespace aether::nats::detail;

namespace {

struct line {
  std::string type, actor, name_space, subject;
};
std::ostream& operator<<(std::ostream& out, line const& l) { return out << l.subject; }

line const lines[] = {
    {"Paid", "order-1", "", "b.Paid.order-1.ns"},
    {"Paid", "order-1", "a", "b.Paid.order-1.ns.a"},
    {"Paid", "order-1", "a.b.c", "b.Paid.order-1.ns.a.b.c"},
    {"Paid", "order-1", "ns.ns", "b.Paid.order-1.ns.ns.ns"},
    {"a.b", "*", "x", "b.a%2Eb.%2A.ns.x"},
    {">", "%", "x%.y", "b.%3E.%25.ns.x%25.y"},
    {"order paid", "b\xC3\xA9", "caf\xC3\xA9", "b.order%20paid.b%C3%A9.ns.caf%C3%A9"},
    {"-", "-", "a", "b.-.-.ns.a"},
    {"\r\n", "\x7F", "a", "b.%0D%0A.%7F.ns.a"},
};

BOOST_DATA_TEST_CASE(what_is_written_reads_back, lines, l) {
  bus_subjects const subjects("b");
  BOOST_TEST(subjects.subject_of(l.type, l.actor, l.name_space) == l.subject);
  BOOST_TEST(is_safe_subject(l.subject));
  bus_tokens tokens;
  BOOST_REQUIRE(subjects.split(l.subject, tokens));
  std::string room;
  BOOST_TEST((bus_id_of(tokens.type, room) == l.type));
  BOOST_TEST((bus_id_of(tokens.actor, room) == l.actor));
  BOOST_TEST((bus_name_space_of(tokens.name_space) == l.name_space));
}

BOOST_AUTO_TEST_CASE(the_longest_fits_into_a_subject) {
  std::string const id(255, '.');
  auto const subject = bus_subjects(std::string(200, 'p')).subject_of(id, id, std::string(255, '%'));
  BOOST_TEST(subject.size() == 200u + 3 * 3 * 255 + 6);
  BOOST_CHECK_NO_THROW(outgoing_message(subject, {}, "{}"));
}

BOOST_AUTO_TEST_CASE(a_pattern_is_a_filter_of_namespaces_only) {
  bus_subjects const subjects("my.bus");
  BOOST_TEST(subjects.filter_of("") == "my.bus.*.*.ns");
  BOOST_TEST(subjects.filter_of("a.b") == "my.bus.*.*.ns.a.b");
  BOOST_TEST(subjects.filter_of("a.*.c") == "my.bus.*.*.ns.a.*.c");
  BOOST_TEST(subjects.filter_of("a.>") == "my.bus.*.*.ns.a.>");
  BOOST_TEST(subjects.filter_of(">") == "my.bus.*.*.ns.>");
  BOOST_TEST(subjects.filter_of("50%.\xC3\xA9") == "my.bus.*.*.ns.50%25.%C3%A9");
}

BOOST_AUTO_TEST_CASE(what_is_no_subject_of_a_bus_is_told) {
  bus_subjects const subjects("b");
  bus_tokens tokens;
  for (auto const* other : {"b", "b.", "b.x", "b.x.y", "b.x.y.", "b.x.y.n", "b.x.y.nsa", "b.x.y.ns.", "c.x.y.ns",
                            "bb.x.y.ns", "b.x.y.z.ns"})
    BOOST_TEST(!subjects.split(other, tokens), other);
}

BOOST_AUTO_TEST_CASE(what_nobody_would_write_so_is_told) {
  std::string room;
  for (auto const* token : {"", "%", "%2", "%2e", "%41", "a*", ">", "\xC3\xA9", "a b", "%FF", "%00"})
    BOOST_TEST(!bus_id_of(token, room), token);
  BOOST_TEST(!bus_id_of(std::string(256, 'a'), room));
  for (auto const* name : {"a..b", ".a", "a.", "a%2Eb", "a%20b", "%2A", "a.>", "%", "1.2.3.4.5.6.7.8.9"})
    BOOST_TEST(!bus_name_space_of(name), name);
  BOOST_TEST(!bus_name_space_of(std::string(256, 'a')));
}

BOOST_AUTO_TEST_CASE(prefixes_are_checked) {
  for (auto const* good : {"b", "aether.bus", "$x", "a-b_c.1"})
    BOOST_CHECK_NO_THROW(check_bus_prefix(good));
  for (auto const* bad : {"", ".", "a.", ".a", "a..b", "a.*", "a.>", "*", "a b", "a\r\nb", "a\tb"})
    BOOST_CHECK_EXCEPTION(check_bus_prefix(bad), error,
                          [](error const& e) { return e.code() == errc::invalid_argument; });
  BOOST_CHECK_THROW(check_bus_prefix(std::string(201, 'a')), error);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
