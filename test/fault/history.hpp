// What several writer processes did to a stream, and what the stream holds: the words the checker reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::fault {

enum class call_kind { save, latest_version, get_events };

enum class call_end {
  open,          ///< the process ended before the call did
  saved,         ///< this call's event is stored
  already_saved, ///< an earlier attempt's is
  conflict,
  unknown, ///< it may be stored, or be stored yet
  failed,   ///< reported as not stored, and never to be
  answered, ///< of a read: it returned what is noted
};

struct written_event {
  std::int64_t version = 0;
  std::string id;
  std::uint64_t digest = 0; ///< of the message's data, see digest_of()

  bool operator==(written_event const&) const = default;
};

/// One call of one process. Times are CLOCK_MONOTONIC of the machine, so that those of several processes compare.
struct operation {
  std::uint32_t process = 0;
  std::uint64_t number = 0; ///< in its process
  call_kind kind = call_kind::save;
  std::string actor_id;
  std::int64_t invoked = 0;  ///< ns
  std::int64_t returned = 0; ///< ns; of an open one: 0
  std::int64_t killed = 0;   ///< ns; of an open one whose process was killed: when

  std::vector<written_event> events; ///< of a save: more than one is a batch; of get_events: what it returned
  std::optional<std::int64_t> expected_version; ///< of get_events: after which version it reads
  bool contiguous = false;

  call_end end = call_end::open;
  std::uint64_t sequence = 0; ///< when saved: of the last event
  std::int64_t version = 0;   ///< what was told: of the saved, the current one of a conflict, the latest
  int error = 0;              ///< of a failed one, in the library's numbers
};

/// A message as code that is not the library's read it from the stream.
struct stored_message {
  std::uint64_t sequence = 0;
  std::string actor_id;
  std::optional<std::uint64_t> expected_sequence; ///< that its writer sent with it
  written_event event;
};

/// When something was broken, in the same time.
struct fault_window {
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool of_a_server = true; ///< and so no call's fault; a killed writer is no excuse for others
};

/// Whether the call was under way while it was broken, or in the time after that.
constexpr bool meets(operation const& o, fault_window const& f, std::int64_t after = 0) noexcept {
  auto const ended = o.returned != 0 ? o.returned : o.killed;
  return o.invoked < f.to + after && (ended == 0 || ended > f.from);
}

/// FNV-1a, 64 bits.
constexpr std::uint64_t digest_of(std::string_view data) noexcept {
  std::uint64_t digest = 0xcbf29ce484222325u;
  for (char const c : data)
    digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return digest;
}

} // namespace aether::fault
