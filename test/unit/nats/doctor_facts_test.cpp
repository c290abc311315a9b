// What servers answer, as facts about a stream.
#include "nats/doctor_facts.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>

BOOST_AUTO_TEST_SUITE(facts_for_the_doctor)

using namespace aether;
using namespace aether::nats::detail;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_stream_and_its_copies) {
  auto const answer = parse_stream_facts(R"({"config":{"name":"S","num_replicas":3},"created":"2026-01-31T12:00:00Z",
    "state":{"messages":5,"bytes":700,"first_seq":2,"first_ts":"2026-01-31T12:30:00.5Z","last_seq":9,"num_subjects":4,
             "num_deleted":3,"consumer_count":2,"lost":{"msgs":[4,5],"bytes":9}},
    "cluster":{"name":"C","leader":"a","replicas":[{"name":"b","current":true,"active":1000000},
               {"name":"c","current":false,"offline":true,"active":5000000000,"lag":7},17]}})");
  BOOST_TEST_REQUIRE(std::holds_alternative<stream_facts>(answer));
  auto const& s = std::get<stream_facts>(answer);
  BOOST_TEST(s.name == "S");
  BOOST_TEST(s.messages == 5u);
  BOOST_TEST(s.bytes == 700u);
  BOOST_TEST(s.first_sequence == 2u);
  BOOST_TEST(s.deleted == 3u);
  BOOST_TEST(s.lost == 2u);
  BOOST_TEST(s.consumers == 2u);
  BOOST_TEST(s.subjects.value() == 4u);
  BOOST_TEST((s.first_time == time_point(std::chrono::milliseconds(1'769'862'600'500))));
  BOOST_TEST(s.tells_copies);
  BOOST_TEST(s.cluster == "C");
  BOOST_TEST(s.leader == "a");
  BOOST_TEST(!s.is_moving);
  BOOST_TEST_REQUIRE(s.copies.size() == 2u);
  BOOST_TEST(s.copies[0].current);
  BOOST_TEST(!s.copies[0].offline);
  BOOST_TEST(s.copies[1].server == "c");
  BOOST_TEST(s.copies[1].offline);
  BOOST_TEST(s.copies[1].lag == 7u);
  BOOST_TEST((s.copies[1].silent == 5s));
}

BOOST_AUTO_TEST_CASE(a_stream_that_moves) {
  auto const with = [](std::string const& desired) {
    return std::get<stream_facts>(
        parse_stream_facts(R"({"config":{"name":"S"},"state":{},"cluster":{"leader":"a","desired":)" + desired + "}}"));
  };
  auto const told = with(R"({"name":"C","replicas":[],"status":{"description":"waiting for quorum","type":"quorum"}})");
  BOOST_TEST(told.is_moving);
  BOOST_TEST(told.waits_for == "waiting for quorum");
  BOOST_TEST(with(R"({"status":7})").is_moving);
  BOOST_TEST(with(R"({"status":{"description":7}})").waits_for == "");
  BOOST_TEST(!with("null").is_moving);
}

BOOST_AUTO_TEST_CASE(an_empty_stream_without_a_cluster) {
  auto const answer = parse_stream_facts(
      R"({"config":{"name":"S"},"state":{"messages":0,"first_ts":"0001-01-01T00:00:00Z","first_seq":0}})");
  auto const& s = std::get<stream_facts>(answer);
  BOOST_TEST(s.subjects.value() == 0u);
  BOOST_TEST((s.first_time == time_point{}));
  BOOST_TEST(!s.tells_copies);
  auto const untold = parse_stream_facts(R"({"config":{"name":"S"},"state":{"messages":7}})");
  BOOST_TEST(!std::get<stream_facts>(untold).subjects.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_no_stream) {
  for (auto const* text : {"", "[]", "{}", R"({"config":{},"state":{}})", R"({"config":{"name":"S"}})"})
    BOOST_TEST(std::get<api_error>(parse_stream_facts(text)).code == 0, text);
  auto const refused =
      parse_stream_facts(R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})");
  BOOST_TEST(std::get<api_error>(refused).err_code == 10059);
}

BOOST_AUTO_TEST_CASE(an_account_and_its_tiers) {
  auto const flat = parse_account_facts(R"({"memory":1,"storage":2,"limits":{"max_memory":-1,"max_storage":10},
    "api":{"level":4}})",
                                        3);
  BOOST_TEST(std::get<account_facts>(flat).api_level == 4);
  BOOST_TEST(std::get<account_facts>(flat).file.used == 2u);
  BOOST_TEST(std::get<account_facts>(flat).file.limit == 10);
  BOOST_TEST(std::get<account_facts>(flat).memory.limit == -1);
  auto const tiers = parse_account_facts(R"({"storage":99,"limits":{"max_storage":0},"api":{},
    "tiers":{"R1":{"storage":1,"limits":{"max_storage":5}},"R3":{"storage":7,"limits":{"max_storage":8}}}})",
                                         3);
  BOOST_TEST(std::get<account_facts>(tiers).api_level == 0);
  BOOST_TEST(std::get<account_facts>(tiers).file.used == 7u);
  BOOST_TEST(std::get<account_facts>(tiers).file.limit == 8);
  BOOST_TEST(std::holds_alternative<api_error>(parse_account_facts("no", 1)));
}

BOOST_AUTO_TEST_CASE(a_server_of_itself) {
  std::string const page = R"({"server_id":"N","server_name":"a","version":"2.15.2","jetstream":{"config":
    {"max_memory":5,"max_storage":9,"sync_interval":120000000000,"sync_always":true},"stats":{"storage":4}}})";
  for (auto const& text : {page, R"({"server":{"name":"a","ver":"2.15.2"},"data":)" + page + '}'}) {
    auto const r = parse_server_report(text);
    BOOST_TEST_REQUIRE(r.has_value());
    BOOST_TEST(r->name == "a");
    BOOST_TEST(r->version == "2.15.2");
    BOOST_TEST(r->has_jetstream);
    BOOST_TEST(r->syncs_always);
    BOOST_TEST((r->sync_interval == std::optional<std::chrono::nanoseconds>(2min)));
    BOOST_TEST(r->file.used == 4u);
    BOOST_TEST(r->file.limit == 9);
  }
  auto const old = parse_server_report(
      R"({"server_name":"a","version":"2.9.10","jetstream":{"config":{"max_storage":9},"stats":{}}})");
  BOOST_TEST(!old->sync_interval.has_value());
  BOOST_TEST(!old->syncs_always);
  auto const without = parse_server_report(R"({"server_name":"a","version":"2.15.2","jetstream":{}})");
  BOOST_TEST(!without->has_jetstream);
  for (auto const* text : {"", "7", "{}", R"({"server_name":"a"})", R"({"data":{"version":"1"}})"})
    BOOST_TEST(!parse_server_report(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
