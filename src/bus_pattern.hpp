// Namespaces of a bus, and the patterns that subscribers choose them by.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace aether::detail {

inline constexpr std::size_t max_name_space_tokens = 8;
inline constexpr std::size_t max_name_space_bytes = 255;

/// Of a checked namespace or pattern. The views point into it.
struct name_tokens {
  std::array<std::string_view, max_name_space_tokens> at;
  std::size_t count = 0;

  explicit name_tokens(std::string_view name) noexcept;
};

/// 0 to 8 tokens parted by dots, 255 bytes of UTF-8 without NUL at most; none is empty or holds `*`, `>` or white
/// space. Throws invalid_argument, with the byte at which the mistake is.
void check_name_space(std::string_view name_space);

/// The same, but that a token may be `*` (exactly one token, any) and the last one `>` (one or more).
void check_pattern(std::string_view pattern);

/// Whether a checked pattern is a namespace too, so that nothing else matches it.
bool is_exact(std::string_view pattern) noexcept;

/// Both checked before.
bool matches(std::string_view pattern, std::string_view name_space) noexcept;

} // namespace aether::detail
