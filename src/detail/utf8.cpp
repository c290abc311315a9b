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

std::string quoted(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out = "\"";
  char const* p = text.data();
  char const* const end = p + text.size();
  while (p != end) {
    auto const byte = static_cast<unsigned char>(*p);
    std::size_t const length = utf8_sequence(p, end);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
      ++p;
      continue;
    }
    if (byte == '"' || byte == '\\')
      out += '\\';
    out.append(p, length);
    p += length;
  }
  out += '"';
  return out;
}

} // namespace aether::detail
