// How actors are hosted, and what a command carries and gives.
#pragma once

#include <aether/backoff.hpp>
#include <aether/decision.hpp>
#include <aether/logging.hpp>
#include <aether/metadata.hpp>
#include <aether/time_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace aether {

/// What a command brought about. Derivable from the stored events, so that a repeated command gives the same.
struct command_result {
  std::int64_t first_version = 0; ///< of its events; 0: it stored none
  std::int64_t last_version = 0;  ///< of its events; without any: the actor's version at which that was decided
  bool repeated = false;          ///< its events were stored before, by a command of the same id

  friend bool operator==(command_result const&, command_result const&) = default;
};

/// A default-made outcome is a rejection, never a success.
using command_outcome = std::variant<rejection, command_result>;

/// Zero and empty mean the default.
struct command_options {
  /// A command that is repeated with its id counts once: its events carry it. Empty: every one counts.
  std::string command_id;
  /// The id may have been used longer ago than an actor remembers (32 ids): when it is not among these, the history is
  /// searched for it, back to the first event.
  bool maybe_repeated = false;
  /// Copied into every event. Where it names no correlation or causation, the command's id stands in.
  aether::metadata metadata;
  std::chrono::nanoseconds timeout{}; ///< 0: the host's command_timeout

  command_options() = default;
};

/// How old the state may be that a query sees.
class freshness {
public:
  /// What is in memory, loaded when it is not. What other processes stored since may be missing.
  static constexpr freshness cached() noexcept { return freshness(std::chrono::nanoseconds::max()); }
  /// At least what the store held when the query began: one round trip.
  static constexpr freshness latest() noexcept { return freshness(std::chrono::nanoseconds(-1)); }
  /// What is in memory if the store confirmed it no longer ago than that.
  static constexpr freshness at_most(std::chrono::nanoseconds age) noexcept { return freshness(age); }

  constexpr bool allows(std::chrono::nanoseconds age) const noexcept { return age <= oldest_; }

private:
  explicit constexpr freshness(std::chrono::nanoseconds oldest) noexcept : oldest_(oldest) {}
  std::chrono::nanoseconds oldest_;
};

/// When a host keeps a snapshot of an actor. They are written in the background, and are never the truth: one that
/// cannot be written or read is logged, and the events are replayed. A state that does not convert to JSON has none.
class snapshot_policy {
public:
  /// Behind every `events` events; the default is 100.
  static constexpr snapshot_policy every(std::size_t events) noexcept { return {events, 0}; }
  /// When the events since the last one take so many bytes as JSON.
  static constexpr snapshot_policy by_bytes(std::size_t bytes) noexcept { return {0, bytes}; }
  /// None is written, and none is read.
  static constexpr snapshot_policy never() noexcept { return {0, 0}; }

  constexpr snapshot_policy() noexcept : snapshot_policy(100, 0) {}

  constexpr bool is_never() const noexcept { return events_ == 0 && bytes_ == 0; }
  constexpr bool counts_bytes() const noexcept { return bytes_ > 0; }
  constexpr bool is_due(std::size_t events, std::size_t bytes) const noexcept {
    return (events_ > 0 && events >= events_) || (bytes_ > 0 && bytes >= bytes_);
  }

private:
  constexpr snapshot_policy(std::size_t events, std::size_t bytes) noexcept : events_(events), bytes_(bytes) {}
  std::size_t events_, bytes_;
};

/// What an actor type may say of itself (`static constexpr auto multi_event = aether::multi_event::one_by_one;`), for
/// servers without atomic batches.
enum class multi_event {
  atomic, ///< a decision of several events is batch_not_supported there, before anything is stored
  one_by_one, ///< they are saved one after the other: a crash, or another writer, can leave the first ones alone
};

/// Zero means the default, everywhere.
struct actor_host_options {
  std::size_t max_actors = 0; ///< in memory; beyond it the idle one used longest ago goes. 0: 10,000
  std::chrono::nanoseconds idle_after{}; ///< an actor that is not used for so long goes. 0: 10 min
  std::size_t max_waiting_commands = 0; ///< and queries, in all; beyond it they are `overloaded`. 0: 65,536
  std::chrono::nanoseconds command_timeout{}; ///< of commands and queries that name none. 0: 10 s

  /// Commands that wait for one actor are saved together where the store takes batches and that is faster than one by
  /// one, as the host measures: at most so many commands and events. 0: 256 and 1,000; 1: one by one.
  std::size_t max_batch_commands = 0;
  std::size_t max_batch_events = 0;

  /// Conflicts with other writers a command meets before it gives up with version_conflict. 0: 50
  std::size_t max_conflicts = 0;
  backoff conflict_pause; ///< before a command is decided again, from its second conflict on. Zeros: 1 ms to 100 ms

  snapshot_policy snapshots;
  bool skip_unknown_events = false; ///< of types that are none of the actor's; else they are unknown_event_type
  bool skip_malformed_events = false; ///< stored messages that are no event; else they are malformed_event
  /// Rejections, and decisions of no events, are answered from what is in memory. Else the store confirms first that
  /// nothing was missed, which costs a round trip.
  bool reject_from_memory = false;

  std::shared_ptr<time_source const> time; ///< empty: machine_time()
  std::function<double()> random; ///< at least 0, less than 1, from any thread; empty: one of the library's
  std::shared_ptr<logger> log;

  actor_host_options() = default;

  /// Throws invalid_argument, naming the option.
  void validate() const;
};

/// What a host did since it was made. Commands that were cancelled before their turn are not counted.
struct actor_metrics {
  std::uint64_t commands = 0; ///< that ended: the following five together
  std::uint64_t stored = 0; ///< with events
  std::uint64_t nothing = 0; ///< without
  std::uint64_t rejected = 0;
  std::uint64_t repeated = 0;
  std::uint64_t failed = 0; ///< with an exception, or out of time before their turn
  std::uint64_t queries = 0;
  std::uint64_t batches = 0; ///< saves, of one command or several
  std::uint64_t conflicts = 0; ///< with other writers of the same actors
  std::uint64_t loads = 0; ///< actors read from the store
  std::uint64_t evictions = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t snapshots_failed = 0;
  std::size_t actors = 0; ///< in memory now
  std::size_t waiting = 0; ///< commands and queries under way now

  actor_metrics() = default;
};

} // namespace aether
