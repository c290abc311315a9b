// The result of reading an actor's history together with what in it could not be read.
#pragma once

#include <aether/event.hpp>

#include <boost/system/error_code.hpp>

#include <vector>

namespace aether {

/// A stored message on an actor's subject that is no well-formed event, or an event that stands in the wrong order.
struct replay_error {
  std::uint64_t sequence = 0;      ///< of the message in its stream
  std::string raw_data;            ///< its bytes as stored
  boost::system::error_code error; ///< errc::malformed_event, or version_order
  std::string reason;              ///< field and fault, for people

  replay_error() = default;
};

/// The well-formed events in version order, and what stood between them.
struct replay_result {
  std::vector<event> events;
  std::vector<replay_error> errors;

  replay_result() = default;
};

} // namespace aether
