// Names, subjects and settings of a group on the server, and its dead letters as messages.
#include "nats/dead_letter_message.hpp"
#include "nats/filter_subjects.hpp"
#include "nats/group_config.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(group_config)

using namespace aether;
using namespace aether::nats::detail;
using namespace std::chrono_literals;

namespace {

stream_access access(nats::subject_encoding encoding = nats::subject_encoding::percent) {
  return stream_access{.connection = {}, .subjects = subject_map("S", encoding), .api = "$JS.API", .config = {}};
}

group_options options_of(std::string name) {
  group_options o;
  o.name = std::move(name);
  return resolved(o);
}

} // namespace

BOOST_AUTO_TEST_CASE(consumers_of_different_groups_have_different_names) {
  BOOST_TEST(group_consumer_name("billing") == "group-billing");
  BOOST_TEST(group_consumer_name("a b") == "group-a=20b");
  std::string const many(255, '.');
  std::set<std::string> names;
  std::vector<std::string> const groups = {"a b",
                                           "a=20b",
                                           "a%20b",
                                           "a.b",
                                           "A",
                                           "a",
                                           "=",
                                           "=-",
                                           many,
                                           many.substr(1),
                                           many.substr(1) + "/",
                                           std::string(255, 'x'),
                                           std::string(194, 'x')};
  for (auto const& group : groups) {
    auto const name = group_consumer_name(group);
    BOOST_TEST(name.size() <= 200u);
    BOOST_TEST(name.find_first_of(".*>%/\\ \r\n") == std::string::npos);
    names.insert(name);
  }
  BOOST_TEST(names.size() == groups.size());
}

BOOST_AUTO_TEST_CASE(letters_and_retries_have_subjects_of_their_own) {
  dead_subjects const s("S");
  BOOST_TEST(s.stream() == "S_dead");
  BOOST_TEST(s.letter("a b", 17, 5) == "S_dead.letters.a%20b.17-5");
  BOOST_TEST(s.letters_of("a b") == "S_dead.letters.a%20b.*");
  BOOST_TEST(s.retry_of("a b", "S_dead.letters.a%20b.17-5").value_or("") == "S_dead.retry.a%20b.17-5");
  for (auto const* wrong : {"S_dead.letters.b.17-5", "S_dead.letters.a%20b.", "S_dead.letters.a%20b.*",
                            "S_dead.letters.a%20b.1.2", "T_dead.letters.a%20b.17-5", ""})
    BOOST_TEST(!s.retry_of("a b", wrong).has_value());
}

BOOST_AUTO_TEST_CASE(filters_as_subjects) {
  auto const stream = access();
  event_filter filter;
  using subjects = std::vector<std::string>;
  BOOST_TEST((filter_subjects(stream.subjects, filter) == subjects{"S.events.>"}));
  filter.actor_types = {"order", "a b", "order"};
  auto const two = filter_subjects(stream.subjects, filter);
  BOOST_TEST((two == subjects{"S.events.a%20b.*", "S.events.order.*"}));
  BOOST_TEST(is_of_subjects("S.events.order.order-1", two));
  BOOST_TEST(!is_of_subjects("S.events.orders.orders-1", two));
  BOOST_TEST(!is_of_subjects("S.snapshots.order.order-1", two));
  BOOST_TEST(!is_of_subjects("S.events.order.order-1.more", two));
  filter.actor_types.clear();
  filter.actor_id = "order-1";
  auto const one = filter_subjects(stream.subjects, filter);
  BOOST_TEST(is_of_subjects("S.events.order.order-1", one));
  BOOST_TEST(!is_of_subjects("S.events.order.order-12", one));
}

BOOST_AUTO_TEST_CASE(a_consumer_keeps_what_the_group_is) {
  auto options = options_of("billing");
  options.filter.actor_types = {"order", "invoice"};
  options.ack_timeout = 7s;
  auto const body = make_group_consumer(access(), options, 12, "this-one");
  auto config = body.at("config").as_object();
  BOOST_TEST(config.at("ack_policy") == "explicit");
  BOOST_TEST(config.at("max_deliver").as_int64() == -1);
  BOOST_TEST(config.at("ack_wait").as_int64() == 7'000'000'000);
  BOOST_TEST(config.at("opt_start_seq").to_number<int>() == 12);
  BOOST_TEST(config.at("filter_subjects").as_array().size() == 2u);
  auto const record = read_group_record(config);
  BOOST_TEST_REQUIRE(record.has_value());
  BOOST_TEST(record->name == "billing");
  BOOST_TEST(record->made == "this-one");
  BOOST_TEST((record->settings == wanted_group_settings(options)));
  config["max_ack_pending"] = 3; // by another tool
  BOOST_TEST(read_group_record(config)->settings.at("max_in_flight").as_int64() == 3);
  config["description"] = "somebody's own";
  BOOST_TEST(!read_group_record(config).has_value());
  auto const other = make_group_consumer(access(), options, 12, "another").at("config").as_object();
  BOOST_TEST((other.at("max_waiting") != config.at("max_waiting"))); // so that 2.9 refuses a second creation
  options.filter.event_types.assign(100, std::string(50, 'x'));
  for (std::size_t i = 0; i < 100; ++i)
    options.filter.event_types[i] += std::to_string(i);
  BOOST_CHECK_THROW(make_group_consumer(access(), options, 0, "x"), aether::error);
}

BOOST_AUTO_TEST_CASE(the_stream_of_dead_letters_is_taken_only_when_it_fits) {
  auto const wanted = make_dead_stream(dead_subjects("S"), "S", 1);
  BOOST_TEST(unusable_dead_stream(wanted, wanted).empty());
  auto actual = wanted;
  actual["max_msgs_per_subject"] = -1;
  actual.erase("description");
  auto const text = unusable_dead_stream(wanted, actual);
  BOOST_TEST(text.find("max_msgs_per_subject is -1, wanted 1") != std::string::npos, text);
  BOOST_TEST(text.find("description is not there") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(letters_read_back_as_they_were) {
  letter_facts facts;
  facts.sequence = 17;
  facts.created = time_point(5ns);
  facts.stored = time_point(1700000000123456789ns);
  facts.subject = "S.events.order.order-1";
  facts.note = dead_letter_note(dead_letter_cause::rejected, "no\r\nX: y \"\xC3\xA4\"", 3);
  auto const text = write_letter_facts(facts);
  BOOST_TEST(text.find_first_of("\r\n") == std::string::npos);
  auto const read = read_letter_facts(text);
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST(read->sequence == 17u);
  BOOST_TEST((read->created == facts.created && read->stored == facts.stored));
  BOOST_TEST(read->subject == facts.subject);
  BOOST_TEST(read->note.reason == facts.note.reason);
  BOOST_TEST(read->note.attempts == 3u);
  BOOST_TEST(!read->left_out);
  facts.note.reason = "\xff"; // of a malformed message
  BOOST_TEST(read_letter_facts(write_letter_facts(facts)).has_value());
  for (auto const* wrong : {"", "{}", "[]", R"({"sequence":1})", "nonsense"})
    BOOST_TEST(!read_letter_facts(wrong).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
