// Of an event and of a snapshot the same is demanded: what is read is written, and read as the same again.
#pragma once

#include "fuzz/property.hpp"

#include <aether/json.hpp>

#include <string>

namespace aether::fuzz {

/// `parse` is parse_event or parse_snapshot, `malformed` the code of its errors.
template <class T, class Parse> void round_trip(std::string_view text, Parse parse, errc malformed) {
  T first;
  parse_error error;
  if (!parse(text, first, error)) {
    demand(error.code == malformed, "what is no such text is told by its code");
    demand(!error.reason.empty(), "and says why");
    return;
  }
  std::string const written = to_json(first);
  T second = first; // of what is in the object before nothing may stay
  demand(parse(written, second, error), "what is written is read");
  demand(second == first, "as the same");
  demand(to_json(second) == written, "and written as the same text");
  T fresh;
  demand(parse(text, fresh, error) && fresh == first, "reading into another object gives the same");
}

} // namespace aether::fuzz
