// What a fuzz target demands of the code it feeds: where that is not met, the input is kept as a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace aether::fuzz {

inline void demand(bool met, char const* what, std::source_location where = std::source_location::current()) {
  if (met)
    return;
  std::fprintf(stderr, "%s:%u: not so: %s\n", where.file_name(), static_cast<unsigned>(where.line()), what);
  std::abort();
}

inline std::string_view text_of(std::uint8_t const* data, std::size_t size) noexcept {
  return {reinterpret_cast<char const*>(data), size};
}

/// The input's part before the first line end, which is taken off, or all of it. For inputs of two parts that people
/// can still write.
inline std::string_view take_line(std::string_view& input) noexcept {
  auto const end = input.find('\n');
  auto const line = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return line;
}

} // namespace aether::fuzz
