// Any bytes as an event's JSON.
#include "fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace aether;
  fuzz::round_trip<event>(fuzz::text_of(data, size), parse_event, errc::malformed_event);
  return 0;
}
