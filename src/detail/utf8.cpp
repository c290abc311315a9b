// UTF-8 validation, eight ASCII bytes at a time.
#include "detail/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace aether::detail {

bool valid_utf8(std::string_view text) noexcept {
  char const* p = text.data();
  char const* const end = p + text.size();
  while (p != end) {
    if (end - p >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        p += sizeof word;
        continue;
      }
    }
    std::size_t const length = utf8_sequence(p, end);
    if (length == 0)
      return false;
    p += length;
  }
  return true;
}

bool valid_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= max_id_bytes && id.find('\0') == std::string_view::npos && valid_utf8(id);
}

namespace {

/// Of a well-formed sequence: control characters beyond ASCII, line and paragraph separators, and what turns the
/// direction of writing around.
bool changes_what_follows(char const* p) noexcept {
  auto const byte = [p](std::size_t i) { return static_cast<unsigned char>(p[i]); };
  if (byte(0) == 0xC2)
    return byte(1) < 0xA0; // U+0080 to U+009F
  if (byte(0) != 0xE2)
    return false;
  return (byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) || // U+2028 to U+202E
         (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);   // U+2066 to U+2069
}

/// The bytes at `p` that stand for themselves; 0: the first one is to be escaped.
std::size_t printable_sequence(char const* p, char const* end) noexcept {
  auto const byte = static_cast<unsigned char>(*p);
  if (byte < 0x20 || byte == 0x7F || byte == '"' || byte == '\\')
    return 0;
  std::size_t const length = utf8_sequence(p, end);
  return length > 1 && changes_what_follows(p) ? 0 : length;
}

} // namespace

bool is_printable(std::string_view text) noexcept {
  char const* p = text.data();
  char const* const end = p + text.size();
  while (p != end) {
    std::size_t const length = printable_sequence(p, end);
    if (length == 0)
      return false;
    p += length;
  }
  return true;
}

std::string escaped(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  char const* p = text.data();
  char const* const end = p + text.size();
  while (p != end) {
    if (std::size_t const length = printable_sequence(p, end); length > 0) {
      out.append(p, length);
      p += length;
      continue;
    }
    auto const byte = static_cast<unsigned char>(*p++);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += static_cast<char>(byte);
    } else {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

std::string quoted(std::string_view text) { return '"' + escaped(text) + '"'; }

} // namespace aether::detail
