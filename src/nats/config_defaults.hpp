// A JetStream store's options with every default filled in.
#pragma once

#include <aether/nats/jetstream_config.hpp>

namespace aether::nats::detail {

inline constexpr std::size_t max_api_prefix_bytes = 200;

/// The same options with no zero left but max_stream_bytes (no limit), api_prefix always set, without a `.` at its
/// end, and domain empty, being part of it. Does not validate.
jetstream_config resolved(jetstream_config config);

/// Of options that name a stream as open() does: what is in them of a store's.
template <class Options> jetstream_config names_of(Options const& o) {
  jetstream_config config;
  config.name_space = o.name_space;
  config.api_prefix = o.api_prefix;
  config.domain = o.domain;
  return config;
}

} // namespace aether::nats::detail
