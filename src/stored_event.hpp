// An event as the embedded store keeps it.
#pragma once

#include <aether/event.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace aether::detail {

/// Once stored it never changes and lives as long as its log, so pointers to it may leave a lock.
struct stored_event {
  event value;
  std::uint64_t sequence = 0;
  time_point stored{};
  std::size_t json_bytes = 0;

  stored_event(event e, std::size_t bytes) : value(std::move(e)), json_bytes(bytes) {}
};

/// One that is to be stored.
using pending_event = std::unique_ptr<stored_event>;

} // namespace aether::detail
