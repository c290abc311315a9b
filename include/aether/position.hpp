// A place in everything a store holds, for reading on from there.
#pragma once

#include <aether/event.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// How far one stream was read: up to this event, it included. What a store needs to tell that the stream is still the
/// one that was read, that it reaches so far, and that this event stands there.
struct stream_place {
  std::string stream;         ///< the stream's name in its store
  time_point created{};       ///< when it was made: a stream deleted and made again is another one
  std::uint64_t sequence = 0; ///< of the last event read; 0: none
  std::string event_id;       ///< its id; empty: no event stood there, as in an empty stream

  stream_place() = default;
  stream_place(std::string name, time_point made, std::uint64_t at, std::string id)
      : stream(std::move(name)), created(made), sequence(at), event_id(std::move(id)) {}
  friend bool operator==(stream_place const&, stream_place const&) = default;
};

/// Where reading goes on, as a checkpoint keeps it: to be stored as text and handed back, not to be looked into. A
/// value: copy it as you like. It belongs to the store it came from, and another store refuses it with
/// position_invalid.
class position {
public:
  position() = default; ///< the beginning of everything
  /// For stores. Places in the order of their streams' names, each stream once; throws invalid_argument else.
  explicit position(std::vector<stream_place> places);

  bool is_beginning() const noexcept { return places_.empty(); }
  /// One line of JSON, the same for equal positions.
  std::string to_text() const;
  /// Throws position_invalid for anything but what to_text() writes.
  static position from_text(std::string_view text);

  std::vector<stream_place> const& places() const noexcept { return places_; }
  friend bool operator==(position const&, position const&) = default;

private:
  std::vector<stream_place> places_;
};

} // namespace aether
