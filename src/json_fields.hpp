// The fields of events and snapshots, and what is told about one that is missing or wrong.
#pragma once

#include "detail/utf8.hpp"
#include "json_scanner.hpp"

#include <aether/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aether::detail {

struct field_spec {
  std::string_view name;
  char const* expected;
  bool required;
};

namespace event_field {
enum index : std::size_t { id, event_type, actor_id, command_id, version, data, metadata, timestamp, count };
inline constexpr std::array<field_spec, count> specs{{{"id", "a string", true},
                                                      {"eventType", "a string", true},
                                                      {"actorId", "a string", true},
                                                      {"commandId", "a string", false},
                                                      {"version", "an integer", true},
                                                      {"data", "an object", true},
                                                      {"metadata", "an object of strings", false},
                                                      {"timestamp", "a time as a string", true}}};
} // namespace event_field

namespace snapshot_field {
enum index : std::size_t { actor_id, version, state, timestamp, count };
inline constexpr std::array<field_spec, count> specs{{{"actorId", "a string", true},
                                                      {"version", "an integer", true},
                                                      {"state", "an object", true},
                                                      {"timestamp", "a time as a string", true}}};
} // namespace snapshot_field

template <std::size_t Count>
std::size_t find_field(std::array<field_spec, Count> const& specs, std::string_view name) noexcept {
  for (std::size_t i = 0; i < Count; ++i)
    if (specs[i].name == name)
      return i;
  return Count;
}

/// What is known of one field. When a field occurs twice the last one counts, so faults are kept until the end.
struct field_state {
  enum class fault : std::uint8_t {
    absent,
    none,
    mistyped,
    bad_entry,
    empty,
    too_long,
    holds_nul,
    not_utf8,
    version_range,
    not_a_time,
    too_deep,
    not_finite
  };

  fault is = fault::absent;
  json_type got = json_type::null; ///< of mistyped, and of the entry of bad_entry

  void set(fault f, json_type type = json_type::null) noexcept {
    is = f;
    got = type;
  }
};

/// The fault of an id; an optional one may be empty.
inline field_state::fault check_id(std::string_view id, bool required) noexcept {
  using fault = field_state::fault;
  if (id.empty())
    return required ? fault::empty : fault::none;
  if (id.size() > max_id_bytes)
    return fault::too_long;
  if (id.find('\0') != std::string_view::npos)
    return fault::holds_nul;
  return fault::none;
}

/// `field "version": expected an integer, got a string`; empty when the field has no fault.
std::string describe(field_spec const& spec, field_state const& state);

/// Fills `error` by the first fault, in the order of the fields; true when there is none.
template <std::size_t Count>
bool check_fields(std::array<field_spec, Count> const& specs, std::array<field_state, Count> const& states, errc code,
                  parse_error& error) {
  for (std::size_t i = 0; i < Count; ++i) {
    using fault = field_state::fault;
    if (states[i].is == fault::none || (states[i].is == fault::absent && !specs[i].required))
      continue;
    error.code = make_error_code(code);
    error.reason = describe(specs[i], states[i]);
    return false;
  }
  return true;
}

} // namespace aether::detail
