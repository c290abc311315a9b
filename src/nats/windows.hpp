// How much is fetched before it is taken, unless the caller says otherwise.
#pragma once

#include <aether/nats/jetstream_config.hpp>

#include <cstddef>

namespace aether::nats::detail {

/// Zero means the default.
inline std::size_t window_messages(std::size_t wanted) noexcept { return wanted != 0 ? wanted : 32'768; }
inline std::size_t window_bytes(jetstream_config const& config, std::size_t wanted) noexcept {
  return wanted != 0 ? wanted : 4 * config.read_batch_bytes;
}

} // namespace aether::nats::detail
