// Finds the message before a known one on its subject, where only "the first one from a sequence on" can be asked.
#pragma once

#include <cstdint>
#include <optional>

namespace aether::nats::detail {

/// Gallops downwards until a message shows, then halves what lies between: at most two probes for each doubling of the
/// distance.
class previous_search {
public:
  explicit previous_search(std::uint64_t sequence) noexcept : known_(sequence), empty_from_(sequence) {}

  /// Where to read the first message on the subject next; none: the search is over.
  std::optional<std::uint64_t> probe() noexcept;
  /// What stands there: its sequence, none when there is no message.
  void on_probe(std::optional<std::uint64_t> sequence) noexcept;
  /// Once it is over; 0: there is none.
  std::uint64_t found() const noexcept { return found_; }

private:
  std::uint64_t known_;
  std::uint64_t empty_from_; // nothing on the subject from here to known_
  std::uint64_t found_ = 0;  // the highest one seen below known_
  std::uint64_t pivot_ = 0;
  std::uint64_t distance_ = 1;
};

} // namespace aether::nats::detail
