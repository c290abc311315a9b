// A dead letter as a message: the event's bytes, and what is known about it in one header.
#pragma once

#include <aether/dead_letter.hpp>
#include <aether/group_source.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aether::nats::detail {

inline constexpr char const* letter_header = "Aether-Dead-Letter";

/// `{"sequence":17,"created":"…","stored":"…","cause":"rejected","attempts":3,"reason":"…","subject":"…"}`, and
/// `"left_out":true` where the event and this are together too large for one message: then the data is empty, and the
/// event has to be read from its stream.
struct letter_facts {
  std::uint64_t sequence = 0; ///< of the event in its stream
  time_point created{};       ///< when that stream was made
  time_point stored{};        ///< when the event was
  std::string subject;        ///< of the event; empty: it is not to be told
  dead_letter_note note;
  bool left_out = false;

  letter_facts() = default;
};

std::string write_letter_facts(letter_facts const& facts);
std::optional<letter_facts> read_letter_facts(std::string_view text);

} // namespace aether::nats::detail
