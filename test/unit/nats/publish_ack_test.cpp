// Acknowledgements: read in any spacing and order, and sorted so that nothing uncertain counts as stored or dead.
#include <nats/publish_ack.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>

BOOST_AUTO_TEST_SUITE(publish_acks)

using namespace aether::nats::detail;
using aether::errc;

namespace {

struct row {
  std::string text;
  publish_answer answer;
  std::uint64_t sequence = 0;
  boost::system::error_code error{};
};
std::ostream& operator<<(std::ostream& out, row const& r) { return out << r.text; }

std::string error_text(int code, int err_code) {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"err_code":)" + std::to_string(err_code) +
         R"(,"description":"d"},"stream":"S","seq":0})";
}

constexpr auto largest = std::numeric_limits<std::uint64_t>::max();

row const rows[] = {
    {R"({"stream":"S", "seq":1})", publish_answer::stored, 1},
    {R"({"stream":"S","seq":1})", publish_answer::stored, 1},
    {" {\t\"seq\" : 42 ,\r\n \"stream\" : \"S\" } \n", publish_answer::stored, 42},
    {R"({"stream":"S","seq":18446744073709551615})", publish_answer::stored, largest},
    {R"({"stream":"S","domain":"hub","seq":7,"duplicate":false})", publish_answer::stored, 7},
    {R"({"stream":"\u0053","seq":7,"val":"3","later":{"a":[1,2,{"b":null}]}})", publish_answer::stored, 7},
    {R"({"stream":"S","seq":9,"batch":"b1","count":3})", publish_answer::stored, 9},
    {R"({"stream":"S", "seq":1,"duplicate": true})", publish_answer::duplicate, 1},
    {R"({"stream":"S","seq":0,"duplicate":true})", publish_answer::duplicate, 0},
    {error_text(400, 10071), publish_answer::wrong_last, 0, errc::version_conflict},
    {error_text(400, 10164), publish_answer::wrong_last, 0, errc::version_conflict},
    {error_text(409, 10158), publish_answer::id_refused, 0, errc::server_error},
    {error_text(400, 10201), publish_answer::id_refused, 0, errc::server_error},
    {error_text(503, 10163), publish_answer::try_again, 0, errc::jetstream_not_available},
    {error_text(429, 10167), publish_answer::try_again, 0, errc::overloaded},
    {error_text(429, 10210), publish_answer::try_again, 0, errc::overloaded},
    {error_text(400, 10176), publish_answer::try_again, 0, errc::server_error},
    {error_text(503, 10008), publish_answer::try_again, 0, errc::jetstream_not_available},
    {error_text(500, 10009), publish_answer::try_again, 0, errc::server_error},
    {error_text(503, 10023), publish_answer::rejected, 0, errc::storage_full},
    {error_text(503, 10077), publish_answer::rejected, 0, errc::storage_full},
    {error_text(400, 10002), publish_answer::rejected, 0, errc::storage_full},
    {error_text(400, 10054), publish_answer::rejected, 0, errc::event_too_large},
    {error_text(400, 10174), publish_answer::rejected, 0, errc::batch_not_supported},
    {error_text(400, 10109), publish_answer::rejected, 0, errc::server_error},
    {R"({"error":{"code":503,"err_code":10039,"description":"x"}})", publish_answer::rejected, 0,
     errc::jetstream_not_available},
    {R"({"stream":"T","seq":1})", publish_answer::rejected, 0, errc::stream_not_found},
    // Not understood: whether it is stored is not known.
    {"", publish_answer::unanswered, 0, errc::protocol_error},
    {"+ACK", publish_answer::unanswered, 0, errc::protocol_error},
    {"{}", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S"})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"seq":1})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"","seq":1})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":0})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":-1})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1.5})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1e2})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":18446744073709551616})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":"1"})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":01})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":null,"seq":1})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,"duplicate":1})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,"duplicate":truth})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,"error":null})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,"error":{}})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,"error":{"code":99999999999}})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1}{"stream":"S","seq":2})", publish_answer::unanswered, 0, errc::protocol_error},
    {R"({"stream":"S","seq":1,})", publish_answer::unanswered, 0, errc::protocol_error},
    {"{\"stream\":\"S\xFF\",\"seq\":1}", publish_answer::unanswered, 0, errc::protocol_error},
};

} // namespace

BOOST_DATA_TEST_CASE(sorted_by_what_to_do, boost::unit_test::data::make(rows), r) {
  publish_ack ack;
  ack.stream = "left from before";
  ack.sequence = 99;
  ack.duplicate = true;
  ack.error.emplace();
  auto const v = classify(r.text, "S", ack);
  BOOST_TEST((v.answer == r.answer));
  BOOST_TEST(v.sequence == r.sequence);
  BOOST_TEST(v.error == r.error);
}

BOOST_AUTO_TEST_CASE(a_cut_off_answer_is_never_stored) {
  for (std::string const text : {R"({"stream":"S", "seq":123,"duplicate": true})", R"({"seq":123,"stream":"S"})"})
    for (std::size_t n = 0; n != text.size(); ++n) {
      publish_ack ack;
      BOOST_TEST((classify(text.substr(0, n), "S", ack).answer == publish_answer::unanswered));
    }
}

BOOST_AUTO_TEST_CASE(a_batch_s_commit) {
  publish_ack ack;
  BOOST_REQUIRE(parse_publish_ack(R"({"stream":"S","seq":9,"domain":"hub","batch":"b1","count":3})", ack));
  BOOST_TEST(ack.batch == "b1");
  BOOST_TEST(ack.count == 3u);
  BOOST_TEST(ack.domain == "hub");
  BOOST_REQUIRE(parse_publish_ack(R"({"stream":"S","seq":10})", ack));
  BOOST_TEST(ack.batch.empty());
  BOOST_TEST(ack.count == 0u);
  BOOST_TEST(ack.domain.empty());
  BOOST_TEST(!ack.error.has_value());
}

BOOST_AUTO_TEST_CASE(an_error_keeps_its_words) {
  publish_ack ack;
  BOOST_REQUIRE(parse_publish_ack(error_text(400, 10071), ack));
  BOOST_REQUIRE(ack.error.has_value());
  BOOST_TEST(text_of(*ack.error) == "d (JetStream error 10071, status 400)");
}

BOOST_AUTO_TEST_SUITE_END()
