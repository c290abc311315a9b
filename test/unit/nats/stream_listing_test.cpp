// Streams as JetStream's API describes them.
#include "nats/stream_listing.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>

BOOST_AUTO_TEST_SUITE(stream_listings)

using namespace aether;
using namespace aether::nats::detail;

namespace {

std::string stream(std::string const& name, std::string const& subject, std::string const& description = {}) {
  return R"({"config":{"name":")" + name + R"(","subjects":[")" + subject + R"("],"num_replicas":3,"description":")" +
         description + R"("},"created":"2026-01-31T12:00:00Z","state":{"messages":5,"bytes":700,"first_seq":2,)" +
         R"("last_seq":9,"num_subjects":4,"num_deleted":3,"last_ts":"2026-01-31T13:00:00Z"}})";
}

streams_answer page_of(std::string const& streams, std::string const& total) {
  auto const answer = parse_streams_answer(R"({"total":)" + total + R"(,"offset":0,"streams":)" + streams + '}');
  return std::get<streams_answer>(answer);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_is_read) {
  auto const record = R"({\"aether\":1,\"namespace\":\"t\",\"stream\":\"orders\",\"encoding\":\"underscore\"})";
  auto const answer = parse_listed_stream(stream("t_orders", "t_orders.events.>", record));
  BOOST_TEST_REQUIRE(std::holds_alternative<listed_stream>(answer));
  auto const& s = std::get<listed_stream>(answer);
  BOOST_TEST(s.name == "t_orders");
  BOOST_TEST((s.has_record == record_state::read));
  BOOST_TEST(s.record.name_space == "t");
  BOOST_TEST(s.record.stream_name == "orders");
  BOOST_TEST(s.holds_events);
  BOOST_TEST(s.messages == 5u);
  BOOST_TEST(s.bytes == 700u);
  BOOST_TEST(s.first_sequence == 2u);
  BOOST_TEST(s.last_sequence == 9u);
  BOOST_TEST(s.subjects == 4u);
  BOOST_TEST(s.deleted == 3u);
  BOOST_TEST(s.replicas == 3);
  BOOST_TEST((s.last_time - s.created == std::chrono::hours(1)));
}

BOOST_AUTO_TEST_CASE(a_page_is_read) {
  auto const page =
      page_of('[' + stream("a", "a.events.>") + ',' + stream("a_dead", "a_dead.letters.>") + R"(,{},7])", "9");
  BOOST_TEST(page.total == 9u);
  BOOST_TEST(page.on_page == 4u);
  BOOST_TEST_REQUIRE(page.streams.size() == 2u);
  BOOST_TEST(page.streams[0].holds_events);
  BOOST_TEST((page.streams[0].has_record == record_state::none));
  BOOST_TEST(!page.streams[1].holds_events);
  BOOST_TEST(page_of("null", "0").streams.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_page) {
  for (std::string const text : {"", "[]", "7", "{"}) {
    auto const answer = parse_streams_answer(text);
    BOOST_TEST(std::holds_alternative<api_error>(answer), text);
  }
  auto const refused =
      parse_listed_stream(R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})");
  BOOST_TEST_REQUIRE(std::holds_alternative<api_error>(refused));
  BOOST_TEST((to_errc(std::get<api_error>(refused)) == errc::stream_not_found));
  BOOST_TEST(std::holds_alternative<api_error>(parse_listed_stream("{}")));
}

BOOST_AUTO_TEST_SUITE_END()
