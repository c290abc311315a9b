// Values of one type, read from JSON text without a tree.
#pragma once

#include "json_scanner.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aether::nats::detail {

inline bool read_unsigned(aether::detail::json_scanner& in, std::uint64_t& out) {
  using aether::detail::json_number;
  json_number n;
  if (!in.number(n))
    return false;
  if (n.kind == json_number::form::other || (n.negative && n.magnitude != 0))
    return in.fail("expected a whole number that is not negative");
  out = n.magnitude;
  return true;
}

/// The text lives until the next string is read.
inline bool read_text(aether::detail::json_scanner& in, std::string_view& out) {
  return in.peek() == '"' ? in.string(out) : in.fail("expected a string");
}

inline bool read_string(aether::detail::json_scanner& in, std::string& out) {
  std::string_view text;
  if (!read_text(in, text))
    return false;
  out = text;
  return true;
}

inline bool read_bool(aether::detail::json_scanner& in, bool& out) {
  char const first = in.peek();
  if (first != 't' && first != 'f')
    return in.fail("expected true or false");
  out = first == 't';
  return in.skip_value(0);
}

} // namespace aether::nats::detail
