// Options of a connection: their defaults and what is refused.
#include <aether/nats/connection_options.hpp>

#include "detail/utf8.hpp"
#include "nats/duration_text.hpp"
#include "nats/option_defaults.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace aether::nats {
namespace {

using aether::detail::quoted;
using detail::duration_text;
using namespace std::chrono_literals;

[[noreturn]] void refuse(std::string_view option, std::string const& value, std::string_view why) {
  throw error(errc::invalid_argument,
              "connection_options::" + std::string(option) + " is " + value + ": " + std::string(why));
}

bool has_control_or_blank(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7F; });
}

bool valid_port(std::string_view text) {
  unsigned port = 0;
  auto const [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

// [scheme://][credentials@]host[:port], the host a name, an IPv4 address or an IPv6 address in brackets.
void check_server(std::string_view url) {
  auto const shown = quoted(detail::without_credentials(url));
  auto fail = [&](std::string_view why) { refuse("servers", shown, why); };
  if (url.empty() || has_control_or_blank(url))
    fail("a URL is not empty and holds no blanks or control characters");
  auto rest = url;
  if (auto const at = rest.find("://"); at != std::string_view::npos) {
    auto const scheme = rest.substr(0, at);
    if (scheme != "nats" && scheme != "tls")
      fail("use nats://host:port, or tls://host:port");
    rest.remove_prefix(at + 3);
  }
  if (auto const at = rest.rfind('@'); at != std::string_view::npos)
    rest.remove_prefix(at + 1);
  if (rest.ends_with('/'))
    rest.remove_suffix(1);
  if (rest.find_first_of("/?#,") != std::string_view::npos)
    fail("use nats://host:port and nothing behind the port; give several servers as several elements");
  auto const bracket = rest.find(']');
  auto const colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos && !valid_port(rest.substr(colon + 1)))
    fail("a port is a number from 1 to 65535");
  if (rest.substr(0, colon).empty())
    fail("the host is missing");
}

void check_not_negative(std::string_view option, std::chrono::nanoseconds value) {
  if (value < 0ns)
    refuse(option, duration_text(value), "it cannot be negative");
}

// What goes into the CONNECT line as JSON text, or to cnats as a C string.
void check_text(std::string_view option, std::string_view value, std::string_view shown) {
  if (value.find('\0') != std::string_view::npos || !aether::detail::valid_utf8(value))
    refuse(option, std::string(shown), "use UTF-8 without NUL");
}

void check_credentials(connection_options const& o) {
  check_text("name", o.name, quoted(o.name));
  check_text("user", o.user, quoted(o.user));
  check_text("password", o.password, "not shown");
  check_text("token", o.token, "not shown");
  if (o.user.empty() && !o.password.empty())
    refuse("password", "set", "it needs a user");
  if (o.nkey_seed_file.empty() != o.nkey_public.empty())
    refuse("nkey_public", quoted(o.nkey_public), "an NKey needs both nkey_public and nkey_seed_file");
  int const kinds = !o.user.empty() + !o.token.empty() + !o.nkey_seed_file.empty() + !o.credentials_file.empty();
  if (kinds > 1)
    refuse("credentials_file", quoted(o.credentials_file),
           "give one kind of credentials: user and password, token, NKey, or credentials file");
}

void check_tls(tls_options const& t) {
  if (t.certificate_file.empty() != t.key_file.empty())
    refuse("tls.certificate_file", quoted(t.certificate_file), "a client certificate needs key_file, and a key it");
  if (!t.verify_server && !t.expected_hostname.empty())
    refuse("tls.expected_hostname", quoted(t.expected_hostname), "it is not checked when verify_server is false");
}

void check_inbox_prefix(std::string const& prefix) {
  char previous = '.';
  for (char const c : prefix) {
    if (has_control_or_blank({&c, 1}) || c == '*' || c == '>' || (c == '.' && previous == '.'))
      previous = '\0';
    if (previous == '\0')
      break;
    previous = c;
  }
  if (prefix.size() > 200 || previous == '\0' || (!prefix.empty() && previous == '.'))
    refuse("inbox_prefix", quoted(prefix),
           "use a subject of up to 200 bytes without blanks, wildcards and a dot at its end, such as \"_INBOX\"");
}

} // namespace

void connection_options::validate() const {
  for (auto const& server : servers)
    check_server(server);
  check_credentials(*this);
  check_tls(tls);
  check_inbox_prefix(inbox_prefix);
  check_not_negative("connect_timeout", connect_timeout);
  check_not_negative("operation_timeout", operation_timeout);
  check_not_negative("reconnect_wait", reconnect_wait);
  check_not_negative("reconnect_wait_max", reconnect_wait_max);
  check_not_negative("ping_interval", ping_interval);
  auto const full = detail::resolved(*this);
  if (full.reconnect_wait > full.reconnect_wait_max)
    refuse("reconnect_wait", duration_text(full.reconnect_wait),
           "it must not be above reconnect_wait_max, which is " + duration_text(full.reconnect_wait_max));
  if (max_pings_out < 0)
    refuse("max_pings_out", std::to_string(max_pings_out), "it cannot be negative");
  if (max_pending_bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    refuse("max_pending_bytes", std::to_string(max_pending_bytes), "use at most 2 GB");
}

namespace detail {

connection_options resolved(connection_options o) {
  auto set = [](auto& value, auto standard) {
    if (value == decltype(standard){})
      value = standard;
  };
  if (o.servers.empty())
    o.servers.emplace_back("nats://127.0.0.1:4222");
  if (o.inbox_prefix.empty())
    o.inbox_prefix = "_INBOX";
  set(o.connect_timeout, std::chrono::nanoseconds(5s));
  set(o.operation_timeout, std::chrono::nanoseconds(10s));
  if (o.reconnect_wait == 0ns) // a pause that is given alone stays what it is
    o.reconnect_wait = o.reconnect_wait_max == 0ns ? std::chrono::nanoseconds(50ms)
                                                   : std::min<std::chrono::nanoseconds>(50ms, o.reconnect_wait_max);
  set(o.reconnect_wait_max, std::max<std::chrono::nanoseconds>(2s, o.reconnect_wait));
  set(o.ping_interval, std::chrono::nanoseconds(20s));
  set(o.max_pings_out, 2);
  set(o.max_pending_bytes, std::size_t{64} << 20);
  return o;
}

std::vector<std::string> split_servers(std::string_view urls) {
  std::vector<std::string> servers;
  while (!urls.empty()) {
    auto const comma = std::min(urls.find(','), urls.size());
    auto part = urls.substr(0, comma);
    urls.remove_prefix(std::min(comma + 1, urls.size()));
    auto const first = part.find_first_not_of(" \t");
    if (first == std::string_view::npos)
      continue;
    servers.emplace_back(part.substr(first, part.find_last_not_of(" \t") + 1 - first));
  }
  return servers;
}

std::string without_credentials(std::string_view url) {
  auto const scheme = url.find("://");
  auto const from = scheme == std::string_view::npos ? 0 : scheme + 3;
  auto const at = url.rfind('@');
  if (at == std::string_view::npos || at < from)
    return std::string(url);
  return std::string(url.substr(0, from)).append(url.substr(at + 1));
}

} // namespace detail
} // namespace aether::nats
