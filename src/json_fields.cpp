// What is told about a field that is missing or wrong.
#include "json_fields.hpp"

namespace aether::detail {

std::string describe(field_spec const& spec, field_state const& state) {
  std::string text = "field \"";
  text += spec.name;
  text += "\": ";
  switch (state.is) {
  case field_state::fault::none:
    return {};
  case field_state::fault::absent:
    return text += "missing";
  case field_state::fault::mistyped:
    return text + "expected " + spec.expected + ", got " + name_of(state.got);
  case field_state::fault::bad_entry:
    return text + "expected " + spec.expected + ", but an entry is " + name_of(state.got);
  case field_state::fault::empty:
    return text += "expected 1 to 255 bytes, got an empty string";
  case field_state::fault::too_long:
    return text += "expected 1 to 255 bytes, got more";
  case field_state::fault::holds_nul:
    return text += "must not hold NUL";
  case field_state::fault::not_utf8:
    return text += "not valid UTF-8";
  case field_state::fault::version_range:
    return text += "expected an integer from 1 to 9223372036854775807";
  case field_state::fault::not_a_time:
    return text += "expected a time of RFC 3339 such as 2026-01-31T12:00:00Z";
  case field_state::fault::too_deep:
    return text += "nested deeper than 32 levels";
  case field_state::fault::not_finite:
    return text += "a number is beyond the range of a double";
  }
  return text;
}

} // namespace aether::detail
