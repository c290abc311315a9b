// UTF-8: what is valid, which ids are, and how text that may be anything is shown to people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aether::detail {

inline constexpr std::size_t max_id_bytes = 255;

/// The length of the well-formed sequence at `p` (1 to 4), or 0 when there is none: overlong forms, surrogates, code
/// points above U+10FFFF and cut-off sequences are not well-formed. `p` must be before `end`.
inline std::size_t utf8_sequence(char const* p, char const* end) noexcept {
  auto const byte = [p](std::size_t i) { return static_cast<unsigned char>(p[i]); };
  auto const continues = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  auto const left = static_cast<std::size_t>(end - p);
  unsigned const lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  if (lead < 0xE0)
    return left >= 2 && continues(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2))
      return 0;
    bool const overlong = lead == 0xE0 && byte(1) < 0xA0;
    bool const surrogate = lead == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (left < 4 || !continues(1) || !continues(2) || !continues(3))
    return 0;
  bool const overlong = lead == 0xF0 && byte(1) < 0x90;
  bool const too_large = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || too_large ? 0 : 4;
}

bool valid_utf8(std::string_view text) noexcept;

/// What every id, event type and name must be: 1 to 255 bytes of UTF-8 without NUL.
bool valid_id(std::string_view id) noexcept;

/// The text in double quotes for a message: quotes, backslashes, control characters and bytes that are no UTF-8
/// are escaped, so that an id cannot forge a line of a log.
std::string quoted(std::string_view text);
/// The same without the quotes around it.
std::string escaped(std::string_view text);
/// It escapes to itself.
bool is_printable(std::string_view text) noexcept;

} // namespace aether::detail
