// Opening a stream: asks what the server can do, creates the stream or takes it as it is, refuses what does not fit.
#pragma once

#include "nats/stream_access.hpp"

#include <aether/nats/jetstream_event_store.hpp>

#include <memory>
#include <vector>

namespace aether::nats::detail {

struct opened_stream {
  std::shared_ptr<stream_access const> stream;
  std::vector<weakened_setting> weakened;

  opened_stream() = default;
};

/// Throws what jetstream_event_store::open() documents.
awaitable<opened_stream> open_stream(connection on, std::string stream_name, jetstream_config config);

} // namespace aether::nats::detail
