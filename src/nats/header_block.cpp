// The header block of a stored NATS message.
#include "nats/header_block.hpp"

namespace aether::nats::detail {
namespace {

constexpr std::string_view protocol = "NATS/1.0";

std::string_view trimmed(std::string_view text) noexcept {
  std::size_t const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes the next line without its end off `text`; false when no line end is left.
bool take_line(std::string_view& text, std::string_view& line) noexcept {
  std::size_t const end = text.find("\r\n");
  if (end == std::string_view::npos)
    return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return true;
}

/// What stands on the first line behind the protocol's name: nothing, or three digits and a description.
bool parse_status(std::string_view rest, header_block& out) {
  rest = trimmed(rest);
  if (rest.empty())
    return true;
  auto const digit = [](char c) { return c >= '0' && c <= '9'; };
  if (rest.size() < 3 || !digit(rest[0]) || !digit(rest[1]) || !digit(rest[2]) || (rest.size() > 3 && rest[3] != ' '))
    return false;
  out.status = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
  out.description = trimmed(rest.substr(3));
  return true;
}

} // namespace

bool parse_header_block(std::string_view text, header_block& out) {
  out.status = 0;
  out.description.clear();
  out.headers.clear();
  std::string_view line;
  if (!take_line(text, line) || !line.starts_with(protocol))
    return false;
  bool well_formed = parse_status(line.substr(protocol.size()), out);
  while (take_line(text, line)) {
    if (line.empty())
      return well_formed && text.empty();
    std::size_t const colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      well_formed = false;
      continue;
    }
    out.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  }
  return false;
}

} // namespace aether::nats::detail
