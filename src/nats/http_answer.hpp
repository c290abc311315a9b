// As much of HTTP as it takes to read a server's monitoring page: an address, and an answer's parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace aether::nats::detail {

struct http_address {
  std::string host; ///< a name, or an IP address without brackets
  std::uint16_t port = 80;
  std::string path; ///< begins with a `/`

  http_address() = default;
};

/// Where the page `/varz` is under a URL as `http://host:8222` or `http://[::1]:8222/base`; else what is wrong with it.
std::variant<std::string, http_address> monitoring_page(std::string_view url);

/// The request, of HTTP 1.0: its answer comes in one piece and is over when the connection is.
std::string http_request(http_address const& to);

enum class http_state {
  incomplete,
  complete, ///< `body` is the page
  broken, ///< `why` says how
};

struct http_answer {
  http_state state = http_state::incomplete;
  std::string_view body; ///< of the text that was given
  std::string why;

  http_answer() = default;
};

/// What has come so far; `ended`: nothing more will.
http_answer read_http_answer(std::string_view text, bool ended);

} // namespace aether::nats::detail
