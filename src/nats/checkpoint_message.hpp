// A checkpoint as it is stored in its stream, and what a read of it after an unclear write means. Pure.
#pragma once

#include <aether/checkpoint_store.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// `{"projection":"totals","position":[…],"resetDue":false,"writer":"…","write":7,"time":"2025-…Z"}`; `position` is
/// what position::to_text() writes, null when there is none.
struct checkpoint_message {
  std::string projection;
  checkpoint value;
  std::string writer; ///< random, of one session: how it knows what it wrote itself
  std::uint64_t write = 0; ///< counts that session's checkpoints; 0: it took the projection over

  checkpoint_message() = default;

  std::string to_text(std::string_view time) const;
  /// Throws position_invalid.
  static checkpoint_message from_text(std::string_view text);
};

enum class write_state {
  stored, ///< this very write is there
  again, ///< it is not: publish with the sequence given
  ask_again, ///< the answer is older than what is known: a server that has not noticed that it leads no more
  taken_over, ///< somebody else has written since
};

struct write_verdict {
  write_state state = write_state::again;
  std::uint64_t sequence = 0; ///< of stored: where; of again: what to expect
};

/// What stands last on the subject (sequence 0: nothing), after a write that expected `expected` was refused or not
/// answered. Only who knows the last sequence can write, so that a last message of one's own says that nobody else has.
write_verdict judge_write(std::uint64_t expected, std::string_view writer, std::uint64_t write,
                          std::uint64_t last_sequence, std::string_view last_writer, std::uint64_t last_write) noexcept;

} // namespace aether::nats::detail
