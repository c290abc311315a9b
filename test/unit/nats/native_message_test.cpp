// Messages of cnats: nothing gets into a subject or a header that would break the protocol, and all comes back.
#include <nats/native_message.hpp>
#include <nats/outgoing_message.hpp>

#include <aether/error.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(native_messages)

using namespace aether::nats;
using namespace aether::nats::detail;
using aether::errc;

namespace {

bool is_invalid(aether::error const& e) { return e.code() == errc::invalid_argument; }

std::string const unsafe[] = {
    "", " ", "a b", "a\r\nPUB x 0", "a\nb", "a\tb", std::string("a\0b", 3), "a\x7F", std::string(4096, 'a')};

} // namespace

BOOST_DATA_TEST_CASE(a_subject_that_would_break_the_protocol_is_refused, unsafe, subject) {
  BOOST_TEST(!is_safe_subject(subject));
  BOOST_CHECK_EXCEPTION(outgoing_message(subject, "", "x"), aether::error, is_invalid);
  if (!subject.empty())
    BOOST_CHECK_EXCEPTION(outgoing_message("a", subject, "x"), aether::error, is_invalid);
  BOOST_CHECK_EXCEPTION(outgoing_message(message(subject, "x"), ""), aether::error, is_invalid);
}

BOOST_AUTO_TEST_CASE(safe_subjects_pass) {
  for (auto const& subject : {std::string("a"), std::string("a.b.>"), std::string("é"), std::string(4032, 'a')})
    BOOST_TEST(outgoing_message(subject, "", "x").subject() == subject);
  // They share the line that a server limits.
  BOOST_CHECK_EXCEPTION(outgoing_message(std::string(4000, 'a'), std::string(33, 'r'), "x"), aether::error, is_invalid);
}

BOOST_AUTO_TEST_CASE(what_can_be_subscribed_to) {
  for (auto const* good : {"a", "a.b", "*", ">", "a.*.b", "a.>", "*.*.>", "é.$x"})
    BOOST_TEST(is_safe_filter(good), good);
  for (auto const* bad :
       {"", ".", "a.", ".a", "a..b", "a*", "*a.b", "a.b>", ">.a", "a.>.b", "**", ">>", "a b", "a\r\nb"})
    BOOST_TEST(!is_safe_filter(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_message_comes_back_as_it_was) {
  message m("s.x", std::string("a\0\r\nb", 5));
  m.headers = {{"Name", "value"}, {"Other", ""}, {"Name", "second"}};
  native_message native(outgoing_message(m, "reply.to").parts());
  BOOST_TEST(native.header("Name") == "value");
  BOOST_TEST(native.header("name") == "");
  BOOST_TEST(native.header("None") == "");
  auto const back = std::move(native).to_message();
  BOOST_TEST(back.subject == "s.x");
  BOOST_TEST(back.reply == "reply.to");
  BOOST_TEST(back.data == m.data);
  BOOST_TEST(back.status == 0);
  BOOST_TEST(back.header("Name") == "value");
  BOOST_TEST(back.headers.size() == 3u);
}

// cnats finds `userId` where it is asked for `user`: their hashes are equal, and it compares no further.
BOOST_AUTO_TEST_CASE(a_name_that_begins_another_keeps_its_own_values) {
  header_list const lists[] = {{{"userId", "1"}, {"user", "2"}, {"userId", "3"}, {"user", "4"}},
                               {{"user", "2"}, {"userId", "1"}, {"user", "4"}, {"userId", "3"}},
                               {{"trace", "a"}, {"traceId", "b"}, {"A", "c"}, {"Abc", "d"}}};
  for (auto const& headers : lists) {
    message m("a.b", "");
    m.headers = headers;
    auto back = native_message(outgoing_message(m, "").parts()).to_message().headers;
    auto sent = headers;
    auto const by_name = [](auto const& a, auto const& b) { return a.first < b.first; };
    std::stable_sort(sent.begin(), sent.end(), by_name);
    std::stable_sort(back.begin(), back.end(), by_name);
    BOOST_TEST((back == sent));
  }
}

BOOST_AUTO_TEST_CASE(headers_that_would_break_the_protocol_are_refused) {
  for (auto const& [name, value] : header_list{{"", "v"},
                                               {"a:b", "v"},
                                               {"a b", "v"},
                                               {"a\r\nb", "v"},
                                               {"a", "v\r\nx: y"},
                                               {"a", "v\n"},
                                               {std::string("a\0b", 3), "v"},
                                               {"a", std::string("v\0w", 3)},
                                               {"a\tb", "v"}}) {
    message m("s", "x");
    m.headers = {{name, value}};
    BOOST_CHECK_EXCEPTION(outgoing_message(m, ""), aether::error, is_invalid);
  }
}

BOOST_AUTO_TEST_CASE(a_status_is_a_number_and_nothing_else) {
  auto const status_of = [](std::string const& text) {
    return native_message(outgoing_message("s", "", "x", {{"Status", text}}).parts()).status();
  };
  BOOST_TEST(native_message(outgoing_message("s", "", "x").parts()).status() == 0);
  BOOST_TEST(status_of("503") == 503);
  BOOST_TEST(status_of("no") == 0);
  BOOST_TEST(status_of("99999999999999999999") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
