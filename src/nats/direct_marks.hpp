// What the headers of a batch of direct gets say: which messages came, whether one is missing, whether more follow.
#pragma once

#include "nats/native_message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace aether::nats::detail {

/// The last header of that name. The server writes its own behind those that were stored with the message, and any
/// client may have stored one of the same name.
std::string_view last_header(native_message const& message, char const* name) noexcept;
std::optional<std::uint64_t> number_header(native_message const& message, char const* name) noexcept;

struct direct_marks {
  std::uint64_t sequence = 0;             ///< 0: cannot be read
  std::optional<std::uint64_t> pending;   ///< none: the server answers no batches
  std::optional<std::uint64_t> previous;  ///< the message before it in this batch; 0: it is the first
};
direct_marks marks_of(native_message const& message) noexcept;

/// True when `message` ends an answer; false when it is a stored message, which may be empty too.
bool is_direct_end(native_message const& message) noexcept;

/// What ended a batch.
struct direct_end {
  int status = 0;                         ///< 204: the end of the batch; 404: there is nothing; others: refused
  std::optional<std::uint64_t> pending;
  std::optional<std::uint64_t> sequence;  ///< of the last message it had
};
direct_end end_of(native_message const& message) noexcept;

/// How many of `count` messages stand in an unbroken row, from the first message of the batch on. `marks(i)` reads
/// those of message i: two calls when nothing is wrong, for reading headers costs as much as parsing an event.
template <class Marks> std::size_t unbroken(std::size_t count, Marks marks) {
  if (count == 0)
    return 0;
  auto const first = marks(0);
  if (first.sequence == 0 || first.previous.value_or(0) != 0)
    return 0;
  if (count == 1)
    return 1;
  auto const last = marks(count - 1);
  if (first.pending && last.pending && *first.pending >= *last.pending && *first.pending - *last.pending == count - 1 &&
      last.sequence > first.sequence)
    return count; // each message counts down by one
  auto before = first.sequence;
  for (std::size_t i = 1; i < count; ++i) {
    auto const m = marks(i);
    if (m.sequence <= before || m.previous != before)
      return i;
    before = m.sequence;
  }
  return count;
}

} // namespace aether::nats::detail
