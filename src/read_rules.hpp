// What of an actor's events a reader hands out, decided on their versions alone.
#pragma once

#include <aether/event_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace aether::detail {

enum class read_verdict {
  deliver,
  pass,         ///< outside of what was asked for
  out_of_order, ///< not greater (backwards: not smaller) than one before it
  end,          ///< neither this one nor what follows is wanted
};

class read_rules {
public:
  explicit read_rules(read_options const& options) noexcept
      : backwards_(options.direction == read_direction::backwards), after_(options.after_version),
        up_to_(options.up_to_version != 0 ? options.up_to_version : std::numeric_limits<std::int64_t>::max()),
        left_(options.max_events != 0 ? options.max_events : std::numeric_limits<std::size_t>::max()) {}

  read_verdict on_event(std::int64_t version) noexcept {
    if (seen_ && (backwards_ ? version >= last_ : version <= last_))
      return read_verdict::out_of_order;
    seen_ = true;
    last_ = version;
    auto const below = version <= after_;
    auto const above = version > up_to_;
    if (backwards_ ? below : above)
      return read_verdict::end;
    if (below || above)
      return read_verdict::pass;
    --left_;
    return read_verdict::deliver;
  }
  /// False: what was asked for has been handed out.
  bool wants_more() const noexcept {
    return left_ > 0 && after_ < up_to_ && !(seen_ && (backwards_ ? last_ - 1 <= after_ : last_ >= up_to_));
  }
  std::int64_t last() const noexcept { return last_; }

private:
  bool const backwards_;
  std::int64_t const after_;
  std::int64_t const up_to_;
  std::size_t left_;
  std::int64_t last_ = 0; // version handed out or passed
  bool seen_ = false;
};

} // namespace aether::detail
