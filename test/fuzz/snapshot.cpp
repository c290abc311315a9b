// Any bytes as a snapshot's JSON.
#include "fuzz/round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace aether;
  fuzz::round_trip<actor_snapshot>(fuzz::text_of(data, size), parse_snapshot, errc::malformed_snapshot);
  return 0;
}
