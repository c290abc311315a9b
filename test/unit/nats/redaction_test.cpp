// What is secret is not in the texts that are logged, whoever wrote it there.
#include "nats/redaction.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(redaction)

using namespace aether::nats;
using detail::redacted;
using detail::secrets_of;

BOOST_AUTO_TEST_CASE(each_secret_of_the_options_is_known) {
  connection_options o;
  o.user = "alice";
  o.password = "pass-word";
  o.token = "tok.en";
  o.servers = {"nats://bob:in-the-url@a:1", "nats://a-token-alone@b:2", "nats://c:3", "user:bare@d:4",
               "nats://e:p%40ss%2@e:5"};
  auto const secrets = secrets_of(o);
  for (std::string const secret : {"pass-word", "tok.en", "in-the-url", "a-token-alone", "bare", "p%40ss%2", "p@ss%2"})
    BOOST_TEST(redacted("x" + secret + "y " + secret, secrets) == "x***y ***");
  BOOST_TEST(redacted("alice met bob", secrets) == "alice met bob");
}

BOOST_AUTO_TEST_CASE(the_longest_secret_is_taken_out_first) {
  connection_options o;
  o.password = "secret";
  o.token = "secret-and-more";
  BOOST_TEST(redacted("secret-and-more secret", secrets_of(o)) == "*** ***");
}

BOOST_AUTO_TEST_CASE(short_secrets_are_no_patterns) {
  connection_options o;
  o.password = "e";
  BOOST_TEST(redacted("connection refused", secrets_of(o)) == "connection refused");
}

BOOST_AUTO_TEST_CASE(texts) {
  std::string const seed = "SUAGMPLQCUDSTUQUNXHS6HY2UUMR64IHGQXBEHXVC44STLG7LSLR3N3PTE";
  std::string const public_key = "UABLS2MQIW3J4PPOOOLXV7KQIDIPZHATZ5BWGUJVHETVJE2533ONATMR";
  std::string const jwt = "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3.z9lG_cpr1-PQ";
  struct row {
    std::string text, told;
  };
  std::vector<row> const rows{
      {"", ""},
      {"Connection refused", "Connection refused"},
      {"nats://127.0.0.1:4222: timeout", "nats://127.0.0.1:4222: timeout"},
      {"nats://alice:pw@host:4222: timeout", "nats://***@host:4222: timeout"},
      {"tls://t@host nats://a:b@c", "tls://***@host nats://***@c"},
      {"nats://alice:p@ss@host/x", "nats://***@host/x"},
      {"nats://host/a@b", "nats://host/a@b"}, // behind the host
      {"nats://host and me@example.org", "nats://host and me@example.org"},
      {"://", "://"},
      {"nats://@host", "nats://@host"},
      {"seed " + seed + '.', "seed ***"},
      {"seed '" + seed + "'", "seed '***'"},
      {"user " + public_key, "user " + public_key},
      {R"({"jwt":")" + jwt + R"("})", R"({"jwt":"***"})"},
      {"eyJ is short", "eyJ is short"},
      {"\n\xff\x01", "\n\xff\x01"}, // the logger escapes it
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (auto const& r : rows)
    BOOST_TEST(redacted(r.text, {}) == r.told);
}

BOOST_AUTO_TEST_SUITE_END()
