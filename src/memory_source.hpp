// What an embedded store holds of a filter's actor types or actor, in the order in which it was stored.
#pragma once

#include "memory_log.hpp"

#include <aether/event_filter.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aether::detail {

/// Begins with the first event. Used by one thread at a time.
class memory_source {
public:
  virtual ~memory_source() = default;

  /// Goes on behind this sequence, and no further back.
  virtual void go_behind(std::uint64_t sequence) = 0;
  /// What comes next, at most `most`. It holds everything up to the last sequence that was there before the call.
  virtual std::size_t read(stored_event const** into, std::size_t most) = 0;
  /// How many are stored and were not read.
  virtual std::uint64_t left() const = 0;
  /// Adds each actor's last event up to this sequence, of one part of the actors; false: that was the last part.
  virtual bool add_latest(std::size_t part, std::uint64_t sequence, std::vector<stored_event const*>& events) = 0;

protected:
  memory_source() = default;
};

std::unique_ptr<memory_source> make_memory_source(std::shared_ptr<memory_log> log, event_filter const& filter);

} // namespace aether::detail
