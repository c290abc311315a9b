// An event as it stands in its store: with its place and the time it was stored.
#pragma once

#include <aether/event.hpp>
#include <aether/position.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace aether {

/// Which stream of a store something stands in. A stream that was deleted and made again is another one.
struct stream_identity {
  std::string name;
  time_point created{};

  stream_identity() = default;
  stream_identity(std::string n, time_point made) : name(std::move(n)), created(made) {}
  friend bool operator==(stream_identity const&, stream_identity const&) = default;
};

/// What readers and subscriptions hand out. A value.
struct recorded_event {
  aether::event event;
  std::uint64_t sequence = 0; ///< the store's number of it, unique in its stream
  time_point stored{};        ///< when the store took it, by the store's clock

  /// The place right behind this event: read on from there. Made when it is asked for.
  aether::position position() const;

  recorded_event() = default;

  /// For stores.
  std::shared_ptr<stream_identity const> stream;
};

} // namespace aether
