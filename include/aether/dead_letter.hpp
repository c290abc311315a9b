// Events that a group gave up on: kept, to be looked at, retried or discarded.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/event.hpp>
#include <aether/position.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aether {

enum class dead_letter_cause {
  max_attempts, ///< handed out that often, and never acknowledged
  rejected,     ///< group_event::reject()
  malformed,    ///< the stored message is no event
};

/// A value. What it says of the event is what was true when the group gave it up.
struct dead_letter {
  std::string group;
  aether::position position;  ///< right behind the event
  std::uint64_t sequence = 0; ///< of the event in its stream
  time_point stored{};        ///< when the event was stored
  dead_letter_cause cause = dead_letter_cause::max_attempts;
  std::string reason;                 ///< what reject() was told (its first 1,024 bytes), or what is malformed
  unsigned attempts = 0;              ///< how often it was handed out
  std::string bytes;                  ///< the event as it is stored
  std::optional<aether::event> event; ///< none: malformed
  time_point given_up{};              ///< when the letter was stored

  std::uint64_t number = 0; ///< for stores: the letter's own
  std::string place;        ///< for stores: where the letter stands

  dead_letter() = default;
};

/// For stores: letter after letter, each event once.
class dead_letter_source {
public:
  virtual ~dead_letter_source() = default;
  /// The next letter; none: the end. Cancelled or failed it may be called again. What it is called on outlives the
  /// awaitable.
  virtual awaitable<std::optional<dead_letter>> next(call_options options) = 0;
};

/// A move-only handle on a group's dead letters, in the order in which they were given up. It ends behind those that
/// were there when it was asked last; what is retried or discarded meanwhile may be missing. One round trip a letter.
/// One coroutine at a time.
class dead_letter_list {
public:
  dead_letter_list() = default;
  explicit dead_letter_list(std::shared_ptr<dead_letter_source> source) : source_(std::move(source)) {}
  dead_letter_list(dead_letter_list&&) noexcept = default;
  dead_letter_list& operator=(dead_letter_list&&) noexcept = default;
  ~dead_letter_list();

  /// The next letter; none: the end, and asked again, what has come since. Throws not_open on a list that was
  /// default-made or moved from, and what a read throws.
  awaitable<std::optional<dead_letter>> next(call_options options = {});

private:
  static awaitable<std::optional<dead_letter>> next_letter(std::shared_ptr<dead_letter_source> source,
                                                           call_options options);

  std::shared_ptr<dead_letter_source> source_;
};

} // namespace aether
