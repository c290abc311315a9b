// Finds the first event of an actor whose version is not smaller than a given one, by asking for few messages.
#pragma once

#include <cstdint>
#include <optional>

namespace aether::nats::detail {

enum class search_do {
  probe, ///< read the first message on the subject whose sequence is not below `sequence` → on_probe
  found, ///< the event is the message at `sequence`
  none,  ///< there is no such event
};

struct search_step {
  search_do what = search_do::none;
  std::uint64_t sequence = 0;
  std::int64_t version = 0; ///< of found
};

struct probed_message {
  std::uint64_t sequence = 0;
  std::optional<std::int64_t> version; ///< none: malformed
};

/// A search over the stream's sequences, from the known last event downwards. Versions increase along a subject, so
/// where they lie is guessed from what is known around them, and every second guess is the middle instead: no
/// more than two probes for each halving of the sequences, and one for each malformed message that stands where it
/// probes, each at most once. An event whose version is the wanted one or the next of a known one ends it at once.
class version_search {
public:
  /// `first_sequence`: nothing on the subject is below it (the stream's first, or 1). `last_sequence` and
  /// `last_version`: the subject's last well-formed event.
  version_search(std::int64_t version, std::uint64_t first_sequence, std::uint64_t last_sequence,
                 std::int64_t last_version) noexcept;

  search_step start() noexcept { return next(); }
  /// What the probe found; none: no message is there, which can only be when some went meanwhile.
  search_step on_probe(std::optional<probed_message> message) noexcept;

private:
  search_step next() noexcept;
  search_step probe(std::uint64_t sequence) noexcept;
  std::uint64_t guess() const noexcept;

  std::int64_t wanted_;
  std::uint64_t begin_;                     // every event below has a smaller version
  std::int64_t version_below_ = 0;          // of the last event known below begin_
  std::uint64_t end_;                       // every event from here on is the candidate or later
  std::optional<probed_message> candidate_; // the first known event that is not smaller
  std::uint64_t pivot_ = 0;                 // where this probe began
  std::uint64_t asked_ = 0;                 // where it is by now, past malformed messages
  bool halve_ = false;
};

} // namespace aether::nats::detail
