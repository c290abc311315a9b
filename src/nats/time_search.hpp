// Finds the first message that was stored at a time or later, by asking for few messages.
#pragma once

#include <aether/event.hpp>

#include <cstdint>
#include <optional>

namespace aether::nats::detail {

/// A binary search over the stream's sequences: stored times do not fall along them.
class time_search {
public:
  /// Nothing is below `first` or above `last`.
  time_search(time_point wanted, std::uint64_t first, std::uint64_t last) noexcept
      : wanted_(wanted), begin_(first), end_(last + 1), found_(last + 1) {}

  /// Ask for the first message that does not stand below this sequence; none: found.
  std::optional<std::uint64_t> probe() const noexcept { return begin_ < end_ ? std::optional(middle()) : std::nullopt; }
  /// What it found; sequence 0: there is no such message.
  void on_probe(std::uint64_t sequence, time_point stored) noexcept {
    auto const asked = middle();
    if (sequence != 0 && stored < wanted_) {
      begin_ = sequence + 1;
      return;
    }
    end_ = asked;
    if (sequence != 0 && sequence < found_)
      found_ = sequence;
  }
  /// The sequence of that message, or behind the last one.
  std::uint64_t found() const noexcept { return found_; }

private:
  std::uint64_t middle() const noexcept { return begin_ + (end_ - begin_) / 2; }

  time_point wanted_;
  std::uint64_t begin_;
  std::uint64_t end_;
  std::uint64_t found_;
};

} // namespace aether::nats::detail
