// What a store has done, counted: plain structures, taken whenever somebody asks.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aether {

/// How long operations took: how many ended within each bound.
struct latency_histogram {
  /// Upper bounds, each included in its own count.
  static constexpr std::array<std::chrono::nanoseconds, 18> bounds{
      std::chrono::microseconds(10),   std::chrono::microseconds(25),   std::chrono::microseconds(50),
      std::chrono::microseconds(100),  std::chrono::microseconds(250),  std::chrono::microseconds(500),
      std::chrono::milliseconds(1),    std::chrono::microseconds(2500), std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),   std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
      std::chrono::milliseconds(100),  std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
      std::chrono::milliseconds(1000), std::chrono::milliseconds(2500), std::chrono::milliseconds(10000)};

  std::array<std::uint64_t, bounds.size() + 1> counts{}; ///< not added up; the last: longer than every bound
  std::chrono::nanoseconds sum{};

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (auto const c : counts)
      all += c;
    return all;
  }
};

/// Calls that save, by how they ended. A batch is one.
struct save_counts {
  std::uint64_t saved = 0;
  std::uint64_t already_saved = 0;
  std::uint64_t conflict = 0;
  std::uint64_t unknown = 0;
  std::uint64_t overloaded = 0; ///< refused, as too many waited
  std::uint64_t cancelled = 0;  ///< or the coroutine was destroyed. What was handed over may be stored
  std::uint64_t failed = 0;     ///< any other error: nothing was stored

  std::uint64_t total() const noexcept {
    return saved + already_saved + conflict + unknown + overloaded + cancelled + failed;
  }
};

/// Since the store was opened, all copies of its handle together. What is written behind `now` is as it is at this
/// moment. The parts are read one after the other: under load they may differ by what happens meanwhile.
struct store_metrics {
  save_counts saves;
  latency_histogram save_duration;     ///< of calls that ended `saved`, from the call to its end
  std::uint64_t events_saved = 0;      ///< by calls that ended `saved`
  std::uint64_t save_retries = 0;      ///< attempts beyond a save's first (JetStream)
  std::uint64_t unknown_resolved = 0;  ///< saves told as unknown of which the store learned later how they ended
  std::uint64_t cache_hits = 0;        ///< saves for which the version was known here (JetStream)
  std::uint64_t cache_misses = 0;      ///< saves for which the leader was asked first (JetStream)
  std::size_t saves_in_flight = 0;     ///< now: begun and not ended
  std::size_t saves_unresolved = 0;    ///< now: unknown and remembered (JetStream)
  std::size_t cache_bytes = 0;         ///< now: of the version cache (JetStream)

  std::uint64_t replays = 0;           ///< get_events that ended well
  latency_histogram replay_duration;   ///< of those
  std::uint64_t events_replayed = 0;   ///< by those, and by readers that were at their end or destroyed
  std::uint64_t malformed_messages = 0; ///< met by them and by subscriptions
  std::uint64_t snapshots_saved = 0;
  std::uint64_t snapshots_read = 0; ///< asked for, found or not

  std::size_t subscriptions = 0;         ///< now
  std::uint64_t events_delivered = 0;    ///< taken from subscriptions
  std::uint64_t events_behind = 0; ///< now: of the subscription that is furthest behind, as far as is known here
  std::uint64_t announcements = 0; ///< EventStored handed to the broadcaster
  std::uint64_t announcements_dropped = 0; ///< as too many waited for it, or it threw

  store_metrics() = default;
};

} // namespace aether
