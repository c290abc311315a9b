// A monitoring page's address, and an answer of HTTP as it comes.
#include "nats/http_answer.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

BOOST_AUTO_TEST_SUITE(http_answers)

using namespace aether::nats::detail;

namespace {

std::string shown_state(http_state s) {
  return s == http_state::complete ? "complete" : s == http_state::broken ? "broken" : "incomplete";
}

} // namespace

BOOST_AUTO_TEST_CASE(where_a_page_is) {
  struct address_case {
    std::string url, host;
    int port;
    std::string path;
  };
  std::vector<address_case> const all{
      {"http://a:8222", "a", 8222, "/varz"},
      {"http://a:8222/", "a", 8222, "/varz"},
      {"http://a", "a", 80, "/varz"},
      {"http://127.0.0.1:65535/base/", "127.0.0.1", 65535, "/base/varz"},
      {"http://a:1/varz", "a", 1, "/varz"},
      {"http://a:1/x/varz/", "a", 1, "/x/varz"},
      {"http://[::1]:8222", "::1", 8222, "/varz"},
      {"http://[::1]", "::1", 80, "/varz"},
  };
  for (auto const& c : all) {
    auto const page = monitoring_page(c.url);
    BOOST_TEST_REQUIRE(std::holds_alternative<http_address>(page), c.url);
    auto const& to = std::get<http_address>(page);
    BOOST_TEST(to.host == c.host, c.url);
    BOOST_TEST(to.port == c.port, c.url);
    BOOST_TEST(to.path == c.path, c.url);
  }
  auto const v6 = std::get<http_address>(monitoring_page("http://[::1]:8222"));
  BOOST_TEST(http_request(v6).starts_with("GET /varz HTTP/1.0\r\nHost: [::1]:8222\r\n"));
  BOOST_TEST(http_request(v6).ends_with("\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(what_is_no_address_of_one) {
  std::vector<std::pair<std::string, std::string>> const all{
      {"https://a:8222", "TLS"},      {"", "http://host:8222"},
      {"a:8222", "http://host:8222"}, {"nats://a:4222", "http://host:8222"},
      {"http://", "no host"},         {"http://:8222", "no host"},
      {"http:///varz", "no host"},    {"http://[]:8222", "no host"},
      {"http://[::1", "not closed"},  {"http://[::1]8222", "port"},
      {"http://a:", "port"},          {"http://a:0", "port"},
      {"http://a:65536", "port"},     {"http://a:-1", "port"},
      {"http://a:82x", "port"},       {"http://u:p@a:8222", "users"},
      {"http://a/x?y", "queries"},    {"http://a/x#y", "fragments"},
      {"http://a b", "blanks"},       {"http://a/\r\nX: y", "blanks"},
      {"http://a/\x7F", "blanks"},    {"http://\xC3\xA4", "blanks"},
  };
  for (auto const& [url, part] : all) {
    auto const page = monitoring_page(url);
    BOOST_TEST_REQUIRE(std::holds_alternative<std::string>(page), url);
    BOOST_TEST(std::get<std::string>(page).find(part) != std::string::npos, url << ": " << std::get<std::string>(page));
  }
}

BOOST_AUTO_TEST_CASE(answers_whole_and_in_part) {
  struct answer_case {
    std::string text;
    bool ended;
    std::string state;
    std::string body; ///< or of what is wrong
  };
  std::string const ok = "HTTP/1.0 200 OK\r\n";
  std::vector<answer_case> const all{
      {"", false, "incomplete", ""},
      {"", true, "broken", "ended in its header"},
      {"HTTP", false, "incomplete", ""},
      {"INFO {", false, "broken", "no HTTP"},
      {"HTTP/2 200 OK\r\n\r\n", false, "broken", "no HTTP"},
      {"HTTP/1.1 abc OK\r\n\r\n", false, "broken", "no HTTP"},
      {"HTTP/1.1 99\r\n\r\n", false, "broken", "no HTTP"},
      {"HTTP/1.1 2000 OK\r\n\r\n", false, "broken", "no HTTP"},
      {"HTTP/1.1 404 Not Found\r\n\r\n", false, "broken", "status 404"},
      {"HTTP/1.1 301 Moved\r\nLocation: https://a\r\n\r\n", false, "broken", "status 301"},
      {ok + "A: b\r\n", false, "incomplete", ""},
      {ok + "A: b\r\n", true, "broken", "ended in its header"},
      {ok + "\r\n{}", false, "incomplete", ""},
      {ok + "\r\n{}", true, "complete", "{}"},
      {"HTTP/1.1 200\r\n\r\n{}", true, "complete", "{}"},
      {ok + "Content-Length: 2\r\n\r\n{}", false, "complete", "{}"},
      {ok + "content-length:2 \r\n\r\n{}more", false, "complete", "{}"},
      {ok + "Content-Length: 3\r\n\r\n{}", false, "incomplete", ""},
      {ok + "Content-Length: 3\r\n\r\n{}", true, "broken", "ended early"},
      {ok + "Content-Length: 0\r\n\r\n", false, "complete", ""},
      {ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false, "complete", "{}"},
      {ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", false, "broken", "length"},
      {ok + "Content-Length: -1\r\n\r\n{}", false, "broken", "length"},
      {ok + "Content-Length: 99999999999999999999\r\n\r\n{}", false, "broken", "length"},
      {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}", false, "broken", "pieces"},
      {ok + "nonsense\r\n: x\r\n\r\n{}", true, "complete", "{}"},
  };
  for (auto const& c : all) {
    BOOST_TEST_CONTEXT(c.text) {
      auto const a = read_http_answer(c.text, c.ended);
      BOOST_TEST(shown_state(a.state) == c.state, a.why);
      if (a.state == http_state::complete)
        BOOST_TEST(a.body == c.body);
      if (a.state == http_state::broken)
        BOOST_TEST(a.why.find(c.body) != std::string::npos, a.why);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
