// The place of a recorded event.
#include <aether/recorded_event.hpp>

namespace aether {

position recorded_event::position() const {
  std::vector<stream_place> places;
  if (stream)
    places.emplace_back(stream->name, stream->created, sequence, event.id);
  return aether::position(std::move(places));
}

} // namespace aether
