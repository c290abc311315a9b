// As much of HTTP as it takes to read a server's monitoring page: an address, and an answer's parts.
#include "nats/http_answer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace aether::nats::detail {
namespace {

constexpr std::string_view plain_scheme = "http://";
constexpr std::string_view line_end = "\r\n";

template <class Number> std::optional<Number> whole_number(std::string_view text) {
  Number n{};
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

bool is_printable_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::string_view without_blanks(std::string_view text) noexcept {
  auto const first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

http_answer broken_answer(std::string why) {
  http_answer a;
  a.state = http_state::broken;
  a.why = std::move(why);
  return a;
}

/// The status of `HTTP/1.1 200 OK`; none: it is no such line.
std::optional<int> status_of(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
    return std::nullopt;
  auto const status = whole_number<int>(line.substr(9, 3));
  return status && *status >= 100 ? status : std::nullopt;
}

} // namespace

std::variant<std::string, http_address> monitoring_page(std::string_view url) {
  if (url.starts_with("https://"))
    return "TLS is not spoken to a monitoring port: give an http:// URL, or a connection of the system account";
  if (!url.starts_with(plain_scheme))
    return "a URL as http://host:8222 is expected";
  if (!is_printable_ascii(url) || url.find_first_of("@?#") != std::string_view::npos)
    return "blanks, users, queries and fragments are not understood";
  url.remove_prefix(plain_scheme.size());
  auto const slash = std::min(url.find('/'), url.size());
  auto authority = url.substr(0, slash);
  auto path = url.substr(slash);
  http_address to;
  bool const is_v6 = authority.starts_with('[');
  auto const host_end = is_v6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos)
    return "a [ is not closed";
  to.host = authority.substr(is_v6 ? 1 : 0, host_end - (is_v6 ? 1 : 0));
  if (to.host.empty())
    return "it names no host";
  authority.remove_prefix(host_end + (is_v6 ? 1 : 0));
  if (!authority.empty()) {
    auto const port = authority.front() == ':' ? whole_number<std::uint16_t>(authority.substr(1)) : std::nullopt;
    if (!port || *port == 0)
      return "its port is no number from 1 to 65535";
    to.port = *port;
  }
  while (path.ends_with('/'))
    path.remove_suffix(1);
  to.path = path;
  if (!path.ends_with("/varz"))
    to.path += "/varz";
  return to;
}

std::string http_request(http_address const& to) {
  bool const is_v6 = to.host.find(':') != std::string::npos;
  return "GET " + to.path + " HTTP/1.0\r\nHost: " + (is_v6 ? '[' + to.host + ']' : to.host) + ':' +
         std::to_string(to.port) + "\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
}

http_answer read_http_answer(std::string_view text, bool ended) {
  http_answer answer;
  constexpr std::string_view begin = "HTTP/1.";
  if (!begin.starts_with(text.substr(0, begin.size())))
    return broken_answer("what answers speaks no HTTP");
  auto const head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos)
    return ended ? broken_answer("the answer ended in its header") : answer;
  auto head = text.substr(0, head_end + line_end.size());
  auto const status_end = head.find(line_end);
  auto const status = status_of(head.substr(0, status_end));
  if (!status)
    return broken_answer("what answers speaks no HTTP");
  if (*status != 200)
    return broken_answer("the answer has HTTP status " + std::to_string(*status));
  std::optional<std::uint64_t> length;
  for (head.remove_prefix(status_end + line_end.size()); !head.empty();) {
    auto const end = head.find(line_end);
    auto const line = head.substr(0, end);
    head.remove_prefix(end + line_end.size());
    auto const colon = std::min(line.find(':'), line.size());
    auto const name = line.substr(0, colon);
    auto const value = without_blanks(line.substr(std::min(colon + 1, line.size())));
    if (same_word(name, "Transfer-Encoding") && !same_word(value, "identity"))
      return broken_answer("the answer comes in pieces, which was not asked for");
    if (!same_word(name, "Content-Length"))
      continue;
    auto const told = whole_number<std::uint64_t>(value);
    if (!told || (length && *length != *told))
      return broken_answer("the answer's length is not understood");
    length = told;
  }
  answer.body = text.substr(head_end + 2 * line_end.size());
  if (length && answer.body.size() >= *length)
    answer.body = answer.body.substr(0, static_cast<std::size_t>(*length));
  else if (!ended)
    return answer;
  else if (length)
    return broken_answer("the answer ended early");
  answer.state = http_state::complete;
  return answer;
}

} // namespace aether::nats::detail
