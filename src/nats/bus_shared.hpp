// What the parts of one bus across processes share: names, bounds, counters, and complaining.
#pragma once

#include "detail/log_throttle.hpp"
#include "nats/bus_subject.hpp"

#include <aether/event_broadcaster.hpp>
#include <aether/nats/event_bus.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace aether::nats::detail {

/// Thread-safe.
struct bus_shared {
  /// The options have been checked.
  explicit bus_shared(event_bus_options options);

  /// A message that is no event of a bus: counted, and told to the logger, but no more than one a second.
  void complain(std::string_view subject, std::string_view cause);
  void add_to(bus_metrics& m) const noexcept;

  bus_subjects const subjects;
  std::string const id; ///< of this bus object, random
  std::size_t const max_published_namespaces;
  std::size_t const max_heard_counts;
  std::shared_ptr<logger> const log;

  std::atomic<std::uint64_t> received{0}, dropped{0}; // from other processes
  std::atomic<std::uint64_t> heard{0}, missed{0}, gaps{0}, malformed{0}, unsent{0};

private:
  std::mutex mutex_;
  aether::detail::log_throttle limit_;
};

} // namespace aether::nats::detail
