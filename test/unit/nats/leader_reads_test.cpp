// What is asked of the stream's leader, and what its answers say.
#include "nats/leader_reads.hpp"
#include "nats/outgoing_message.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(leader_reads_rules)

using namespace aether;
using namespace aether::nats::detail;

namespace {

leader_answer parsed(std::string const& text) {
  static auto const opened = nats_Open(-1); // cnats destroys no message before
  BOOST_REQUIRE(opened == NATS_OK);
  return parse_leader_answer(native_message(outgoing_message("_INBOX.a", {}, text).parts()));
}

} // namespace

BOOST_AUTO_TEST_CASE(asks_in_the_servers_words) {
  BOOST_TEST(last_message_query("S.events.order.order-1") == R"({"last_by_subj":"S.events.order.order-1"})");
  BOOST_TEST(next_message_query("S.events.order.order-1", 7) == R"({"seq":7,"next_by_subj":"S.events.order.order-1"})");
  BOOST_TEST(message_at_query(18446744073709551615u) == R"({"seq":18446744073709551615})");
  BOOST_TEST(last_message_query("S.events.a.a\"\\b") == R"({"last_by_subj":"S.events.a.a\"\\b"})");
  stream_access stream{nullptr, subject_map("N_S", nats::subject_encoding::percent), "$JS.hub.API", {}};
  BOOST_TEST(leader_read_subject(stream) == "$JS.hub.API.STREAM.MSG.GET.N_S");
}

BOOST_AUTO_TEST_CASE(tells_a_message_from_none_and_from_an_error) {
  auto const message =
      parsed(R"({"message":{"subject":"S.events.a.a","seq":5,"data":"e30=","time":"2026-01-31T12:00:00Z"}})");
  BOOST_REQUIRE(message.message.has_value());
  BOOST_TEST(message.message->sequence == 5u);
  BOOST_TEST(message.message->data == "{}");
  BOOST_TEST(!message.error);

  auto const none = parsed(R"({"error":{"code":404,"err_code":10037,"description":"no message found"}})");
  BOOST_TEST(!none.message.has_value());
  BOOST_TEST(!none.error);

  auto const gone = parsed(R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})");
  BOOST_TEST(!gone.message.has_value());
  BOOST_TEST((gone.error == errc::stream_not_found));
  BOOST_TEST(!gone.temporary);

  auto const leaderless = parsed(R"({"error":{"code":503,"err_code":10008,"description":"no quorum"}})");
  BOOST_TEST((leaderless.error == errc::jetstream_not_available));
  BOOST_TEST(leaderless.temporary);

  BOOST_TEST((parsed("").error == errc::protocol_error));
  BOOST_TEST((parsed("+OK").error == errc::protocol_error));
}

BOOST_AUTO_TEST_SUITE_END()
