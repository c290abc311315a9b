// The envelope of a command and its answer: there and back, and whatever is not one.
#include "command_envelope.hpp"
#include "error_names.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>

BOOST_AUTO_TEST_SUITE(command_envelopes)

using namespace aether;
using namespace aether::detail;
using namespace std::chrono_literals;

namespace {

std::string const plain = R"({"v":1,"type":"Deposit","actorId":"account-1","commandId":"c-1","data":{"amount":7}})";

envelope_fault fault_of(std::string const& text, std::string* why = nullptr) {
  command_envelope e;
  std::string reason;
  auto const fault = parse_envelope(text, e, reason);
  BOOST_TEST(reason.empty() == (fault == envelope_fault::none));
  if (why)
    *why = reason;
  return fault;
}

std::string with(std::string const& member) { return plain.substr(0, plain.size() - 1) + ',' + member + '}'; }

BOOST_AUTO_TEST_CASE(an_envelope_comes_back_as_it_was) {
  command_envelope e;
  e.type = "Deposit";
  e.actor_id = "account-4.2/\xC3\xB6";
  e.command_id = "c 1";
  e.data["amount"] = std::int64_t{9'007'199'254'740'993};
  e.metadata.correlation_id("web-1");
  e.maybe_repeated = true;
  e.timeout = 9s;
  e.hop = 1;
  e.stamp.incarnation = "i";
  e.stamp.renewal = 12;
  e.from = "north";
  command_envelope back;
  std::string why;
  BOOST_TEST_REQUIRE((parse_envelope(to_text(e), back, why) == envelope_fault::none), why);
  BOOST_TEST(back.type == e.type);
  BOOST_TEST(back.actor_id == e.actor_id);
  BOOST_TEST(back.command_id == e.command_id);
  BOOST_TEST((back.data == e.data));
  BOOST_TEST((back.metadata == e.metadata));
  BOOST_TEST(back.maybe_repeated);
  BOOST_TEST((back.timeout == e.timeout));
  BOOST_TEST(back.hop == 1);
  BOOST_TEST(back.stamp.incarnation == "i");
  BOOST_TEST(back.stamp.renewal == 12u);
  BOOST_TEST(back.from == "north");
}

BOOST_AUTO_TEST_CASE(doubles_come_back_as_they_were) {
  // The first three are those of their neighbours to boost::json 1.81's own parser.
  for (double const d : {474.59380568556355, 458.12455122160236, 113.17408141314563, 0.1, 1e-7, 5e-324,
                         2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0}) {
    command_envelope e, back;
    e.type = e.actor_id = e.command_id = "x";
    e.data["rate"] = d;
    std::string why;
    BOOST_TEST_REQUIRE((parse_envelope(to_text(e), back, why) == envelope_fault::none), why);
    BOOST_TEST(back.data.at("rate").as_double() == d);
  }
}

BOOST_AUTO_TEST_CASE(data_that_json_cannot_hold_is_not_sent) {
  for (auto const& bad : {boost::json::value(std::numeric_limits<double>::quiet_NaN()),
                          boost::json::value(-std::numeric_limits<double>::infinity()), boost::json::value("\xFF")}) {
    command_envelope e;
    e.data["bad"] = bad;
    BOOST_CHECK_EXCEPTION(to_text(e), error, [](error const& x) { return x.code() == errc::invalid_argument; });
  }
}

BOOST_AUTO_TEST_CASE(of_what_an_object_held_before_nothing_stays) {
  command_envelope e;
  e.metadata.set("k", "v");
  e.hop = 3;
  e.stamp.incarnation = "i";
  e.from = "north";
  std::string why;
  BOOST_TEST((parse_envelope(plain, e, why) == envelope_fault::none));
  BOOST_TEST(e.metadata.empty());
  BOOST_TEST(e.hop == 0);
  BOOST_TEST(e.stamp.incarnation.empty());
  BOOST_TEST(e.from.empty());
  command_answer a;
  a.text = "too much";
  a.owner = "north";
  BOOST_TEST(parse_answer(R"({"v":1,"outcome":"moved"})", a, why));
  BOOST_TEST(a.text.empty());
  BOOST_TEST(a.owner.empty());
}

BOOST_AUTO_TEST_CASE(a_lease_without_an_incarnation_says_nothing) {
  command_envelope e;
  std::string why;
  auto const text = with(R"("lease":{"incarnation":"","renewal":7})");
  BOOST_TEST_REQUIRE((parse_envelope(text, e, why) == envelope_fault::none), why);
  BOOST_TEST(e.stamp.incarnation.empty());
  BOOST_TEST(e.stamp.renewal == 0u);
}

BOOST_AUTO_TEST_CASE(what_may_be_left_out_may_be_left_out) {
  BOOST_TEST((fault_of(plain) == envelope_fault::none));
  BOOST_TEST((fault_of(with(R"("later":{"than":1},"metadata":null)")) == envelope_fault::none));
}

BOOST_AUTO_TEST_CASE(another_version_is_told_apart) {
  std::string why;
  BOOST_TEST((fault_of(R"({"v":2,"whatever":true})", &why) == envelope_fault::other_version));
  BOOST_TEST(why.find("version 2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_envelope_is_refused) {
  std::string const deep = std::string(40, '[') + std::string(40, ']');
  std::string nested = "{}";
  for (int i = 0; i < 32; ++i)
    nested = R"({"a":)" + nested + '}';
  for (auto const& text : {std::string(),
                           std::string("x"),
                           std::string("[]"),
                           std::string("{}"),
                           std::string(R"({"v":"1"})"),
                           std::string(R"({"v":-1})"),
                           std::string(R"({"v":1.0})"),
                           std::string(R"({"v":1})"),
                           plain + "x",
                           with(R"("hop":17)"),
                           with(R"("hop":-1)"),
                           with(R"("timeoutMs":-1)"),
                           with(R"("timeoutMs":1e3)"),
                           with(R"("timeoutMs":99999999999)"),
                           with(R"("maybeRepeated":1)"),
                           with(R"("metadata":{"a":1})"),
                           with(R"("metadata":[])"),
                           with(R"("lease":{})"),
                           with(R"("lease":{"incarnation":"i","renewal":-1})"),
                           with(R"("from":7)"),
                           with(R"("data":[])"),
                           with(R"("data":null)"),
                           with(R"("actorId":"")"),
                           with(R"("commandId":")" + std::string(256, 'x') + '"'),
                           with(R"("type":"a\u0000b")"),
                           with(R"("x":)" + deep),
                           with(R"("x":1e400)"),
                           with(R"("data":)" + nested),
                           with("\"from\":\"\xFF\"")})
    BOOST_TEST((fault_of(text) == envelope_fault::malformed), text.substr(0, 120));
}

BOOST_AUTO_TEST_CASE(why_an_envelope_is_refused_holds_nothing_of_its_data) {
  std::string why;
  fault_of(R"({"v":1,"type":"Deposit","actorId":"account-1","data":{"secret":"sesame"}})", &why);
  BOOST_TEST(why == "commandId is missing");
}

command_answer there_and_back(command_answer const& a) {
  command_answer back;
  std::string why;
  BOOST_TEST_REQUIRE(parse_answer(to_text(a), back, why), why);
  return back;
}

BOOST_AUTO_TEST_CASE(answers_come_back_as_they_were) {
  command_answer a;
  a.how = command_answer::end::done;
  a.result.first_version = 7;
  a.result.last_version = 8;
  a.result.repeated = true;
  BOOST_TEST((there_and_back(a).result == a.result));
  a = {};
  a.how = command_answer::end::rejected;
  a.reason = rejection("insufficient_funds", "there are 3");
  BOOST_TEST((there_and_back(a).reason == a.reason));
  a = {};
  a.how = command_answer::end::moved;
  a.owner = "north";
  BOOST_TEST(there_and_back(a).owner == "north");
  a = {};
  a.error = errc::overloaded;
  a.text = "too much";
  BOOST_TEST((there_and_back(a).error == errc::overloaded));
  BOOST_TEST(there_and_back(a).text == "too much");
}

BOOST_AUTO_TEST_CASE(words_that_are_not_utf8_are_escaped) {
  command_answer a;
  a.how = command_answer::end::rejected;
  a.reason = rejection("no\xE4", "Betrag zu gro\xDF");
  BOOST_TEST((there_and_back(a).reason == rejection("no\\xE4", "Betrag zu gro\\xDF")));
  a = {};
  a.error = errc::decide_failed;
  a.text = "gro\xDF";
  BOOST_TEST(there_and_back(a).text == "gro\\xDF");
}

BOOST_AUTO_TEST_CASE(an_error_without_a_name_is_the_servers) {
  command_answer a;
  std::string why;
  BOOST_TEST(parse_answer(R"({"v":1,"outcome":"failed","error":"from_the_future","text":"x"})", a, why));
  BOOST_TEST((a.error == errc::server_error));
  BOOST_TEST(a.text == "from_the_future: x");
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_is_not_understood) {
  command_answer a;
  std::string why;
  for (auto const* text :
       {"", "{}", "[1]", R"({"v":2,"outcome":"done"})", R"({"v":1,"outcome":"maybe"})", R"({"v":1,"outcome":"done"})",
        R"({"v":1,"outcome":"rejected"})", R"({"stream":"KV","seq":3})",
        R"({"v":1,"outcome":"done","firstVersion":-1,"lastVersion":1})"})
    BOOST_TEST(!parse_answer(text, a, why), text);
}

BOOST_AUTO_TEST_CASE(every_error_name_leads_back) {
  for (int i = 1; i < 200; ++i) {
    auto const name = error_name(static_cast<errc>(i));
    if (!name.empty())
      BOOST_TEST((error_of(name) == static_cast<errc>(i)), name);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE_END()
