// An actor's history from stored messages: order, faults, limits, what is not wanted.
#include "nats/history_builder.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(history_builder_rules)

using namespace aether;
using namespace aether::nats::detail;

namespace {

std::string stored(std::int64_t version, std::string const& actor = "order-1") {
  return to_json(make_event("placed", actor, version));
}

struct reading {
  subject_map subjects{"S", nats::subject_encoding::percent};
  std::int64_t after = 0;
  bool keep_errors = true;
  history_limits limits{100, 100'000};

  replay_result of(std::vector<std::string> const& messages, std::string const& actor = "order-1") const {
    history_builder builder(subjects, actor, after, keep_errors, limits);
    std::uint64_t sequence = 10;
    for (auto const& m : messages)
      BOOST_REQUIRE(builder.on_message(message_view(m, sequence++)));
    return builder.take();
  }
};

std::string versions(replay_result const& r) {
  std::string out;
  for (auto const& e : r.events)
    out += (out.empty() ? "" : " ") + std::to_string(e.version);
  return out;
}

std::string faults(replay_result const& r) {
  std::string out;
  for (auto const& e : r.errors)
    out += (out.empty() ? "" : " ") + std::to_string(e.sequence);
  return out;
}

bool names(error const& e, std::string const& text) { return std::string(e.what()).find(text) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_CASE(keeps_events_in_order) {
  auto const r = reading().of({stored(1), stored(2), stored(7)});
  BOOST_TEST(versions(r) == "1 2 7");
  BOOST_TEST(r.errors.empty());
}

BOOST_AUTO_TEST_CASE(sets_malformed_messages_aside_and_says_why) {
  auto const r = reading().of({stored(1), "not json", "[1]", R"({"id":"x"})", stored(2, "order-2"), "", stored(3)});
  BOOST_TEST(versions(r) == "1 3");
  BOOST_TEST(faults(r) == "11 12 13 14 15");
  for (auto const& e : r.errors) {
    BOOST_TEST((e.error == errc::malformed_event));
    BOOST_TEST(!e.reason.empty());
  }
  BOOST_TEST(r.errors[0].raw_data == "not json");
  BOOST_TEST(r.errors[3].reason.find("order-2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_event_out_of_order_is_set_aside) {
  auto const r = reading().of({stored(1), stored(5), stored(5), stored(3), stored(6)});
  BOOST_TEST(versions(r) == "1 5 6");
  BOOST_TEST(faults(r) == "12 13");
  for (auto const& e : r.errors)
    BOOST_TEST((e.error == errc::version_order));
  BOOST_TEST(r.errors[1].reason == R"(field "version": 3 stands behind version 5)");
}

BOOST_AUTO_TEST_CASE(keeps_no_errors_when_nobody_wants_them) {
  reading read;
  read.keep_errors = false;
  auto const r = read.of({stored(1), "bad", stored(1), stored(2)});
  BOOST_TEST(versions(r) == "1 2");
  BOOST_TEST(r.errors.empty());
}

BOOST_AUTO_TEST_CASE(drops_what_is_not_wanted_with_the_faults_before_it) {
  reading read;
  read.after = 5;
  auto const r = read.of({stored(1), "early", stored(5), "late", stored(8), "last"});
  BOOST_TEST(versions(r) == "8");
  BOOST_TEST(faults(r) == "13 15");
}

BOOST_AUTO_TEST_CASE(ends_beyond_the_number_of_events_and_names_the_limit) {
  reading read;
  read.limits.events = 3;
  BOOST_TEST(versions(read.of({stored(1), stored(2), stored(3)})) == "1 2 3");
  BOOST_CHECK_EXCEPTION(read.of({stored(1), stored(2), stored(3), stored(4)}), error, [](error const& e) {
    return e.code() == errc::history_too_long && names(e, "max_history_events (3)") && names(e, "order-1") &&
           names(e, "snapshot");
  });
  read.after = 1; // what is dropped does not count
  BOOST_TEST(versions(read.of({stored(1), stored(2), stored(3), stored(4)})) == "2 3 4");
}

BOOST_AUTO_TEST_CASE(ends_beyond_the_number_of_bytes_of_events_and_faults) {
  reading read;
  auto const one = stored(1);
  read.limits.bytes = one.size() + 3;
  BOOST_TEST(faults(read.of({one, "bad"})) == "11");
  BOOST_CHECK_EXCEPTION(read.of({one, "bad!"}), error, [&](error const& e) {
    return e.code() == errc::history_too_long &&
           names(e, "max_history_bytes (" + std::to_string(read.limits.bytes) + ")");
  });
  read.keep_errors = false; // what is not kept does not count
  BOOST_TEST(versions(read.of({one, "a long text that is no event at all"})) == "1");
}

BOOST_AUTO_TEST_CASE(never_mixes_two_actors_of_one_subject) {
  reading read;
  read.subjects = subject_map("S", nats::subject_encoding::underscore);
  BOOST_CHECK_EXCEPTION(read.of({stored(1, "order-a.b"), stored(2, "order-a b")}, "order-a.b"), error,
                        [](error const& e) { return e.code() == errc::actor_mismatch && names(e, "order-a b"); });
  // No actor of this subject: a fault, as everywhere.
  BOOST_TEST(faults(read.of({stored(1, "order-a.b"), stored(2, "else")}, "order-a.b")) == "11");
  BOOST_TEST(faults(read.of({stored(1, "order-a.b"), stored(2, "order-a\nb")}, "order-a.b")) == "11");
}

BOOST_AUTO_TEST_CASE(asks_for_a_sequence_it_needs) {
  reading read;
  history_builder builder(read.subjects, "order-1", 0, true, read.limits);
  auto const good = stored(1);
  BOOST_TEST(builder.on_message(message_view(good, 0)));
  BOOST_TEST(!builder.on_message(message_view("bad", 0)));
  BOOST_TEST(builder.on_message(message_view("bad", 4)));
  auto const r = builder.take();
  BOOST_TEST(versions(r) == "1");
  BOOST_TEST(faults(r) == "4");
}

BOOST_AUTO_TEST_SUITE_END()
