// EventStored: written and read back, and refused when it is not well-formed.
#include <aether/event_stored.hpp>

#include <support/events.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(event_stored_notices)

using namespace aether;
using namespace aether::test;
using namespace std::chrono_literals;

namespace {

BOOST_AUTO_TEST_CASE(is_read_back_as_it_was_written) {
  auto e = event_of("order-1", 3);
  e.timestamp = time_point(1'700'000'000s + 999'999'999ns);
  auto const told = as_event_stored(make_event_stored(e));
  BOOST_TEST_REQUIRE(told.has_value());
  BOOST_TEST(told->event_id == e.id);
  BOOST_TEST(told->actor_id == "order-1");
  BOOST_TEST(told->version == 3);
  BOOST_TEST(told->timestamp.time_since_epoch().count() == 1'700'000'000);
}

BOOST_AUTO_TEST_CASE(a_time_before_the_epoch_is_rounded_down) {
  auto e = event_of("order-1", 3);
  e.timestamp = time_point(-1ns);
  BOOST_TEST(make_event_stored(e).data.at("timestamp").as_int64() == -1);
}

char const* const bad[] = {
    R"({"actorId": "a-1", "version": 1, "timestamp": 0})",
    R"({"eventId": 7, "actorId": "a-1", "version": 1, "timestamp": 0})",
    R"({"eventId": "e", "actorId": null, "version": 1, "timestamp": 0})",
    R"({"eventId": "e", "actorId": "a-1", "version": "1", "timestamp": 0})",
    R"({"eventId": "e", "actorId": "a-1", "version": 1.5, "timestamp": 0})",
    R"({"eventId": "e", "actorId": "a-1", "version": 18446744073709551615, "timestamp": 0})",
    R"({"eventId": "e", "actorId": "a-1", "version": 1})",
    R"({})",
};

BOOST_DATA_TEST_CASE(is_none_when_a_field_is_missing_or_mistyped, boost::unit_test::data::make(bad), data) {
  auto e = make_event_stored(event_of("order-1", 1));
  e.data = boost::json::parse(data).as_object();
  BOOST_TEST(!as_event_stored(e).has_value());
}

BOOST_AUTO_TEST_CASE(is_none_of_another_type) {
  auto e = make_event_stored(event_of("order-1", 1));
  e.event_type = "EventStoredElsewhere";
  BOOST_TEST(!as_event_stored(e).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
