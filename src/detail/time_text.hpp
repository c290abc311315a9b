// RFC 3339 text without an allocation, for the writers of JSON.
#pragma once

#include <aether/event.hpp>

#include <array>
#include <cstddef>

namespace aether::detail {

using time_text = std::array<char, 32>; // 30 are needed: 2262-04-11T23:47:16.854775807Z

/// Writes `t` and returns how many characters.
std::size_t write_time(time_text& text, time_point t) noexcept;

} // namespace aether::detail
