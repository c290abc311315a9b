// The fast path that reading and writing JSON strings share.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aether::detail {

/// How many bytes from `p` on stand for themselves in a JSON string: ASCII but for control characters, quote and
/// backslash. Looks at eight bytes at a time.
inline std::size_t plain_run(char const* p, char const* end) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101u;
  constexpr std::uint64_t tops = ones << 7;
  char const* const start = p;
  for (; end - p >= 8; p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    std::uint64_t const quote = word ^ (ones * '"');
    std::uint64_t const backslash = word ^ (ones * '\\');
    // A byte's top bit is set where it is below 0x20, a quote, a backslash or above 0x7F. A borrow can set it falsely
    // only above (in little endian: after) a byte where it is set rightly.
    std::uint64_t const special =
        (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | word) & tops;
    if (special == 0)
      continue;
    if constexpr (std::endian::native == std::endian::little)
      return static_cast<std::size_t>(p - start) + static_cast<std::size_t>(std::countr_zero(special)) / 8;
    else
      break;
  }
  for (; p != end; ++p) {
    auto const byte = static_cast<unsigned char>(*p);
    if (byte < 0x20 || byte > 0x7F || byte == '"' || byte == '\\')
      break;
  }
  return static_cast<std::size_t>(p - start);
}

} // namespace aether::detail
